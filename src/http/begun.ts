import type { Bytes } from '../kernel/bytes.ts'
import type { Reply } from './operation.ts'
import { isStream } from './reply.ts'

/**
 * The reply with the first chunk of its stream fetched. A stream that cannot even begin (its bytes are missing, its key
 * went away) thus fails before a status was sent, and is refused in the protocol's own words.
 */
export async function begun(reply: Reply): Promise<Reply> {
  const { body } = reply
  if (!isStream(body)) return reply
  const chunks = body.stream[Symbol.asyncIterator]()
  return { ...reply, body: { ...body, stream: startingWith(await chunks.next(), chunks) } }
}

/** Written out, as a generator that was not begun would not end what is below it. */
function startingWith(first: IteratorResult<Uint8Array>, rest: AsyncIterator<Uint8Array>): Bytes {
  let ahead: IteratorResult<Uint8Array> | null = first
  const take = (): Promise<IteratorResult<Uint8Array>> => {
    if (ahead === null) return rest.next()
    const given = ahead
    ahead = null
    return Promise.resolve(given)
  }
  const end = async (): Promise<IteratorResult<Uint8Array>> => {
    await rest.return?.()
    return { done: true, value: undefined }
  }
  return { [Symbol.asyncIterator]: () => ({ next: take, return: end }) }
}
