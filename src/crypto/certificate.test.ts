import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { type TLSSocket, connect, createServer } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CertificatePair,
  certificateInfo,
  createAuthority,
  issueServerCertificate,
} from './certificate.ts'

const validFrom = new Date(Math.floor(Date.now() / 1000) * 1000 - 60_000)
let authority: CertificatePair
let server: CertificatePair

beforeAll(async () => {
  authority = await createAuthority('Strongroom test', validFrom)
  server = await issueServerCertificate({
    authority,
    names: ['localhost', '*.vault.localhost'],
    addresses: ['127.0.0.1', '::1'],
    validFrom,
    days: 30,
  })
})

describe('createAuthority()', () => {
  test('makes a self-signed root for ten years that may sign and nothing else', () => {
    const certificate = new X509Certificate(authority.certPem)
    expect(certificate.ca).toBe(true)
    expect(certificate.subject).toBe('CN=Strongroom test')
    expect(certificate.verify(certificate.publicKey)).toBe(true)
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
    const info = certificateInfo(authority.certPem)
    expect(info.notBefore).toEqual(validFrom)
    expect((info.notAfter.getTime() - validFrom.getTime()) / 86_400_000).toBe(3650)
  })

  test('makes a different serial number and key each time', async () => {
    const other = await createAuthority('Strongroom test', validFrom)
    const [a, b] = [new X509Certificate(authority.certPem), new X509Certificate(other.certPem)]
    expect(a.serialNumber).not.toBe(b.serialNumber)
    expect(a.serialNumber.length).toBe(32)
    expect(a.publicKey.equals(b.publicKey)).toBe(false)
  })
})

describe('issueServerCertificate()', () => {
  test('makes a leaf of the authority with the names and addresses asked for', () => {
    const certificate = new X509Certificate(server.certPem)
    const root = new X509Certificate(authority.certPem)
    expect(certificate.checkIssued(root)).toBe(true)
    expect(certificate.verify(root.publicKey)).toBe(true)
    expect(certificate.ca).toBe(false)
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(certificate.checkHost('contoso.vault.localhost')).toBe('*.vault.localhost')
    expect(certificate.checkHost('a.b.vault.localhost')).toBeUndefined()
    expect(certificate.checkHost('example.com')).toBeUndefined()
    expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(certificate.checkIP('127.0.0.2')).toBeUndefined()
    const info = certificateInfo(server.certPem)
    expect(info.subjectAltNames).toEqual([
      'DNS:localhost',
      'DNS:*.vault.localhost',
      'IP Address:127.0.0.1',
      'IP Address:0:0:0:0:0:0:0:1',
    ])
    expect(info.notAfter.getTime() - info.notBefore.getTime()).toBe(30 * 86_400_000)
    expect(info.fingerprint256).toBe(certificate.fingerprint256)
  })

  test('refuses an address that is none', async () => {
    const request = { authority, names: ['a'], addresses: ['localhost'], validFrom, days: 1 }
    await expect(issueServerCertificate(request)).rejects.toThrow(TypeError)
  })

  test('serves TLS to a client that knows the authority, and to no other', async () => {
    const listener = createServer({ cert: server.certPem, key: server.keyPem }, (socket) =>
      socket.end('hello'),
    )
    listener.on('tlsClientError', () => undefined)
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const { port } = listener.address() as AddressInfo
    const attempt = async (ca: string, servername: string) => {
      const socket: TLSSocket = connect({ socket: connectTcp(port, '127.0.0.1'), ca, servername })
      try {
        await once(socket, 'secureConnect')
        return 'connected'
      } catch (error) {
        return (error as NodeJS.ErrnoException).code
      } finally {
        socket.destroy()
      }
    }
    try {
      const stranger = await createAuthority('Strongroom test', validFrom)
      expect(await attempt(authority.certPem, 'r1.vault.localhost')).toBe('connected')
      expect(await attempt(authority.certPem, 'example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
      expect(await attempt(stranger.certPem, 'localhost')).toMatch(/UNABLE_TO_VERIFY|SIGNATURE|ISSUER/)
    } finally {
      listener.close()
    }
  })
})
