import { setImmediate } from 'node:timers/promises'
import { type Difference, type Shown, differences } from './blob-differential-answers.ts'
import type { DifferentialCommand } from './blob-differential-commands.ts'
import { askOf, getAsk, listAsk } from './blob-differential-requests.ts'
import type { Side } from './blob-differential-side.ts'
import type { Ask } from './blob-differential-tables.ts'
import { first, names } from './blob-model-commands.ts'

/** A difference that is known, and whose explanation says that we are right. */
export interface Divergence {
  readonly on: 'any' | readonly string[]
  /** As in `Difference`. */
  readonly field: string | RegExp
  readonly ours: string | RegExp
  readonly theirs: string | RegExp
  /** Also without a write that went otherwise: what is stored differs by now. */
  readonly staysApart?: true
  readonly why: string
  /** Address of the document. */
  readonly proof: string
}

/** What nobody has explained, when it was met first. */
interface Unexplained extends Difference {
  /** What was asked before, with both answers. */
  readonly after: readonly string[]
}

export interface Comparison {
  /** Runs commands on both, in a container of that name, and compares every answer. */
  run(container: string, commands: readonly DifferentialCommand[]): Promise<void>
  readonly unexplained: readonly Unexplained[]
  /** Those that nothing was explained by. */
  unused(): readonly Divergence[]
  /** Requests that both were asked. */
  requests(): number
}

interface Sides {
  readonly ours: Side
  readonly theirs: Side
}

type Make = (side: Side) => Ask | null

export function compare({ ours, theirs }: Sides, divergences: readonly Divergence[]): Comparison {
  const unexplained = new Map<string, Unexplained>()
  const used = new Set<Divergence>()
  let log: string[] = []
  let requests = 0

  async function ask(make: Make): Promise<readonly [Ask, readonly Difference[]] | null> {
    const [one, other] = [make(ours), make(theirs)]
    if (one === null || other === null) return null
    if (one.operation === 'Snapshot Blob') await nextMillisecond()
    const answers = await Promise.all([ours.send(one), theirs.send(other)])
    requests++
    log.push(line(one, answers))
    const found = differences(operationOf(one, ours), ...answers)
    for (const difference of found) note(difference)
    return [one, found]
  }

  function note(difference: Difference): void {
    const known = explanation(divergences, difference)
    if (known !== undefined) {
      used.add(known)
      return
    }
    const key = JSON.stringify(difference)
    if (!unexplained.has(key)) unexplained.set(key, { ...difference, after: log.slice(-30) })
  }

  /** What is there of a blob, by all that tells it. */
  async function audit(blob: string): Promise<readonly Difference[]> {
    const found: Difference[] = []
    for (const make of audits(blob)) found.push(...((await ask(make))?.[1] ?? []))
    return found
  }

  /** @returns whether both are alike again */
  async function resync(blob: string): Promise<boolean> {
    log.push(`${blob} is made anew`)
    await Promise.all([ours.clear(blob), theirs.clear(blob)])
    for (const command of first) {
      if (command.name !== blob || command.do === 'block') continue
      const asked = await ask((side) => askOf(command, side))
      if (asked?.[1].some(({ field }) => field === 'answer') === true) return false
    }
    return true
  }

  const isApart = (one: Difference) => explanation(divergences, one)?.staysApart === true

  /** @returns whether both are alike afterwards */
  async function step(make: Make): Promise<boolean> {
    const asked = await ask(make)
    if (asked === null) return true
    const [{ blob, isWrite = false }, found] = asked
    if (blob === undefined) return true
    let isOther = found.some((one) => isApart(one) || (isWrite && one.field === 'answer'))
    if (isWrite && !isOther) isOther = (await audit(blob)).some(isApart)
    return isOther ? await resync(blob) : true
  }

  return {
    async run(container, commands) {
      log = []
      for (const side of [ours, theirs]) side.begin(container)
      await ask(() => containerAsk('Create Container', 'PUT', container))
      for (const command of commands) {
        if (!(await step((side) => askOf(command, side)))) break
      }
      for (const name of Object.values(names)) await audit(name)
      await ask(() => listAsk(container, 'include=snapshots,metadata,uncommittedblobs,copy,tags'))
      await ask(() => containerAsk('Delete Container', 'DELETE', container))
    },
    get unexplained() {
      return [...unexplained.values()]
    },
    unused: () => divergences.filter((one) => !used.has(one)),
    requests: () => requests,
  }
}

function audits(blob: string): readonly Make[] {
  return [
    ({ container }) => getAsk(container, blob),
    (side) => askOf({ do: 'get-block-list', name: blob, which: 'all', lease: null }, side),
    (side) => askOf({ do: 'get-page-ranges', name: blob, from: 0, count: 0 }, side),
  ]
}

function containerAsk(operation: string, method: string, container: string): Ask {
  return { operation, method, path: `/${container}?restype=container` }
}

/** Azurite does not tell a blob from its snapshots where a block comes. */
function operationOf({ operation, blob = '' }: Ask, { snapshots }: Side): string {
  return operation === 'Put Block' && snapshots.has(blob) ? 'Put Block beside snapshots' : operation
}

/** Azurite takes two snapshots of one millisecond for one. */
async function nextMillisecond(): Promise<void> {
  const begun = Date.now()
  while (Date.now() <= begun + 1) await setImmediate()
}

function line({ operation, method, path, headers, body }: Ask, answers: readonly Shown[]): string {
  const document = body?.[0] === 0x3c ? ` ${Buffer.from(body).toString()}` : ''
  const said = `${JSON.stringify(headers ?? {})}${document}`
  return `${operation}: ${method} ${path} ${said} ${answers.map(({ answer }) => answer).join(' | ')}`
}

function explanation(divergences: readonly Divergence[], one: Difference): Divergence | undefined {
  return divergences.find(
    ({ on, field, ours, theirs }) =>
      (on === 'any' || on.includes(one.operation)) &&
      is(field, one.field) &&
      is(ours, one.ours) &&
      is(theirs, one.theirs),
  )
}

function is(wanted: string | RegExp, value: string): boolean {
  return typeof wanted === 'string' ? wanted === value : wanted.test(value)
}
