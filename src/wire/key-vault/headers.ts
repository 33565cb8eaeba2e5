import type { RequestHead } from '../../http/operation.ts'

/** What a vault sends with every answer (recorded). `region` is null where no vault was found. */
export function vaultHeaders(head: RequestHead, region: string | null): Readonly<Record<string, string>> {
  const sent = head.headers.get('x-ms-client-request-id')
  const isEchoed = sent !== undefined && /^[\x21-\x7e]{1,128}$/.test(sent)
  const isV6 = head.remoteAddress.includes(':')
  return {
    'cache-control': 'no-cache',
    pragma: 'no-cache',
    expires: '-1',
    ...(region === null ? {} : { 'x-ms-keyvault-region': region }),
    ...(isEchoed ? { 'x-ms-client-request-id': sent } : {}),
    'x-ms-request-id': head.requestId,
    'x-ms-keyvault-service-version': '1.9.0.0',
    'x-ms-keyvault-network-info': `conn_type=${isV6 ? 'Ipv6' : 'Ipv4'};addr=${head.remoteAddress};act_addr_fam=InterNetwork${isV6 ? 'V6' : ''};`,
    'strict-transport-security': 'max-age=31536000;includeSubDomains',
    'x-content-type-options': 'nosniff',
  }
}
