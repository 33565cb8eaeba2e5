import type { LookupAddress } from 'node:dns'
import { type Finding, fail, ok } from './finding.ts'

/** `dns.lookup` with `all`: what every program on the machine is told. */
export type Lookup = (name: string) => Promise<readonly LookupAddress[]>

/** One of each kind that clients ask for; the first labels are any. */
export function sampleNames(domain: string): readonly string[] {
  return ['login', 'graph', 'management', 'vault1.vault', 'registry1.azurecr'].map(
    (role) => `${role}.${domain}`,
  )
}

/** Whether the names below the base domain resolve, `localhost` to this machine. */
export async function checkNames(domain: string, lookup: Lookup): Promise<Finding> {
  const names = sampleNames(domain)
  const isLocal = domain === 'localhost' || domain.endsWith('.localhost')
  const answers = await Promise.all(names.map((name) => lookup(name).catch(() => [])))
  const missing = names.filter((_name, index) => answers[index]?.length === 0)
  const elsewhere = names.filter(
    (_name, index) => isLocal && answers[index]?.some(({ address }) => !isLoopback(address)) === true,
  )
  if (missing.length > 0) {
    return fail(
      'names',
      `${missing.join(', ')} ${missing.length === 1 ? 'does' : 'do'} not resolve`,
      ...remedy(domain, isLocal),
    )
  }
  if (elsewhere.length > 0) {
    return fail('names', `${elsewhere.join(', ')} leads away from this machine`, ...remedy(domain, isLocal))
  }
  return ok('names', `names under ${domain} resolve`)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function remedy(domain: string, isLocal: boolean): readonly string[] {
  if (!isLocal) {
    const wildcards = ['', '*.', '*.vault.', '*.managedhsm.', '*.azurecr.'].map(
      (label) => `${label}${domain}`,
    )
    return [`in your DNS, lead these to the address of the server: ${wildcards.join(', ')}`]
  }
  return [
    'Debian, Ubuntu: apt-get install -y libnss-myhostname',
    `elsewhere add to /etc/hosts, with every vault and registry that you use: 127.0.0.1 ${sampleNames(domain).join(' ')}`,
  ]
}
