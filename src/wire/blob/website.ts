import { type Call, type Protocol, type Reply, type RequestHead, operation } from '../../http/operation.ts'
import { BlobFault, type BlobFaults } from '../../services/blob/faults.ts'
import type { BlobContent } from '../../services/blob/get-blob.ts'
import { noConditions } from '../../services/blob/conditions.ts'
import { WEB_CONTAINER } from '../../services/blob/service-properties.ts'
import type { StaticWebsite, StorageAccount } from '../../services/storage/storage-account.ts'
import { type BlobAuthDeps, accountOf, withoutCredential } from './auth.ts'
import type { BlobWireDeps } from './deps.ts'
import { render } from './errors.ts'
import { blobHeaders } from './headers.ts'
import { contentHeaders, stampHeaders } from './present.ts'
import { rangeOf } from './ranges.ts'
import { conditionsOf } from './request.ts'
import { errorPage, notFoundPage } from './website-pages.ts'

export interface WebsiteDeps extends Pick<BlobWireDeps, 'blobs' | 'endpoints'> {
  readonly auth: BlobAuthDeps
}

/**
 * An account's static website on `<account>.web.core.<domain>`: whatever is in `$web`, to anybody whom the account's network
 * rules let in. https://learn.microsoft.com/azure/storage/blobs/storage-blob-static-website
 */
export function websiteProtocol(deps: WebsiteDeps): Protocol<StorageAccount, null> {
  return {
    name: 'website',
    ignoreCase: false,
    keepsPaths: true,
    operations: ['/', '/{page+}'].map((path) =>
      operation<StorageAccount, null, string>({
        id: 'GetPage',
        method: 'GET',
        path,
        needs: null,
        body: { kind: 'none' },
        run: (call) => page(deps, call),
      }),
    ),
    async admit(head) {
      const account = await accountOf(deps.auth, head)
      const place = { account, service: 'blob', container: null, blob: null } as const
      await deps.auth.admission.admit(withoutCredential(head), place)
      return account
    },
    fail(thrown, head) {
      const { status, code, message, headers } = render(thrown, deps.endpoints)
      return errorPage({ status, code, message, requestId: head.requestId, headers: headers ?? {} })
    },
    headers: websiteHeaders,
  }
}

/** No `nosniff`: pages are shown as what browsers take them for, as elsewhere. */
function websiteHeaders(head: RequestHead): Readonly<Record<string, string>> {
  const { 'x-content-type-options': _, ...headers } = blobHeaders(head)
  return { ...headers, server: 'Windows-Azure-Web/1.0 Strongroom' }
}

async function page(deps: WebsiteDeps, call: Call<StorageAccount>): Promise<Reply> {
  const { head, caller } = call
  const website = caller.blobService.staticWebsite
  if (website === null) return notFoundPage(head.requestId)
  for (const name of pagesOf(head.path, website)) {
    const found = await findPage(deps, call, name, head)
    if (found !== null) return pageReply(call, found)
  }
  const document = website.errorDocument404Path
  const shown = document === null ? null : await findPage(deps, call, document, null)
  return shown === null ? notFoundPage(head.requestId) : { ...wholePage(call, shown), status: 404 }
}

/** What may be meant by a path, in the order in which it is looked for. */
function pagesOf(
  path: string,
  { indexDocument, defaultIndexDocumentPath }: StaticWebsite,
): readonly string[] {
  const name = path.replace(/^\//, '')
  const isFolder = name === '' || name.endsWith('/')
  const index = indexDocument === null ? [] : [`${name}${isFolder ? '' : '/'}${indexDocument}`]
  const standard = defaultIndexDocumentPath === null ? [] : [defaultIndexDocumentPath]
  return [...(isFolder ? [] : [name]), ...index, ...standard]
}

const missing: ReadonlySet<keyof BlobFaults> = new Set(['blob-not-found', 'container-not-found'])

/** @param asked null: whatever the client has already, it is sent */
async function findPage(
  { blobs }: WebsiteDeps,
  { caller: account, signal }: Call<StorageAccount>,
  blob: string,
  asked: RequestHead | null,
): Promise<BlobContent | null> {
  const conditions = asked === null ? noConditions : { ...conditionsOf(asked), ifTags: null }
  try {
    return await blobs.getBlob(
      { account, container: WEB_CONTAINER, blob, moment: null },
      { conditions, leaseId: null, customerKey: null },
      signal,
    )
  } catch (error) {
    if (error instanceof BlobFault && missing.has(error.code as keyof BlobFaults)) return null
    throw error
  }
}

function pageReply(call: Call<StorageAccount>, content: BlobContent): Reply {
  const { doc } = content.view
  const range = rangeOf(call.head, doc)
  if (range === null || call.head.method === 'HEAD') return wholePage(call, content)
  const { 'content-md5': _, ...headers } = pageHeaders(content)
  const { start, end } = range
  return {
    status: 206,
    headers: { ...headers, 'content-range': `bytes ${start}-${end - 1}/${doc.length}` },
    body: { stream: content.read(range, call.signal), length: end - start },
  }
}

function wholePage({ head, signal }: Call<StorageAccount>, content: BlobContent): Reply {
  const { length } = content.view.doc
  const headers = pageHeaders(content)
  if (head.method === 'HEAD')
    return { status: 200, headers: { ...headers, 'content-length': String(length) } }
  return { status: 200, headers, body: { stream: content.read({ start: 0, end: length }, signal), length } }
}

function pageHeaders({ view: { doc } }: BlobContent): Readonly<Record<string, string>> {
  return { ...stampHeaders(doc), ...contentHeaders(doc.headers), 'accept-ranges': 'bytes' }
}
