import { X509Certificate, randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type * as X509 from '@peculiar/x509'
import { DAY_MS } from '../kernel/units.ts'

/** A certificate and its private key (PKCS #8), as PEM text. `keyPem` is a secret. */
export interface CertificatePair {
  readonly certPem: string
  readonly keyPem: string
}

export interface ServerCertificateRequest {
  readonly authority: CertificatePair
  /** DNS names; a leading `*.` label is allowed. */
  readonly names: readonly string[]
  /** IPv4 and IPv6 addresses. */
  readonly addresses: readonly string[]
  readonly validFrom: Date
  readonly days: number
}

export interface CertificateInfo {
  readonly notBefore: Date
  readonly notAfter: Date
  /** `DNS:name` and `IP Address:address`, as OpenSSL writes them. */
  readonly subjectAltNames: readonly string[]
  /** SHA-256 of the certificate, upper-case hexadecimal pairs with colons. */
  readonly fingerprint256: string
  readonly subject: string
}

const AUTHORITY_DAYS = 3650
/** P-256: a TLS handshake takes 150 µs less of a processor than with RSA-2048 (of 1.7 ms for both ends), and every client takes it. */
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** What an authority may vouch for (RFC 5280 section 4.2.1.10). */
export interface PermittedNames {
  /** Itself and everything below it. */
  readonly domain: string
  /** In CIDR form. */
  readonly networks: readonly string[]
}

/** A root certificate for ten years that may sign server certificates and nothing that signs in turn (RFC 5280 section 4.2.1.9). */
export async function createAuthority(
  name: string,
  validFrom: Date,
  permitted?: PermittedNames,
): Promise<CertificatePair> {
  const x509 = await loadX509()
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: validFrom,
    notAfter: daysAfter(validFrom, AUTHORITY_DAYS),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ...(permitted === undefined ? [] : [await nameConstraints(x509, permitted)]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return pairOf(certificate, keys.privateKey)
}

/** `certPem` is the leaf alone: the authority is a root, which clients have and a server does not send. */
export async function issueServerCertificate(request: ServerCertificateRequest): Promise<CertificatePair> {
  const { authority, names, addresses, validFrom, days } = request
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certPem)
  const signingKey = await importKey(authority.keyPem)
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const altNames = [
    ...names.map((value) => ({ type: 'dns', value }) as const),
    ...addresses.map((value) => ({ type: 'ip', value: ipAddress(value) }) as const),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [names[0]?.slice(0, 64) ?? 'strongroom'] }],
    issuer: issuer.subject,
    notBefore: validFrom,
    notAfter: daysAfter(validFrom, days),
    signingAlgorithm: ecdsa,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(altNames),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  })
  return pairOf(certificate, keys.privateKey)
}

/** The first certificate of `pem`. */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = new X509Certificate(pem)
  return {
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
    subjectAltNames: certificate.subjectAltName?.split(', ') ?? [],
    fingerprint256: certificate.fingerprint256,
    subject: certificate.subject,
  }
}

/** Whether clients that ask for any of these DNS names (`*.` for one label) and addresses accept the certificate for it. */
export function certificateCovers(
  pem: string,
  { names, addresses }: Pick<ServerCertificateRequest, 'names' | 'addresses'>,
): boolean {
  const certificate = new X509Certificate(pem)
  return (
    names.every((name) => certificate.checkHost(name.replace(/^\*/, 'any')) !== undefined) &&
    addresses.every((address) => certificate.checkIP(address) !== undefined)
  )
}

/** DER of a certificate that does no more than carry an RSA key, as `x5c` of a key set does (RFC 7517 section 4.7). */
export async function selfSignedDer(
  name: string,
  keys: webcrypto.CryptoKeyPair,
  from: Date,
): Promise<Buffer> {
  const x509 = await loadX509()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: from,
    notAfter: daysAfter(from, AUTHORITY_DAYS),
    signingAlgorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    keys,
  })
  return Buffer.from(certificate.rawData)
}

/**
 * Critical, so that a client that does not know it refuses: whoever steals the key of an authority that a whole machine
 * trusts can still pose as nobody outside the installation's own domain.
 */
async function nameConstraints(
  x509: typeof X509,
  { domain, networks }: PermittedNames,
): Promise<X509.Extension> {
  const { GeneralName, GeneralSubtree, GeneralSubtrees, NameConstraints, id_ce_nameConstraints } =
    await import('@peculiar/asn1-x509')
  const { AsnConvert } = await import('@peculiar/asn1-schema')
  const bases = [
    new GeneralName({ dNSName: domain }),
    ...networks.map((network) => new GeneralName({ iPAddress: network })),
  ]
  const permittedSubtrees = new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })))
  const der = AsnConvert.serialize(new NameConstraints({ permittedSubtrees }))
  return new x509.Extension(id_ce_nameConstraints, true, der)
}

/** Loaded when a certificate is made, which is rare: it takes as long as the rest of the start. */
async function loadX509(): Promise<typeof X509> {
  await import('./reflect-metadata.ts')
  return import('@peculiar/x509')
}

async function pairOf(certificate: X509.X509Certificate, key: webcrypto.CryptoKey): Promise<CertificatePair> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  const body = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  der.fill(0)
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`
  return { certPem: `${certificate.toString('pem')}\n`, keyPem }
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, ecdsa, false, ['sign']).finally(() => der.fill(0))
}

/** 126 random bits, positive and not zero (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const raw = randomBytes(16)
  raw[0] = ((raw[0] ?? 0) & 0x3f) | 0x40
  return raw.toString('hex')
}

function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new TypeError('not an IP address')
  return text
}

function daysAfter(from: Date, days: number): Date {
  return new Date(from.getTime() + days * DAY_MS)
}
