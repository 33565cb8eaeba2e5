import { KNOWN_ACCOUNT, knownSas, startAzurite as startEmulator } from '../../test/support/azurite.ts'
import { makeIdentity, makeVault, newKeyVersion } from '../../test/support/estate.ts'
import { freePort } from '../../test/support/free-port.ts'
import { type Rest, openRest } from '../../test/support/rest.ts'
import { startStrongroom } from '../../test/support/strongroom.ts'
import type { Address } from '../registry/connection.ts'
import type { Loadable } from '../registry/comparison.ts'
import type { BlobTarget } from './client.ts'

/** A blob service under test, in a process of its own, in plain HTTP, with the account that every emulator has. */
export interface BlobSubject extends AsyncDisposable, Loadable {
  readonly address: Address
  readonly target: BlobTarget
}

export interface OurBlobs extends BlobSubject {
  readonly rest: Rest
  readonly vault: string
  readonly key: AccountKeySettings
}

export interface AccountKeySettings {
  /** ARM path of the account, below the subscription. */
  readonly accountPath: string
  readonly identityId: string
  readonly vaultUri: string
}

/** Strongroom as a user starts it, with the well-known account under a customer key. */
export async function startOurs(
  durability: 'full' | 'relaxed',
  environment: Readonly<Record<string, string>> = {},
): Promise<OurBlobs> {
  const port = await freePort()
  const ports = [port, await freePort(), await freePort()].join(',')
  const args = ['--durability', durability, '--azurite', ports]
  const server = await startStrongroom({ args, environment })
  const rest = await openRest(server)
  await rest.armDone('PUT', '/resourceGroups/rg1', { location: 'eastus' })
  const identity = await makeIdentity(rest, 'rg1', 'id1')
  await makeVault(rest, 'rg1', 'kv1', identity.principalId)
  await newKeyVersion(rest, 'kv1', 'key1')
  const key: AccountKeySettings = {
    accountPath: `/resourceGroups/azurite/providers/Microsoft.Storage/storageAccounts/${KNOWN_ACCOUNT}`,
    identityId: identity.id,
    vaultUri: server.url('kv1.vault'),
  }
  await rest.armDone('PATCH', key.accountPath, underKey(key))
  return {
    name: `strongroom, ${durability}`,
    ...reached({ port, host: '127.0.0.1', ca: null }),
    pid: server.pid(),
    rest,
    vault: 'kv1',
    key,
    async [Symbol.asyncDispose]() {
      rest[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** The PATCH that puts the account under the newest version of its key. */
export function underKey({ identityId, vaultUri }: AccountKeySettings) {
  return {
    identity: { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } },
    properties: {
      encryption: {
        keySource: 'Microsoft.Keyvault',
        keyvaultproperties: { keyname: 'key1', keyvaulturi: vaultUri, keyversion: '' },
        identity: { userAssignedIdentity: identityId },
      },
    },
  }
}

/** With its defaults: on disk, metadata in memory and written every five seconds, nothing encrypted. */
export async function startAzurite(): Promise<BlobSubject> {
  const azurite = await startEmulator({ isInMemory: false })
  return {
    name: 'azurite',
    ...reached({ port: azurite.port, host: '127.0.0.1', ca: null }),
    pid: azurite.pid,
    [Symbol.asyncDispose]: () => azurite[Symbol.asyncDispose](),
  }
}

function reached(address: Address) {
  const to: BlobTarget = { path: `/${KNOWN_ACCOUNT}`, sas: knownSas() }
  return { address, target: to, job: { address, target: to } }
}
