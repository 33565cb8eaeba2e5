import { type Call, operation, queryValue } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import { parameterInvalid } from '../../../services/vault/faults.ts'
import type { PageRequest } from '../../../services/vault/read-keys.ts'
import type { AdmittedCall, VaultSession } from '../../../services/vault/session.ts'
import type { VaultKey } from '../../../services/vault/vault-key.ts'
import { vaultUrl } from '../../../services/vault/vault-key.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { deletedKeyItem, keyItem, versionItem } from '../key-json.ts'
import { answer, noBody } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

type Deps = Pick<VaultService, 'keys' | 'pages' | 'endpoints'>

const MAX_RESULTS = 25

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-keys/get-keys */
export function getKeys(vault: Deps): KeyVaultOperation {
  return operation({
    id: 'GetKeys',
    method: 'GET',
    path: '/keys',
    needs: 'KeyList',
    body: noBody,
    run: (call) =>
      list(vault, call, {
        path: 'keys',
        item: keyItem,
        read: (admitted, page) => vault.keys.list(admitted, 'live', page),
      }),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-key-versions/get-key-versions */
export function getKeyVersions(vault: Deps): KeyVaultOperation {
  return operation({
    id: 'GetKeyVersions',
    method: 'GET',
    path: '/keys/{name}/versions',
    needs: 'KeyListVersions',
    body: noBody,
    run: (call) =>
      list(vault, call, {
        path: `keys/${call.params.name}/versions`,
        item: versionItem,
        read: (admitted, page) => vault.keys.listVersions(admitted, call.params.name, page),
      }),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-deleted-keys/get-deleted-keys */
export function getDeletedKeys(vault: Deps): KeyVaultOperation {
  return operation({
    id: 'GetDeletedKeys',
    method: 'GET',
    path: '/deletedkeys',
    needs: 'KeyListDeleted',
    body: noBody,
    run: (call) =>
      list(vault, call, {
        path: 'deletedkeys',
        item: deletedKeyItem,
        read: (admitted, page) => vault.keys.list(admitted, 'deleted', page),
      }),
  })
}

interface List {
  /** Below the vault's URL; the tokens of one list are no use for another. */
  readonly path: string
  readonly item: (key: VaultKey) => JsonObject
  readonly read: (admitted: AdmittedCall, page: PageRequest) => Promise<Page<VaultKey>>
}

async function list({ pages, endpoints }: Deps, call: Call<VaultSession>, { path, item, read }: List) {
  return await answer(call, async (admitted) => {
    const limit = readLimit(queryValue(call.head, 'maxresults'))
    const token = queryValue(call.head, '$skiptoken')
    const after = token === undefined ? null : pages.read(admitted, path, token)
    const { items, next } = await read(admitted, { after, limit })
    return { value: items.map(item), nextLink: next === null ? null : nextLink(admitted, next, limit) }
  })

  function nextLink(admitted: AdmittedCall, next: string, limit: number): string {
    const apiVersion = encodeURIComponent(queryValue(call.head, 'api-version') ?? '')
    const token = pages.write(admitted, path, next)
    const base = vaultUrl(endpoints, admitted.vault.name)
    return `${base}/${path}?api-version=${apiVersion}&$skiptoken=${token}&maxresults=${limit}`
  }
}

function readLimit(sent: string | undefined): number {
  if (sent === undefined) return MAX_RESULTS
  const limit = /^\d{1,4}$/.test(sent) ? Number(sent) : 0
  if (limit < 1 || limit > MAX_RESULTS) {
    throw parameterInvalid(`The parameter maxresults must be a whole number from 1 to ${MAX_RESULTS}.`)
  }
  return limit
}
