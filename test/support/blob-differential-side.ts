import { Agent } from 'node:http'
import { type TestResponse, request } from '../../src/http/testing.ts'
import { KNOWN_ACCOUNT, knownSas } from './azurite.ts'
import { type Shown, show } from './blob-differential-answers.ts'
import type { Told } from './blob-differential-ask.ts'
import { type Ask, xml } from './blob-differential-tables.ts'

/** One of the two servers, and what it has told in this run. */
export interface Side extends Told, Disposable {
  send(ask: Ask): Promise<Shown>
  /** Forgets what was told: in another container, which nothing is known of. */
  begin(container: string): void
  /** Makes away with a blob, whatever holds it. */
  clear(blob: string): Promise<void>
}

const version = { 'x-ms-version': '2023-11-03' }

export function openSide(port: number): Side {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const sas = knownSas()
  const url = `http://127.0.0.1:${port}/${KNOWN_ACCOUNT}`
  const etags = new Map<string, string>()
  const snapshots = new Map<string, string[]>()
  let container = ''

  async function ask({ method, path, headers, body }: Omit<Ask, 'operation'>): Promise<TestResponse> {
    return await request(`${url}${path}${path.includes('?') ? '&' : '?'}${sas}`, {
      method,
      headers: { ...version, ...headers },
      ...(body === undefined ? {} : { body }),
      agent,
    })
  }

  async function send(asked: Ask): Promise<Shown> {
    const answer = await ask(asked).catch(unreadable)
    if (answer === null) return { answer: 'no HTTP', fields: new Map() }
    const shown = show(asked, answer, { etags, snapshots })
    const { blob } = asked
    const { etag, 'x-ms-snapshot': moment } = answer.headers
    if (blob !== undefined && answer.status < 300) {
      if (etag !== undefined && !/snapshot/.test(asked.path)) etags.set(blob, etag)
      if (typeof moment === 'string') snapshots.set(blob, [...(snapshots.get(blob) ?? []), moment])
    }
    return shown
  }

  return {
    get container() {
      return container
    },
    etags,
    snapshots,
    sourceOf: (blob) => `${url}/${container}/${blob}?${sas}`,
    send,
    begin(name) {
      container = name
      etags.clear()
      snapshots.clear()
    },
    async clear(blob) {
      const path = `/${container}/${encodeURI(blob)}`
      const broken = { 'x-ms-lease-action': 'break', 'x-ms-lease-break-period': '0' }
      await ask({ method: 'PUT', path: `${path}?comp=lease`, headers: broken })
      await ask({ method: 'PUT', path, headers: { 'x-ms-blob-type': 'BlockBlob' } })
      // Uncommitted blocks go with it.
      await ask({ method: 'PUT', path: `${path}?comp=blocklist`, body: xml('<BlockList/>') })
      await ask({ method: 'DELETE', path, headers: { 'x-ms-delete-snapshots': 'include' } })
      etags.delete(blob)
      snapshots.delete(blob)
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** What the parser of HTTP refuses is an answer, too. */
function unreadable(error: NodeJS.ErrnoException): null {
  if (error.code?.startsWith('HPE_') === true) return null
  throw error
}
