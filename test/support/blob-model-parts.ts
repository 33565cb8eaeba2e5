import { noSequenceConditions } from '../../src/services/blob/sequence-number.ts'
import { never } from './blob-bench.ts'
import { bodyOf } from './body.ts'
import { bytesOf } from './blob-model-commands.ts'
import {
  type HasEtag,
  type Of,
  type Run,
  type Step,
  type Steps,
  changed,
  keyed,
  newBlob,
  now,
  pathOf,
  step,
  there,
  typed,
  writing,
} from './blob-model-step.ts'
import { type Kept, PAGE, newKept, replace } from './blob-model.ts'

/** Append blobs and page blobs. */
export const partSteps: Steps<'new-append' | 'append' | 'seal' | 'new-pages' | 'pages' | 'clear' | 'resize'> =
  {
    'new-append'(run, command) {
      return emptyStep(run, command, newKept('AppendBlob', {}))
    },

    'new-pages'(run, command) {
      const pages = Array.from({ length: command.count }, () => false)
      return emptyStep(
        run,
        command,
        newKept('PageBlob', { bytes: Buffer.alloc(command.count * PAGE), pages }),
      )
    },

    append(run, command) {
      const { name, fill, at } = command
      const { blob, options, refusals } = writing(run, command)
      const bytes = bytesOf(fill)
      const length = blob?.bytes.length ?? 0
      const position = at === 'any' ? null : at === 'zero' ? 0 : length
      const asked = { ...options, position, maxBytes: null }
      return step({
        refusals: [
          ...refusals,
          ...there(blob),
          ...typed(blob, 'AppendBlob'),
          ...(blob?.isSealed === true ? ['blob-sealed'] : []),
          ...(position !== null && position !== length ? ['append-position-not-met'] : []),
          ...keyed(run),
        ],
        call: async () =>
          (await run.bench.blobs.appendBlock({ at: pathOf(run, name), command: asked }, bodyOf(bytes), never))
            .blob,
        then: changed(run, blob, (one) => {
          one.bytes = Buffer.concat([one.bytes, bytes])
        }),
      })
    },

    seal(run, command) {
      const { blob, options, refusals } = writing(run, command)
      return step({
        refusals: [...refusals, ...there(blob), ...typed(blob, 'AppendBlob')],
        call: () => run.bench.blobs.sealAppendBlob(pathOf(run, command.name), { ...options, position: null }),
        then: () => {
          if (blob !== undefined) blob.isSealed = true
        },
      })
    },

    resize(run, command) {
      const { blob, options, refusals } = writing(run, command)
      const length = command.count * PAGE
      const asked = { ...options, headers: null, pages: { length, sequence: null } }
      return step({
        refusals: [...refusals, ...there(blob), ...typed(blob, 'PageBlob')],
        call: () => run.bench.blobs.setBlobProperties(pathOf(run, command.name), asked),
        then: changed(run, blob, (one) => {
          one.bytes = Buffer.concat([one.bytes, Buffer.alloc(length)]).subarray(0, length)
          const { pages } = one
          one.pages = Array.from({ length: command.count }, (_, page) => pages[page] ?? false)
        }),
      })
    },

    pages: pagesStep,
    clear: pagesStep,
  }

function pagesStep(run: Run, command: Of<'pages' | 'clear'>): Step {
  const { name, from, count, seed } = command
  const { blob, options, refusals } = writing(run, command)
  const span = { start: from * PAGE, end: (from + count) * PAGE }
  const bytes = command.do === 'clear' ? Buffer.alloc(count * PAGE) : bytesOf({ length: count * PAGE, seed })
  const isBeyond = blob !== undefined && span.end > blob.bytes.length
  const then = changed(run, blob, (one) => {
    one.bytes = Buffer.concat([one.bytes.subarray(0, span.start), bytes, one.bytes.subarray(span.end)])
    one.pages = one.pages.map((is, page) =>
      page >= from && page < from + count ? command.do === 'pages' : is,
    )
  })
  const asked = { at: pathOf(run, name), command: { ...options, span, sequence: noSequenceConditions } }
  return step({
    refusals: [
      ...refusals,
      ...there(blob),
      ...typed(blob, 'PageBlob'),
      ...(isBeyond ? ['page-range-invalid'] : []),
      ...keyed(run),
    ],
    call: async () =>
      command.do === 'clear'
        ? await run.bench.blobs.clearPages(asked, never)
        : (await run.bench.blobs.putPage(asked, bodyOf(bytes), never)).blob,
    then,
  })
}

function emptyStep(run: Run, command: Of<'new-append' | 'new-pages'>, made: Kept): Step {
  const { options, refusals } = writing(run, command)
  const { length } = made.bytes
  const blob =
    made.type === 'AppendBlob'
      ? { type: 'AppendBlob' as const }
      : { type: 'PageBlob' as const, length, sequenceNumber: '0', tier: null }
  const asked = { ...newBlob, ...options, blob }
  return step({
    refusals: [...refusals, ...keyed(run)],
    call: () => run.bench.blobs.putEmptyBlob({ at: pathOf(run, command.name), command: asked }, never),
    then: ({ doc: { etag } }: HasEtag) => replace(run.model, command.name, { ...made, etag }, now(run)),
  })
}
