import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ArmClient, armClient } from './arm-client.ts'
import { type Az, openAz } from './az.ts'
import { type AzureSdk, azureSdk } from './azure-sdk.ts'
import { type Skopeo, openSkopeo } from './skopeo.ts'
import { type TestServer, type TestServerOptions, startStrongroom } from './strongroom.ts'
import { trustCa } from './trust.ts'

/** A started server, the group `rg1`, and its owner with every client. */
export interface Site extends AsyncDisposable {
  readonly server: TestServer
  readonly sdk: AzureSdk
  readonly arm: ArmClient
  readonly skopeo: Skopeo
  /** Object id of the owner's service principal. */
  readonly ownerId: string
  /** For files of the tests. */
  readonly folder: string
  /** Signed in at the first use, which takes a few seconds. */
  az(): Promise<Az>
  loginServer(registry: string): string
}

export const GROUP = 'rg1'
export const LOCATION = 'eastus'

export async function openSite(options: TestServerOptions = {}): Promise<Site> {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startStrongroom(options))
  await trustCa(server.caFile)
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-site-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const skopeo = opened.use(await openSkopeo(server.caFile))
  const sdk = azureSdk(server)
  const arm = armClient(server, sdk.credential)
  await arm.ok('PUT', `/resourcegroups/${GROUP}`, '2021-04-01', { location: LOCATION })
  let az: Promise<Az> | null = null
  opened.defer(async () => (await az)?.[Symbol.asyncDispose]())
  const all = opened.move()
  return {
    server,
    sdk,
    arm,
    skopeo,
    folder,
    ownerId: await arm.objectId(),
    az: () => (az ??= openAz(server)),
    loginServer: (registry) => `${registry}.azurecr.localhost:${server.port}`,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
