import { readFile } from 'node:fs/promises'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/** Makes fetch and the Azure SDKs of this process trust a test server, as NODE_EXTRA_CA_CERTS does from outside. */
export async function trustCa(caFile: string): Promise<void> {
  setDefaultCACertificates([...getCACertificates('default'), await readFile(caFile, 'utf8')])
}
