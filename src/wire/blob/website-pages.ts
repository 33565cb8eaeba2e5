import type { Reply } from '../../http/operation.ts'

interface ShownError {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly requestId: string
  readonly headers: Readonly<Record<string, string>>
}

/** What a browser shows. Without the details that the blob service gives: everybody may come here. */
export function errorPage({ status, code, message, requestId, headers }: ShownError): Reply {
  const always = { ...headers, 'x-ms-error-code': code }
  if (status === 304) return { status, headers: always }
  const lines = [`HttpStatusCode: ${status}`, `ErrorCode: ${code}`, `RequestId: ${requestId}`]
  const text =
    `<!DOCTYPE html><html><head><title>${code}</title></head><body><h1>${escapeHtml(message)}</h1>` +
    `<ul>${lines.map((line) => `<li>${line}</li>`).join('')}</ul></body></html>`
  return { status, headers: { ...always, 'content-type': 'text/html' }, body: Buffer.from(text) }
}

export function notFoundPage(requestId: string): Reply {
  const message = 'The requested content does not exist.'
  return errorPage({ status: 404, code: 'WebContentNotFound', message, requestId, headers: {} })
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
