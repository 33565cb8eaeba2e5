import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedIdentityCredential } from '@azure/identity'
import { expect, it, vi } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { serveProtocol } from '../../http/testing.ts'
import { systemClock } from '../../kernel/clock.ts'
import { identityEndpoint } from '../../services/directory/identity-endpoint.ts'
import { openDirectory } from '../../services/directory/open-directory.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import { managedIdentityProtocol } from './index.ts'

const vault = 'https://vault.localhost:8443'
const resourceId =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1'

it('@azure/identity gets a token as from the instance metadata service, and not for what may not be served', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'instance-metadata-'))
  const file = join(folder, 'keys.db')
  const records = await openSqliteRecords<KeysDb>({ file, migrations: keysMigrations, durability: 'relaxed' })
  const directory = await openDirectory({
    records: directoryRecords(records, RecordKey.generate()),
    clock: systemClock,
    endpoints: { domain: 'localhost', port: 8443 },
  })
  const { tenantId } = await directory.createTenant({ displayName: 'Contoso' })
  const { principalId } = await directory.createManagedIdentity({ tenantId, resourceId, displayName: 'id1' })
  const other = { tenantId, resourceId: `${resourceId}0`, displayName: 'other' }
  const { appId } = await directory.createManagedIdentity(other)
  const endpoint = identityEndpoint({ directory, allowed: [resourceId], secret: 'x' })
  await using served = await serveProtocol(managedIdentityProtocol({ endpoint }), '127.0.0.1')
  vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', served.url)

  for (const credential of [new ManagedIdentityCredential({ resourceId }), new ManagedIdentityCredential()]) {
    const { token } = await credential.getToken(`${vault}/.default`)
    expect(await directory.authenticate(token, [vault])).toMatchObject({ principalId })
  }
  const startedAt = performance.now()
  const forbidden = new ManagedIdentityCredential({ clientId: appId })
  await expect(forbidden.getToken(`${vault}/.default`)).rejects.toThrow(/Identity not found/)
  // No repeating: 400 is an answer, unlike 404.
  expect(performance.now() - startedAt).toBeLessThan(2_000)

  expect(served.bugs).toEqual([])
  vi.unstubAllEnvs()
  await records.close()
  await rm(folder, { recursive: true })
})
