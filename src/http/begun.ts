import type { Bytes } from '../kernel/bytes.ts'
import { KIB } from '../kernel/units.ts'
import type { Reply, StreamBody } from './operation.ts'
import { isStream } from './reply.ts'

/** One chunk of so few bytes is written with its head, in one piece: a stream costs more than they do. */
const MAX_SHORT_BYTES = 16 * KIB

/**
 * The reply with the first chunk of its stream fetched, or with all of a short one. A stream that cannot even begin (its bytes
 * are missing, its key went away) thus fails before a status was sent, and is refused in the protocol's own words.
 */
export async function begun(reply: Reply): Promise<Reply> {
  const { body } = reply
  if (!isStream(body)) return reply
  const chunks = body.stream[Symbol.asyncIterator]()
  const first = await chunks.next()
  if (!isShortWhole(first, body.length)) return streamed(reply, body, startingWith([first], chunks))
  const next = await chunks.next()
  if (next.done === true) return { ...reply, body: { ...body, whole: first.value } }
  return streamed(reply, body, startingWith([first, next], chunks))
}

function isShortWhole(
  first: IteratorResult<Uint8Array>,
  length: number | undefined,
): first is IteratorYieldResult<Uint8Array> {
  return first.done !== true && first.value.length === length && length <= MAX_SHORT_BYTES
}

function streamed(reply: Reply, body: StreamBody, stream: Bytes): Reply {
  return { ...reply, body: { ...body, stream } }
}

/** Written out, as a generator that was not begun would not end what is below it. */
function startingWith(ahead: IteratorResult<Uint8Array>[], rest: AsyncIterator<Uint8Array>): Bytes {
  const take = (): Promise<IteratorResult<Uint8Array>> => {
    const given = ahead.shift()
    return given === undefined ? rest.next() : Promise.resolve(given)
  }
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    await rest.return?.()
    return { done: true, value: undefined }
  }
  return { [Symbol.asyncIterator]: () => ({ next: take, return: end }) }
}
