import { type RequestHead, queryValue } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { SECONDARY, hasSecondary } from '../../services/storage/account-kinds.ts'
import type { StorageAccount, StorageAccounts } from '../../services/storage/storage-account.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import type { StorageAdmission } from '../shared/storage-auth/admission.ts'
import { ROOT_CONTAINER } from './names.ts'
import type { BlobOperation } from './needs.ts'

export interface BlobAuthDeps {
  readonly accounts: Pick<StorageAccounts, 'find'>
  readonly admission: StorageAdmission
}

/** `<account>-secondary`: where accounts with read access to their second copy are read. */
export function isSecondary({ subject }: RequestHead): boolean {
  return subject.endsWith(SECONDARY)
}

/** @throws BlobFault `account-not-found`, `secondary-refused` */
export async function accountOf(
  { accounts }: Pick<BlobAuthDeps, 'accounts'>,
  head: RequestHead,
): Promise<StorageAccount> {
  const name = isSecondary(head) ? head.subject.slice(0, -SECONDARY.length) : head.subject
  const account = await accounts.find(name)
  if (account === null) throw new BlobFault('account-not-found', {})
  if (isSecondary(head)) assertReadsSecondary(account, head)
  return account
}

function assertReadsSecondary({ sku }: StorageAccount, { method }: RequestHead): void {
  if (!hasSecondary(sku)) {
    const reason = 'Read-access geo-redundant replication is not enabled for the account.'
    throw new BlobFault('secondary-refused', { reason })
  }
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') {
    const reason = 'Write operations to the secondary location are not allowed.'
    throw new BlobFault('secondary-refused', { reason })
  }
}

/** What the table of operations has found. */
export interface MatchedBlobOperation {
  readonly operation: Pick<BlobOperation, 'id' | 'needs' | 'query'>
  readonly params: Readonly<Record<string, string>>
}

/** @throws StorageAuthFault; BlobFault */
export async function admit(
  deps: BlobAuthDeps,
  head: RequestHead,
  matched: MatchedBlobOperation | null,
): Promise<StorageCaller> {
  return await admitTo(deps, { head, account: await accountOf(deps, head) }, matched)
}

/** @throws StorageAuthFault; BlobFault `query-invalid` for a `comp` that the operation does not have */
export async function admitTo(
  { admission }: Pick<BlobAuthDeps, 'admission'>,
  { head, account }: { readonly head: RequestHead; readonly account: StorageAccount },
  matched: MatchedBlobOperation | null,
): Promise<StorageCaller> {
  const { blob = null } = matched?.params ?? {}
  const { container = blob === null ? null : ROOT_CONTAINER } = matched?.params ?? {}
  // A preflight request comes without what the request after it will have, and is decided by the rules of CORS alone.
  const shown = matched?.operation.needs === null ? withoutCredential(head) : head
  const caller = await admission.admit(shown, { account, service: 'blob', container, blob })
  if (matched === null) return caller
  if (matched.operation.needs !== null) admission.assertPermitted(caller, matched.operation.needs)
  assertAsked(head, matched)
  assertPlain(head, matched)
  return caller
}

/** What a client asks for in words that the operation does not know must not be taken for what is asked without them. */
function assertAsked(head: RequestHead, { operation: { query, needs } }: MatchedBlobOperation): void {
  if (needs === null) return
  for (const name of ['comp', 'restype']) {
    if (query?.[name] !== undefined) continue
    const value = queryValue(head, name) ?? ''
    if (value !== '') throw new BlobFault('query-invalid', { name, value })
  }
}

export function withoutCredential(head: RequestHead): RequestHead {
  const headers = new Map(head.headers)
  headers.delete('authorization')
  return { ...head, headers, query: new URLSearchParams() }
}

const withStructuredBodies: ReadonlySet<string> = new Set([
  'PutBlob',
  'PutBlock',
  'AppendBlock',
  'PutPage',
  'GetBlob',
])

/** Bodies with checksums in between: taken for plain ones, they would be stored, or read, with them. */
function assertPlain({ headers }: RequestHead, { operation: { id } }: MatchedBlobOperation): void {
  if (!headers.has('x-ms-structured-body') || withStructuredBodies.has(id)) return
  const reason = 'The bodies of this operation are not structured: send it without x-ms-structured-body.'
  throw new BlobFault('operation-unsupported', { reason })
}
