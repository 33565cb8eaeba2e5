import { Readable } from 'node:stream'
import { AccountKey } from '../../src/crypto/account-key.ts'
import { MacKey } from '../../src/crypto/mac-key.ts'
import { randomGuid } from '../../src/crypto/random.ts'
import { type AnyOperation, type Method, type Protocol, type RequestHead } from '../../src/http/operation.ts'
import { type ServedProtocol, serveProtocol } from '../../src/http/testing.ts'
import { builtInRoles } from '../../src/services/access/built-in-roles.ts'
import { StorageAuthFault } from '../../src/services/storage/auth-faults.ts'
import { type DelegationKeys, delegationKeys } from '../../src/services/storage/delegation-keys.ts'
import { standardBlobService } from '../../src/services/storage/blob-service-settings.ts'
import type { StorageAccount } from '../../src/services/storage/storage-account.ts'
import type {
  ContainerAccess,
  StorageCaller,
  StoragePermission,
} from '../../src/services/storage/storage-caller.ts'
import { storageAdmission } from '../../src/wire/shared/storage-auth/admission.ts'
import { storageAuthError } from '../../src/wire/shared/storage-auth/errors.ts'
import { type EngineBench, endpoints, openEngineBench } from './engine-bench.ts'

export const ACCOUNT_NAME = 'account1'
export const keyTexts = [AccountKey.generateText(), AccountKey.generateText()] as const

const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
const data = (action: string) => ({ name: `${BLOBS}/${action}`, isData: true })

/** What an operation may need, one of each sort. */
export const needs = {
  listContainers: {
    sas: ['l'],
    resource: 'service',
    action: { name: 'Microsoft.Storage/storageAccounts/blobServices/containers/read', isData: false },
    publicAccess: null,
  },
  createContainer: {
    sas: ['c', 'w'],
    resource: 'container',
    action: { name: 'Microsoft.Storage/storageAccounts/blobServices/containers/write', isData: false },
    publicAccess: null,
  },
  readContainer: {
    sas: ['r'],
    resource: 'container',
    action: { name: 'Microsoft.Storage/storageAccounts/blobServices/containers/read', isData: false },
    publicAccess: 'container',
  },
  listBlobs: { sas: ['l'], resource: 'container', action: data('read'), publicAccess: 'container' },
  listTags: { sas: ['t'], resource: 'container', action: data('tags/read'), publicAccess: null },
  readBlob: { sas: ['r'], resource: 'object', action: data('read'), publicAccess: 'blob' },
  writeBlob: { sas: ['w'], resource: 'object', action: data('write'), publicAccess: null },
  deleteBlob: { sas: ['d'], resource: 'object', action: data('delete'), publicAccess: null },
  nobody: { sas: [], resource: 'object', action: null, publicAccess: null },
} as const satisfies Record<string, StoragePermission>

type FoundContainer = NonNullable<Awaited<ReturnType<ContainerAccess['find']>>>

export interface AdmissionBench extends AsyncDisposable {
  readonly engine: EngineBench
  readonly delegationKeys: DelegationKeys
  /** `http://127.0.0.1:PORT/account1` */
  readonly url: string
  readonly served: ServedProtocol
  /** Changed by a test between requests. */
  account: StorageAccount
  /** Null: none is asked for. */
  permission: StoragePermission | null
  transport: Partial<Pick<RequestHead, 'tlsVersion' | 'remoteAddress'>>
  /** A user delegation key that another installation gave out, taken for ours; null: there is none. */
  foreignKey: AccountKey | null
  setNow(now: Date): void
  readonly containers: Map<string, FoundContainer>
  /** What became of each request, in their order. */
  readonly outcomes: Outcome[]
  newPrincipal(
    roleName: string | null,
    scope?: string,
  ): Promise<{ readonly id: string; readonly token: string }>
}

export type Outcome =
  | { readonly head: RequestHead; readonly caller: StorageCaller }
  | { readonly head: RequestHead; readonly fault: unknown }

/**
 * The admission of the data plane behind the real pipeline, over a real directory and real roles: each request is admitted,
 * then asked for `permission`, and answered with what was found out of its caller, or with the refusal.
 */
