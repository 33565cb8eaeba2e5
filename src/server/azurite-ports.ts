import type { HostTable } from '../http/hosts.ts'
import { type ListenerLimits, listen } from '../http/listener.ts'
import type { Protocol } from '../http/operation.ts'
import { type PipelineDeps, pipeline } from '../http/pipeline.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import { AZURITE_ACCOUNT } from './azurite-account.ts'
import { blobHost } from './protocols.ts'
import type { Services } from './services.ts'

export interface AzuritePorts extends AsyncDisposable {
  readonly blob: number
  readonly queue: number
  readonly table: number
}

/**
 * Azurite's three ports: plain HTTP on loopback, path style, for the account that everybody knows the key of and for no
 * other. Whoever can connect there is on this machine.
 */
export async function openAzuritePorts(
  services: Services,
  {
    ports,
    endpoints,
    clock,
    limits,
    ...http
  }: Omit<PipelineDeps, 'hosts'> & {
    readonly ports: { readonly blob: number; readonly queue: number; readonly table: number }
    readonly endpoints: Endpoints
    readonly clock: Clock
    readonly limits: ListenerLimits
  },
): Promise<AzuritePorts> {
  await using opened = new AsyncDisposableStack()
  const { storageAccounts } = services
  const blob = blobHost(services, {
    endpoints,
    clock,
    find: async (name) => (name.toLowerCase() === AZURITE_ACCOUNT ? storageAccounts.find(name) : null),
    endpointOf: ({ authority, subject }) => `http://${authority}/${subject}/`,
  })
  const open = async (protocol: Protocol<unknown, unknown>, port: number) => {
    const hosts: HostTable = { find: () => ({ protocol, subject: null }) }
    const handler = pipeline({ ...http, hosts })
    const listener = await listen(handler, { host: '127.0.0.1', port, tls: null, limits })
    opened.defer(() => listener.close(0))
    return listener.port
  }
  const found = {
    blob: await open(blob, ports.blob),
    queue: await open(notYet('queue'), ports.queue),
    table: await open(notYet('table'), ports.table),
  }
  const all = opened.move()
  return { ...found, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** A service that is still to be written says so, instead of leaving clients to guess. */
function notYet(service: string): Protocol<unknown, unknown> {
  const code = 'NotImplemented'
  const message = `Strongroom has no ${service} service yet: only Blob Storage is there.`
  const reply =
    service === 'table'
      ? { body: { 'odata.error': { code, message: { lang: 'en-US', value: message } } } }
      : {
          headers: { 'content-type': 'application/xml' },
          body: Buffer.from(
            `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
          ),
        }
  return {
    name: service,
    operations: [],
    ignoreCase: false,
    admit: async () => null,
    fail: () => ({ status: 501, ...reply }),
    headers: ({ requestId }) => ({ 'x-ms-request-id': requestId, 'x-ms-error-code': code }),
  }
}
