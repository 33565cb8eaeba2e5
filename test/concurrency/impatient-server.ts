import { parseArgs } from 'node:util'
import { readConfig } from '../../src/config/config.ts'
import { randomGuid } from '../../src/crypto/random.ts'
import { hostTable } from '../../src/http/hosts.ts'
import { listen } from '../../src/http/listener.ts'
import { pipeline } from '../../src/http/pipeline.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { HOUR_MS, SECOND_MS } from '../../src/kernel/units.ts'
import { openLog } from '../../src/observe/log.ts'
import { bootstrap } from '../../src/server/bootstrap.ts'
import { publicHosts } from '../../src/server/protocols.ts'
import { openServices } from '../../src/server/services.ts'
import { openStores } from '../../src/server/stores.ts'
import { startChores } from '../../src/server/timers.ts'
import { ownCertificate } from '../../src/server/tls.ts'
import { openRegistryContent } from '../../src/services/registry/registry-content.ts'
import { blobSweeper } from '../support/blob-sweep.ts'
import { BLOB_GRACES, COLLECTION, SWEEP_MS } from './times.ts'

/**
 * The server as `strongroom up` puts it together, but for the times of collection: hours become seconds, and it sweeps
 * all the time. Run with the arguments of `strongroom up`.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    data: { type: 'string' },
    listen: { type: 'string' },
    'metrics-port': { type: 'string' },
  },
})
const config = readConfig({ data: values.data ?? '', listen: values.listen ?? '' }, {})
const log = openLog('warn')
const clock = systemClock
const endpoints = { domain: config.domain, port: config.listenPort }

const opened = new AsyncDisposableStack()
const stores = opened.use(await openStores(config))
const tls = await ownCertificate(stores.folder, config.domain, ['127.0.0.1'], clock)
const services = opened.use(await openServices({ stores, endpoints, config, clock, log }))
const registryContent = opened.use(
  openRegistryContent({
    records: stores.data,
    bytes: stores.bytes,
    keyring: services.keyring,
    clock,
    times: COLLECTION,
  }),
)
await bootstrap({
  folder: stores.folder,
  directory: services.directory,
  access: services.access,
  createSubscription: (subscription) => services.resources.createSubscription(subscription),
  endpoints,
  caFile: tls.caFile,
  clock,
})
const handler = pipeline({
  hosts: hostTable(publicHosts({ ...services, registryContent }, endpoints, clock)),
  pace: { idleMs: 30 * SECOND_MS, graceMs: 30 * SECOND_MS, minBytesPerSecond: 1024 },
  newRequestId: randomGuid,
  observe: {
    finished: () => undefined,
    bug: (error) => log.error({ error }, 'a request failed in a way that nobody foresaw'),
  },
})
const listener = await listen(handler, {
  host: config.listenHost,
  port: config.listenPort,
  tls: tls.identity,
  limits: {
    maxConnections: 10_000,
    maxHeaderBytes: 32 * 1024,
    headersTimeoutMs: 15 * SECOND_MS,
    keepAliveMs: HOUR_MS,
    socketIdleMs: HOUR_MS,
  },
})
opened.defer(() => listener.close(SECOND_MS))
const sweepBlobs = blobSweeper(stores, services, BLOB_GRACES)
const chores = startChores(
  [
    { name: 'sweep', everyMs: SWEEP_MS, run: () => registryContent.sweep() },
    { name: 'sweep blobs', everyMs: SWEEP_MS, run: sweepBlobs },
  ],
  log,
)
opened.defer(() => chores.stop())
process.on('SIGTERM', () => void opened.disposeAsync())
console.log(`ready ${endpoints.port}`)
