import { connect } from 'node:net'
import { Fault, Outage } from '../kernel/fault.ts'
import { HttpFault, type HttpFaults } from './faults.ts'
import { type AnyOperation, type Protocol, type Reply, operation } from './operation.ts'

/** A protocol with one of everything, for the tests of this layer. */
export interface Toy extends Protocol<string> {
  /** What happened to the streams and operations, in order. */
  readonly events: string[]
  /** Lets `GET /wait` and `GET /gated` go on. */
  release(): void
}

interface ToyFaults {
  refused: object
}
class ToyFault extends Fault<ToyFaults> {}

const statuses: { readonly [K in keyof HttpFaults]: number } = {
  'path-malformed': 400,
  'operation-unknown': 404,
  'method-not-allowed': 405,
  'body-too-large': 413,
  'body-malformed': 400,
  'body-aborted': 400,
  'body-too-slow': 408,
}

export function toyProtocol(): Toy {
  const events: string[] = []
  const gate = Promise.withResolvers<undefined>()
  return {
    name: 'toy',
    ignoreCase: false,
    events,
    release: () => gate.resolve(undefined),
    operations: [
      ...plain(events),
      ...bodies(events),
      ...streams(events),
      waiting(events, gate.promise),
      gated(events, gate.promise),
    ],
    admit: async (head) => {
      if (head.headers.get('authorization') === 'no') throw new ToyFault('refused', {})
      return 'somebody'
    },
    fail: (thrown) => toyError(thrown),
    headers: (head) => ({ 'x-toy-request-id': head.requestId }),
  }
}

function toyError(thrown: unknown): Reply {
  if (thrown instanceof HttpFault) {
    const code = thrown.code as keyof HttpFaults
    return { status: statuses[code], body: { toy: code } }
  }
  if (thrown instanceof ToyFault) return { status: 403, body: { toy: thrown.code } }
  if (thrown instanceof Outage) return { status: 503, body: { toy: 'outage' } }
  return { status: 500, body: { toy: 'bug' } }
}

const none = { kind: 'none' } as const
const ok = { needs: null, body: none } as const

function plain(events: string[]): readonly AnyOperation<string>[] {
  return [
    operation({
      ...ok,
      id: 'GetThing',
      method: 'GET',
      path: '/things/{name}',
      run: async ({ params, head }) => ({
        status: 200,
        body: {
          name: params.name,
          path: head.path,
          subject: head.subject,
          authority: head.authority,
          query: head.query.toString(),
        },
      }),
    }),
    operation({
      ...ok,
      id: 'DropThing',
      method: 'DELETE',
      path: '/things/{name}',
      run: async () => ({ status: 204 }),
    }),
    operation({
      ...ok,
      id: 'GetFile',
      method: 'GET',
      path: '/files/{name+}',
      run: async ({ params }) => ({ status: 200, body: { name: params.name } }),
    }),
    operation({ ...ok, id: 'Empty', method: 'GET', path: '/empty', run: async () => ({ status: 200 }) }),
    operation({
      ...ok,
      id: 'Bytes',
      method: 'GET',
      path: '/bytes',
      run: async () => ({
        status: 200,
        // UTF-8 in Latin-1, as headers carry it.
        headers: {
          'content-type': 'text/plain',
          'content-disposition': Buffer.from('한').toString('latin1'),
        },
        body: Buffer.from('twelve bytes'),
      }),
    }),
    operation({
      ...ok,
      id: 'Bug',
      method: 'GET',
      path: '/bug',
      run: () => Promise.reject(new Error('the secret is 12345')),
    }),
    operation({
      ...ok,
      id: 'Outage',
      method: 'GET',
      path: '/outage',
      run: () => Promise.reject(new Outage('the disk is full')),
    }),
    operation({
      ...ok,
      id: 'BadHeader',
      method: 'GET',
      path: '/bad-header',
      run: async () => ({ status: 200, headers: { 'x-name': '한' }, body: 'never seen' }),
    }),
    operation({
      ...ok,
      id: 'Ignore',
      method: 'POST',
      path: '/ignore',
      run: async () => {
        events.push('ignored')
        return { status: 200, body: 'ignored' }
      },
    }),
  ]
}

