import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Login } from './azure-sdk.ts'

/** A download that stands still after its first bytes, until `rest()`. */
export interface HeldDownload {
  readonly announced: number
  /** Lets the rest come. @returns how many bytes came in all, and whether the answer ended as announced */
  rest(): Promise<{ readonly received: number; readonly isWhole: boolean }>
}

export async function holdDownload(url: string, login: Login): Promise<HeldDownload> {
  const sent = request(url, { headers: basic(login), agent: false })
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let received = 0
  const first = new Promise<void>((resolve) => {
    response.once('data', (chunk: Buffer) => {
      received += chunk.length
      response.pause()
      resolve()
    })
  })
  await first
  const announced = Number(response.headers['content-length'])
  return {
    announced,
    async rest() {
      const over = new Promise<void>((resolve) => {
        response
          .once('end', resolve)
          .once('close', resolve)
          .once('error', () => resolve())
      })
      response.on('data', (chunk: Buffer) => (received += chunk.length))
      response.resume()
      await over
      return { received, isWhole: response.complete && received === announced }
    },
  }
}

/** A monolithic upload under way, of which the first `begun` bytes have been sent. */
export interface HeldUpload {
  /** Sends the rest. @returns the status, or null when the connection was cut */
  rest(): Promise<number | null>
}

export async function holdUpload(
  url: string,
  login: Login,
  { bytes, begun }: { readonly bytes: Uint8Array; readonly begun: number },
): Promise<HeldUpload> {
  const type = { 'content-type': 'application/octet-stream', 'content-length': bytes.length }
  const sent = request(url, { method: 'PUT', headers: { ...basic(login), ...type }, agent: false })
  const outcome = statusOf(sent)
  await new Promise<void>((resolve, reject) => {
    sent.write(bytes.subarray(0, begun), (error) => (error ? reject(error) : resolve()))
  })
  return {
    rest() {
      sent.end(bytes.subarray(begun))
      return outcome
    },
  }
}

function statusOf(sent: ClientRequest): Promise<number | null> {
  return new Promise((resolve) => {
    sent.once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? null)
    })
    sent.once('error', () => resolve(null))
  })
}

function basic({ clientId, secret }: Login): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}` }
}
