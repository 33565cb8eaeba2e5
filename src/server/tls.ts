import { readFile } from 'node:fs/promises'
import {
  type CertificatePair,
  certificateCovers,
  certificateInfo,
  createAuthority,
  issueServerCertificate,
} from '../crypto/certificate.ts'
import type { TlsIdentity } from '../http/listener.ts'
import type { Clock } from '../kernel/clock.ts'
import { DAY_MS } from '../kernel/units.ts'
import type { DataFolder } from '../store/data-folder.ts'
import { DataFolderError } from '../store/data-folder-error.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { readFileIfThere } from './files.ts'

const SERVER_DAYS = 397
const RENEW_BEFORE_MS = 30 * DAY_MS

/** The certificate that the listener shows, and what clients must trust to accept it. */
export interface TlsSource {
  readonly identity: TlsIdentity
  /** Absolute; null with an operator's own certificate. */
  readonly caFile: string | null
  readonly notAfter: Date
  /** A new identity when the present one nears its end or has changed on disk; null when there is nothing to do. */
  renew(now: Date): Promise<TlsIdentity | null>
}

/**
 * The names of the server certificate. Two-label wildcards: clients on newer OpenSSL refuse `*.localhost` itself
 * (RFC 6125 section 7.2), so the fixed roles are listed by name.
 */
export function certificateNames(domain: string): readonly string[] {
  return [
    domain,
    ...['login', 'management', 'graph', 'portal'].map((role) => `${role}.${domain}`),
    ...['vault', 'managedhsm', 'azurecr'].map((role) => `*.${role}.${domain}`),
    ...['blob', 'queue', 'table', 'file', 'dfs', 'web'].map((service) => `*.${service}.core.${domain}`),
  ]
}

/** From our own CA, made at first start; the server certificate is renewed 30 days before its end. */
export async function ownCertificate(
  folder: DataFolder,
  domain: string,
  addresses: readonly string[],
  clock: Clock,
): Promise<TlsSource> {
  const authority = await authorityOf(folder, domain, clock)
  const request = { authority, names: certificateNames(domain), addresses }
  let current = await storedOrNew(folder, request, clock.now())
  return {
    get identity() {
      return identityOf(current)
    },
    caFile: folder.secretFile('ca.pem'),
    get notAfter() {
      return certificateInfo(current.certPem).notAfter
    },
    async renew(now) {
      if (certificateInfo(current.certPem).notAfter.getTime() - now.getTime() > RENEW_BEFORE_MS) return null
      current = await issueAndStore(folder, request, now)
      return identityOf(current)
    },
  }
}

/** From files of the operator's; read again when they change. @throws the system's error when one cannot be read */
export async function operatorCertificate(files: {
  readonly certificateFile: string
  readonly keyFile: string
}): Promise<TlsSource> {
  const read = async (): Promise<CertificatePair> => ({
    certPem: await readFile(files.certificateFile, 'utf8'),
    keyPem: await readFile(files.keyFile, 'utf8'),
  })
  let current = await read()
  return {
    get identity() {
      return identityOf(current)
    },
    caFile: null,
    get notAfter() {
      return certificateInfo(current.certPem).notAfter
    },
    async renew() {
      const next = await read()
      if (next.certPem === current.certPem) return null
      current = next
      return identityOf(next)
    },
  }
}

interface ServerRequest {
  readonly authority: CertificatePair
  readonly names: readonly string[]
  readonly addresses: readonly string[]
}

async function authorityOf(folder: DataFolder, domain: string, clock: Clock): Promise<CertificatePair> {
  const certPem = await readFileIfThere(folder.secretFile('ca.pem'))
  const keyPem = await readFileIfThere(folder.secretFile('ca.key'))
  const name = `Strongroom CA (${domain})`
  if (certPem !== null && keyPem !== null) {
    assertFor(certPem, name, folder)
    return { certPem, keyPem }
  }
  const made = await createAuthority(name, new Date(clock.now().getTime() - DAY_MS), {
    domain,
    networks: ['127.0.0.0/8', '::1/128'],
  })
  // The key first: a crash between leaves a key without a certificate, and both are made anew.
  await writeSecretFile(folder.secretFile('ca.key'), made.keyPem, { replace: true })
  await writeSecretFile(folder.secretFile('ca.pem'), made.certPem, { replace: true })
  return made
}

/** A CA may vouch for one domain only, and clients have been told to trust it for that. */
function assertFor(certPem: string, name: string, folder: DataFolder): void {
  const { subject } = certificateInfo(certPem)
  if (subject === `CN=${name}`) return
  throw new DataFolderError(
    `the CA of this data folder is ${subject.replace(/^CN=/, '')}: start with its domain, or move ca.pem, ca.key and tls.pem ` +
      `out of ${folder.secretFile('')} to have a new CA made, which every client must then be told to trust`,
  )
}

async function storedOrNew(folder: DataFolder, request: ServerRequest, now: Date): Promise<CertificatePair> {
  const stored = splitPem((await readFileIfThere(folder.secretFile('tls.pem'))) ?? '')
  if (stored !== null && serves(stored.certPem, request, now)) return stored
  return issueAndStore(folder, request, now)
}

function serves(certPem: string, request: ServerRequest, now: Date): boolean {
  const { notAfter } = certificateInfo(certPem)
  return notAfter.getTime() - now.getTime() > RENEW_BEFORE_MS && certificateCovers(certPem, request)
}

async function issueAndStore(
  folder: DataFolder,
  request: ServerRequest,
  now: Date,
): Promise<CertificatePair> {
  const validFrom = new Date(now.getTime() - DAY_MS)
  const issued = await issueServerCertificate({ ...request, validFrom, days: SERVER_DAYS })
  // One file for both: a crash can't leave a key beside another key's certificate.
  await writeSecretFile(folder.secretFile('tls.pem'), issued.certPem + issued.keyPem, { replace: true })
  return issued
}

function splitPem(text: string): CertificatePair | null {
  const [certPem] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text) ?? []
  const [keyPem] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text) ?? []
  return certPem === undefined || keyPem === undefined ? null : { certPem, keyPem }
}

function identityOf(pair: CertificatePair): TlsIdentity {
  return { certificatePem: pair.certPem, privateKeyPem: pair.keyPem }
}