export async function openAdmissionBench(): Promise<AdmissionBench> {
  const engine = await openEngineBench()
  // The SDKs sign with the machine's time.
  engine.bench.now = new Date()
  const secrets = delegationKeys(MacKey.generate())
  const containers = new Map<string, FoundContainer>()
  const outcomes: Outcome[] = []
  const admission = storageAdmission({
    clock: engine.clock,
    directory: engine.directory,
    access: engine.access,
    endpoints,
    delegationKeys: { find: (account, terms) => bench.foreignKey ?? secrets.find(account, terms) },
    containers: { find: async (_account, name) => containers.get(name) ?? null },
  })
  const state = {
    account: accountOf(engine),
    permission: needs.readBlob as StoragePermission | null,
    transport: {},
    foreignKey: null,
  }
  const protocol: Protocol<StorageCaller> = {
    name: 'admission',
    ignoreCase: false,
    keepsPaths: true,
    operations: methods.flatMap((method) => operationsOf(method)),
    async admit(received, matched) {
      const head = { ...received, ...bench.transport }
      const { container = '', blob = null } = matched?.params ?? {}
      try {
        const addressed = { service: 'blob', container: container === '' ? null : container, blob } as const
        const caller = await admission.admit(head, { account: bench.account, ...addressed })
        if (bench.permission !== null) admission.assertPermitted(caller, bench.permission)
        outcomes.push({ head, caller })
        return caller
      } catch (fault) {
        outcomes.push({ head, fault })
        throw fault
      }
    },
    fail,
    headers: () => ({}),
  }
  const served = await serveProtocol(protocol, ['address', '*.blob.core.localhost'])
  const bench: AdmissionBench = Object.assign(state, {
    engine,
    delegationKeys: secrets,
    url: `${served.url}/${ACCOUNT_NAME}`,
    served,
    containers,
    outcomes,
    setNow: (now: Date) => void (engine.bench.now = now),
    newPrincipal: (roleName: string | null, scope?: string) => newPrincipal(engine, roleName, scope),
    async [Symbol.asyncDispose]() {
      await served.close()
      await engine[Symbol.asyncDispose]()
    },
  })
  return bench
}

const methods: readonly Method[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE']

function operationsOf(method: Method): readonly AnyOperation<StorageCaller>[] {
  return ['/{container?}', '/{container}/{blob+}'].map((path) => ({
    id: `${method} ${path}`,
    method,
    path,
    needs: null,
    body: { kind: 'raw', maxBytes: 10_000_000 },
    async run({ caller: { kind, principal, responseHeaders, encryptionScope } }) {
      const text = JSON.stringify({ kind, principal, responseHeaders, encryptionScope })
      // As blobs are sent. Node spoils a Content-Disposition beside a body that it is given whole.
      const body = { stream: Readable.from([Buffer.from(text)]), length: Buffer.byteLength(text) }
      return { status: 200, headers: responseHeaders, body }
    },
  }))
}

function fail(thrown: unknown) {
  if (!(thrown instanceof StorageAuthFault)) return { status: 500, body: { code: 'Bug' } }
  const {
    status,
    code,
    message,
    detail = null,
    headers = {},
  } = storageAuthError(thrown as StorageAuthFault, endpoints)
  return { status, headers, body: { code, message, detail } }
}

function accountOf({ tenantId, subscriptionId }: EngineBench): StorageAccount {
  const keys = keyTexts.map((text, index) => {
    const key = AccountKey.parse(text)
    if (key === null) throw new Error('no key')
    return { name: index === 0 ? ('key1' as const) : ('key2' as const), key }
  })
  return {
    uid: 'uid-1',
    resourceId: `/subscriptions/${subscriptionId}/resourceGroups/rg1/providers/Microsoft.Storage/storageAccounts/${ACCOUNT_NAME}`,
    subscriptionId,
    tenantId,
    name: ACCOUNT_NAME,
    kind: 'StorageV2',
    sku: 'Standard_LRS',
    accessTier: 'Hot',
    createdAt: new Date('2026-01-01T00:00:00Z'),
    isHttpsOnly: false,
    minimumTlsVersion: 'TLS1_2',
    allowsSharedKey: true,
    allowsBlobPublicAccess: true,
    requiresInfrastructureEncryption: false,
    delegationEpoch: '',
    network: { isPublic: true, defaultAction: 'Allow', ipRules: [] },
    keys,
    blobService: standardBlobService,
  }
}

async function newPrincipal(engine: EngineBench, roleName: string | null, scope?: string) {
  const { tenantId, directory, access } = engine
  const { principal, application, secret } = await directory.createAdministrator({
    tenantId,
    displayName: `app-${randomGuid()}`,
    endsAt: new Date('2090-01-01T00:00:00Z'),
  })
  const { principalId } = principal
  if (roleName !== null) {
    const role = builtInRoles.find((each) => each.roleName === roleName)
    if (role === undefined) throw new Error(roleName)
    await access.grant({ scope: scope ?? accountOf(engine).resourceId, roleId: role.roleId, principalId })
  }
  const resource = 'https://storage.azure.com'
  const { token } = await directory.clientCredentials({
    tenant: tenantId,
    clientId: application.appId,
    secret,
    resource,
  })
  return { id: principalId, token }
}
