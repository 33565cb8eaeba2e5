import { exceptions, usesProxy } from '../proxy.ts'
import { type Finding, fail, ok } from './finding.ts'

/** Whether a proxy stands between this shell and the server. Null when there is none. */
export function checkProxy(domain: string, environment: NodeJS.ProcessEnv): Finding | null {
  if (!usesProxy(environment)) return null
  const past = exceptions(environment)
  if (past.has('*') || past.has(domain) || past.has(`.${domain}`)) {
    return ok('proxy', `${domain} is reached without the proxy of this shell`)
  }
  return fail(
    'proxy',
    `this shell sends HTTPS through a proxy, requests to ${domain} too`,
    `in this shell: export NO_PROXY="$NO_PROXY,${domain},.${domain}" no_proxy="$no_proxy,${domain},.${domain}"`,
  )
}
