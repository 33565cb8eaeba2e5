import { once } from 'node:events'
import { type Socket, connect as connectPlain } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { connect } from 'node:tls'

/** What the bench looks at of an answer. The body is counted, and kept only where it is asked for. */
export interface Answer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>
  readonly bodyBytes: number
  readonly body: Buffer
}

export interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** Written one after another; never changed. */
  readonly body?: readonly Uint8Array[]
  /** Otherwise the body is only counted. */
  readonly keepsBody?: boolean
}

export interface Address {
  readonly port: number
  /** As in the Host header, without the port. */
  readonly host: string
  /** Null: plain HTTP. */
  readonly ca: string | null
}

/**
 * One kept-alive HTTP/1.1 connection, one request at a time: as little code as will do, since whatever the
 * client costs is part of every number on a machine that it shares with the server.
 */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  #pending: Pending | null = null
  #failure: Error | null = null

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the server closed the connection')))
  }

  static async open({ port, host, ca }: Address): Promise<Connection> {
    const socket =
      ca === null
        ? connectPlain({ host: '127.0.0.1', port })
        : connect({ host: '127.0.0.1', port, servername: host, ca, ALPNProtocols: ['http/1.1'] })
    await once(socket, ca === null ? 'connect' : 'secureConnect')
    socket.setNoDelay(true)
    return new Connection(socket, `${host}:${port}`)
  }

  async send(request: Request): Promise<Answer> {
    if (this.#failure !== null) throw this.#failure
    const answer = Promise.withResolvers<Answer>()
    answer.promise.catch(() => undefined)
    const isHead = request.method === 'HEAD'
    this.#pending = {
      answer,
      isHead,
      keepsBody: request.keepsBody ?? false,
      head: null,
      received: [],
      bytes: 0,
    }
    await this.#write(request)
    return await answer.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  async #write({ method, path, headers, body = [] }: Request): Promise<void> {
    const length = body.reduce((sum, part) => sum + part.length, 0)
    const hasLength = length > 0 || method === 'PUT' || method === 'POST' || method === 'PATCH'
    const lines = [
      `${method} ${path} HTTP/1.1`,
      `host: ${this.#host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...(hasLength ? [`content-length: ${length}`] : []),
    ]
    const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    if (length <= SMALL_BYTES) {
      this.#socket.write(Buffer.concat([head, ...body]))
      return
    }
    this.#socket.write(head)
    for (const part of body) {
      for (let at = 0; at < part.length && this.#failure === null; at += WRITE_BYTES) {
        if (!this.#socket.write(part.subarray(at, at + WRITE_BYTES))) await this.#drained()
      }
    }
  }

  /** A server may close before it has read everything; then the answer, or its absence, is what counts. */
  async #drained(): Promise<void> {
    if (this.#failure === null) await once(this.#socket, 'drain').catch(() => undefined)
  }

  #take(chunk: Buffer): void {
    const pending = this.#pending
    if (pending === null) {
      this.#fail(new Error('the server sent what nobody asked for'))
      return
    }
    if (pending.head !== null) {
      this.#takeBody(pending, pending.head, chunk)
      return
    }
    pending.received.push(chunk)
    const whole = pending.received.length === 1 ? chunk : Buffer.concat(pending.received)
    const end = whole.indexOf('\r\n\r\n')
    if (end < 0) return
    pending.received.length = 0
    const head = parseHead(whole.toString('latin1', 0, end), pending.isHead)
    // 100 Continue and its like come before the answer.
    if (head.status < 200) {
      this.#take(whole.subarray(end + 4))
      return
    }
    pending.head = head
    this.#takeBody(pending, head, whole.subarray(end + 4))
  }

  #takeBody(pending: Pending, head: Head, chunk: Buffer): void {
    pending.bytes += chunk.length
    if (pending.keepsBody) pending.received.push(chunk)
    if (
      head.length === CHUNKED
        ? !chunk.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK)
        : pending.bytes < head.length
    )
      return
    this.#pending = null
    const body = Buffer.concat(pending.received)
    pending.answer.resolve({ status: head.status, headers: head.headers, bodyBytes: pending.bytes, body })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#pending?.answer.reject(error)
    this.#pending = null
    this.#socket.destroy()
  }
}

const WRITE_BYTES = 256 * 1024
/** Head and body go out as one, below this. */
const SMALL_BYTES = 16 * 1024

/** In place of a length. The bodies are texts, which never end like the last chunk: looking for that is enough for a bench. */
const CHUNKED = Infinity
const LAST_CHUNK = Buffer.from('0\r\n\r\n')

interface Head {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly length: number
}

interface Pending {
  readonly answer: PromiseWithResolvers<Answer>
  readonly isHead: boolean
  readonly keepsBody: boolean
  head: Head | null
  readonly received: Buffer[]
  bytes: number
}

function parseHead(text: string, isHead: boolean): Head {
  const [line = '', ...rest] = text.split('\r\n')
  const headers = new Map(
    rest.map((header) => {
      const colon = header.indexOf(':')
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()] as const
    }),
  )
  const status = Number(line.split(' ')[1])
  const hasNone = isHead || status < 200 || status === 204 || status === 304
  if (!hasNone && headers.get('transfer-encoding') === 'chunked') return { status, headers, length: CHUNKED }
  const length = hasNone ? 0 : Number(headers.get('content-length'))
  if (!Number.isSafeInteger(length)) throw new Error(`an answer without a length:\n${text}`)
  return { status, headers, length }
}

/** Waits for a server that is starting. */
export async function untilReached(address: Address): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const connection = await Connection.open(address)
      connection.close()
      return
    } catch (error) {
      if (tries === 200) throw error
      await setTimeout(50)
    }
  }
}
