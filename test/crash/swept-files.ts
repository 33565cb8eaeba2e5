import { readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { openLog } from '../../src/observe/log.ts'
import { openServices } from '../../src/server/services.ts'
import { openStores } from '../../src/server/stores.ts'
import { openRegistryContent } from '../../src/services/registry/registry-content.ts'
import { STORAGE_ACCOUNT_TYPE } from '../../src/services/storage/storage-account.ts'
import { readAccount } from '../../src/services/storage/storage-accounts.ts'
import { miscounts } from '../support/blob-recount.ts'
import { blobSweeper } from '../support/blob-sweep.ts'
import { storedFiles } from '../support/stored-files.ts'

/** The sweepers of a folder that no server uses, without any patience. */
export interface Sweepers extends AsyncDisposable {
  /** Takes what is garbage by now. What one sweep dooms, the next one takes. */
  sweep(): Promise<void>
  /** What is named more or less often than its row says. */
  miscounts(): Promise<readonly string[]>
}

export async function openSweepers(dataDir: string): Promise<Sweepers> {
  await using opened = new AsyncDisposableStack()
  const config = readConfig({ data: dataDir }, {})
  const stores = opened.use(await openStores(config))
  const endpoints = { domain: config.domain, port: config.listenPort }
  const shared = { clock: systemClock, log: openLog('silent') }
  const services = opened.use(await openServices({ stores, endpoints, config, ...shared }))
  const { keyring, resourceStore } = services
  const sweepBlobs = blobSweeper(stores, services, { readGraceMs: 0, blockGraceMs: 0 })
  const deps = { records: stores.data, keyring, clock: systemClock, bytes: stores.bytes }
  const times = { readGraceMs: 0, orphanAgeMs: 0, unreferencedGraceMs: 0, idleUploadMs: 0 }
  const content = opened.use(openRegistryContent({ ...deps, times }))
  const all = opened.move()
  return {
    async sweep() {
      await sweepBlobs()
      await content.sweep()
    },
    async miscounts() {
      const [account, ...others] = (await resourceStore.listByType(STORAGE_ACCOUNT_TYPE)).map(readAccount)
      if (account === undefined) return []
      return await miscounts({ process: { keyring, data: stores.data }, account, others })
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Lets the sweepers take, from a folder that no server uses, all that they would take some day. @returns the files that are left */
export async function sweptFiles(dataDir: string): Promise<readonly string[]> {
  {
    await using sweepers = await openSweepers(dataDir)
    for (let count = 0; count < 2; count++) await sweepers.sweep()
  }
  return await storedFiles(dataDir)
}
