import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'

/** Where Debian, Alpine and Arch, Red Hat, SUSE, and macOS and BSD keep what the machine trusts. */
const systemFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const

const MARK = '# Made by `strongroom env`'

/**
 * All that is trusted now and our CA: the variables that name a bundle put it in the place of the machine's, so one with our
 * CA alone would cut the shell off from every other site.
 *
 * @param present the bundle that the environment names, if any: a company's own stays in
 */
export async function caBundle(caPem: string, present: string | undefined): Promise<string> {
  const trusted = await firstBundle([present, ...systemFiles])
  return `${MARK}: what this machine trusts, and Strongroom's CA at the end.\n${trusted.trimEnd()}\n${caPem.trimEnd()}\n`
}

async function firstBundle(files: readonly (string | undefined)[]): Promise<string> {
  for (const file of files) {
    const text = file === undefined ? null : await readFile(file, 'utf8').catch(() => null)
    // One of ours would bring the CAs of former installations along.
    if (text?.includes('-----BEGIN CERTIFICATE-----') === true && !text.startsWith(MARK)) return text
  }
  return rootCertificates.join('\n')
}