function bodies(events: string[]): readonly AnyOperation<string>[] {
  return [
    operation({
      id: 'PutThing',
      method: 'PUT',
      path: '/things/{name}',
      needs: null,
      body: { kind: 'stream', maxBytes: 3_000_000 },
      async run({ body }) {
        events.push('put began')
        let bytes = 0
        for await (const chunk of body.stream) bytes += chunk.length
        events.push('put ended')
        return { status: 201, body: { bytes, announced: body.length } }
      },
    }),
    operation({
      id: 'BreakOff',
      method: 'PUT',
      path: '/break-off',
      needs: null,
      body: { kind: 'stream', maxBytes: 100_000_000 },
      async run({ body }) {
        for await (const _chunk of body.stream) throw new ToyFault('refused', {})
        return { status: 201 }
      },
    }),
    operation({
      id: 'PostJson',
      method: 'POST',
      path: '/json',
      needs: null,
      body: { kind: 'json', maxBytes: 4096 },
      run: async ({ body }) => ({ status: 200, body: { got: body.json ?? 'nothing' } }),
    }),
    operation({
      id: 'PostForm',
      method: 'POST',
      path: '/form',
      needs: null,
      body: { kind: 'form', maxBytes: 4096 },
      run: async ({ body }) => ({ status: 200, body: Object.fromEntries(body.form) }),
    }),
    operation({
      id: 'PostRaw',
      method: 'POST',
      path: '/raw',
      needs: null,
      body: { kind: 'raw', maxBytes: 4096 },
      run: async ({ body }) => ({ status: 200, body: body.raw }),
    }),
  ]
}

const CHUNK_BYTES = 64 * 1024

function streams(events: string[]): readonly AnyOperation<string>[] {
  const sending = (path: `/${string}`, announced: number | undefined, whole: number, end?: Error) =>
    operation({
      ...ok,
      id: `Stream ${path}`,
      method: 'GET',
      path,
      async run() {
        const stream = (async function* () {
          try {
            for (let sent = 0; sent < whole; sent += CHUNK_BYTES)
              yield Buffer.alloc(Math.min(CHUNK_BYTES, whole - sent), 'x')
            if (end) throw end
          } finally {
            events.push(`${path} returned`)
          }
        })()
        return { status: 200, body: { stream, ...(announced === undefined ? {} : { length: announced }) } }
      },
    })
  return [
    sending('/whole', 200_000, 200_000),
    sending('/chunked', undefined, 200_000),
    sending('/endless', undefined, Infinity),
    sending('/breaks', 400_000, 200_000, new Error('the disk broke')),
    sending('/refused-midway', 400_000, 200_000, new ToyFault('refused', {})),
    sending('/short', 400_000, 200_000),
    sending('/long', 100_000, 200_000),
  ]
}

function waiting(events: string[], gate: Promise<undefined>): AnyOperation<string> {
  return operation({
    ...ok,
    id: 'Wait',
    method: 'GET',
    path: '/wait',
    async run({ signal }) {
      events.push('waiting')
      const left = Promise.withResolvers<never>()
      signal.addEventListener('abort', () => left.reject(new DOMException('left', 'AbortError')))
      try {
        await Promise.race([gate, left.promise])
        return { status: 200, body: 'done' }
      } catch (error) {
        events.push('aborted')
        throw error
      }
    },
  })
}

function gated(events: string[], gate: Promise<undefined>): AnyOperation<string> {
  return operation({
    ...ok,
    id: 'Gated',
    method: 'GET',
    path: '/gated',
    async run() {
      const stream = (async function* () {
        yield Buffer.from('half ')
        events.push('half sent')
        await gate
        yield Buffer.from('and half')
      })()
      return { status: 200, body: { stream, length: 13 } }
    },
  })
}

/**
 * Writes raw bytes to a loopback port and collects what comes back until the connection ends.
 * Several parts are sent 30 ms apart.
 */
export async function talk(port: number, ...parts: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const heard: Buffer[] = []
  const closed = new Promise<void>((resolve) => {
    socket.on('data', (part: Buffer) => heard.push(part))
    // A reset is an end like any other here: what counts is what was heard before.
    socket.on('error', () => undefined)
    socket.on('close', () => resolve())
    socket.on('end', () => socket.end())
  })
  for (const [index, part] of parts.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, 30))
    if (!socket.destroyed) socket.write(part)
  }
  await closed
  return Buffer.concat(heard).toString('latin1')
}
