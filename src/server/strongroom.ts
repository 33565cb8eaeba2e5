import type { Config } from '../config/config.ts'
import { generateSecret } from '../crypto/password.ts'
import { randomGuid } from '../crypto/random.ts'
import { hostTable } from '../http/hosts.ts'
import { type Listener, type ListenerLimits, listen } from '../http/listener.ts'
import { pipeline } from '../http/pipeline.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../kernel/units.ts'
import type { Log } from '../observe/log.ts'
import { type Metrics, openMetrics } from '../observe/metrics.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { makeAzuriteAccount } from './azurite-account.ts'
import { type AzuritePorts, openAzuritePorts } from './azurite-ports.ts'
import { type OwnerFile, bootstrap } from './bootstrap.ts'
import { orphanSweeper } from './orphans.ts'
import { openOperationsPort } from './operations-port.ts'
import { identityHosts, publicHosts } from './protocols.ts'
import { keyReadiness } from './readiness.ts'
import { type Services, openServices } from './services.ts'
import { type Stores, openStores } from './stores.ts'
import { type Chore, startChores } from './timers.ts'
import { type TlsSource, operatorCertificate, ownCertificate } from './tls.ts'

/** A running installation. */
export interface Strongroom {
  readonly endpoints: Endpoints
  readonly owner: OwnerFile
  readonly isFirstStart: boolean
  readonly metricsPort: number
  /** Where the managed-identity endpoint listens, and the file with the secret for its header; null when it is off. */
  readonly identityEndpoint: { readonly port: number; readonly file: string } | null
  /** Null when they are off. */
  readonly azurite: Pick<AzuritePorts, 'blob' | 'queue' | 'table'> | null
  /** Lets transfers finish within the deadline, then ends everything in order. */
  close(): Promise<void>
}

const limits: ListenerLimits = {
  maxConnections: 10_000,
  maxHeaderBytes: 32 * 1024,
  headersTimeoutMs: 15 * SECOND_MS,
  keepAliveMs: 65 * SECOND_MS,
  socketIdleMs: 2 * MINUTE_MS,
}
const pace = { idleMs: 30 * SECOND_MS, graceMs: 30 * SECOND_MS, minBytesPerSecond: 1024 }

/**
 * Opens stores, services, protocols and ports, in that order; what fails closes what was opened before it.
 * @throws DataFolderError, or the system's error of a port that cannot be had
 */
export async function startStrongroom(
  config: Config,
  log: Log,
  clock: Clock = systemClock,
): Promise<Strongroom> {
  await using opened = new AsyncDisposableStack()
  const endpoints: Endpoints = { domain: config.domain, port: config.listenPort }
  const stores = opened.use(await openStores(config))
  const tls = await tlsOf(config, stores, clock)
  const services = opened.use(await openServices({ stores, endpoints, config, clock, log }))
  const { owner, isFirst } = await bootstrap({
    folder: stores.folder,
    directory: services.directory,
    access: services.access,
    createSubscription: (subscription) => services.resources.createSubscription(subscription),
    endpoints,
    caFile: tls.caFile,
    clock,
  })
  const metrics = openMetrics()
  const handler = pipeline({
    hosts: hostTable(publicHosts(services, endpoints, clock)),
    pace,
    newRequestId: randomGuid,
    observe: observer(metrics, log),
  })
  let isStopping = false
  const readiness = keyReadiness(services)
  const operations = await openOperationsPort({
    port: config.metricsPort,
    metrics,
    readiness: async () => (isStopping ? { status: 'stopping', resources: [] } : readiness()),
  })
  opened.defer(() => operations.close())
  const identity = await identityPort(config, services, { stores, metrics, log })
  if (identity !== null) opened.defer(() => identity.listener.close(0))
  const azurite = await azuritePorts(config, services, { metrics, log, clock, owner, endpoints })
  if (azurite !== null) opened.use(azurite)
  const listener = await listen(handler, {
    host: config.listenHost,
    port: config.listenPort,
    tls: tls.identity,
    limits,
  })
  opened.defer(() => listener.close(config.shutdownMs))
  const chores = startChores(choresOf(services, tls, listener, clock), log)
  opened.defer(() => chores.stop())
  const all = opened.move()
  return {
    endpoints,
    owner,
    isFirstStart: isFirst,
    metricsPort: operations.port,
    identityEndpoint: identity === null ? null : { port: identity.listener.port, file: identity.file },
    azurite,
    close() {
      isStopping = true
      return all.disposeAsync()
    },
  }
}

function tlsOf(config: Config, stores: Stores, clock: Clock): Promise<TlsSource> {
  return config.certificate === null
    ? ownCertificate(stores.folder, config.domain, ['127.0.0.1', '::1'], clock)
    : operatorCertificate(config.certificate)
}

function observer(metrics: Metrics, log: Log): Parameters<typeof pipeline>[0]['observe'] {
  return {
    finished(record) {
      metrics.requestFinished(record)
      // A 5xx is the operator's business even when it was foreseen: damaged bytes, a full disk, a vault that does not answer.
      if (record.status >= 500) log.warn(record, 'request not served')
      else log.info(record, 'request')
    },
    bug: (error, requestId) =>
      log.error({ error, requestId }, 'a request failed in a way that nobody foresaw'),
  }
}

/** Plain HTTP, on loopback only: whoever can connect there is on this machine. */
async function identityPort(
  config: Config,
  services: Services,
  deps: { readonly stores: Stores; readonly metrics: Metrics; readonly log: Log },
) {
  if (config.identityEndpoint === null) return null
  const { port, identities } = config.identityEndpoint
  const secret = generateSecret()
  const handler = pipeline({
    hosts: identityHosts(services, identities, secret),
    pace,
    newRequestId: randomGuid,
    observe: observer(deps.metrics, deps.log),
  })
  const listener = await listen(handler, { host: '127.0.0.1', port, tls: null, limits })
  const file = deps.stores.folder.secretFile('identity.json')
  const contents = {
    IDENTITY_ENDPOINT: `http://127.0.0.1:${listener.port}/msi/token`,
    IDENTITY_HEADER: secret,
  }
  await writeSecretFile(file, `${JSON.stringify(contents, null, 2)}\n`, { replace: true })
  return { listener, file }
}

async function azuritePorts(
  { azurite }: Config,
  services: Services,
  {
    metrics,
    log,
    ...at
  }: {
    readonly metrics: Metrics
    readonly log: Log
    readonly clock: Clock
    readonly owner: OwnerFile
    readonly endpoints: Endpoints
  },
): Promise<AzuritePorts | null> {
  if (azurite === null) return null
  await makeAzuriteAccount(services, at)
  const observe = observer(metrics, log)
  return await openAzuritePorts(services, {
    ...at,
    ports: azurite,
    limits,
    pace,
    newRequestId: randomGuid,
    observe,
  })
}

function choresOf(services: Services, tls: TlsSource, listener: Listener, clock: Clock): readonly Chore[] {
  return [
    { name: 'purge', everyMs: 5 * MINUTE_MS, run: () => services.vault.purgeDue() },
    {
      name: 'sweep',
      everyMs: 10 * MINUTE_MS,
      run: () => services.registryContent.sweep(),
    },
    { name: 'sweep blobs', everyMs: 10 * MINUTE_MS, run: () => services.blobs.sweep() },
    { name: 'orphans', everyMs: HOUR_MS, run: orphanSweeper(services) },
    {
      name: 'certificate',
      everyMs: HOUR_MS,
      async run() {
        const renewed = await tls.renew(clock.now())
        if (renewed !== null) listener.replaceCertificate(renewed)
      },
    },
  ]
}
