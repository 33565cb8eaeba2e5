import { readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { openLog } from '../../src/observe/log.ts'
import { openServices } from '../../src/server/services.ts'
import { openStores } from '../../src/server/stores.ts'
import { openRegistryContent } from '../../src/services/registry/registry-content.ts'
import { blobSweeper } from '../support/blob-sweep.ts'
import { storedFiles } from '../support/stored-files.ts'

/** Lets the sweepers take, from a folder that no server uses, all that they would take some day. @returns the files that are left */
export async function sweptFiles(dataDir: string): Promise<readonly string[]> {
  {
    const config = readConfig({ data: dataDir }, {})
    await using stores = await openStores(config)
    const endpoints = { domain: config.domain, port: config.listenPort }
    const shared = { clock: systemClock, log: openLog('silent') }
    await using services = await openServices({ stores, endpoints, config, ...shared })
    await blobSweeper(stores, services, { readGraceMs: 0, blockGraceMs: 0 })()
    const deps = { records: stores.data, keyring: services.keyring, clock: systemClock }
    const times = { readGraceMs: 0, orphanAgeMs: 0 }
    await using content = openRegistryContent({ ...deps, bytes: stores.bytes, times })
    await content.sweep()
  }
  return await storedFiles(dataDir)
}
