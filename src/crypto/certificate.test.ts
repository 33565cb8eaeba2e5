import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import { type TLSSocket, connect, createServer } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CertificatePair,
  certificateCovers,
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
    const stranger = await createAuthority('Strongroom test', validFrom)
    await serving(server, async (attempt) => {
      expect(await attempt(authority.certPem, 'r1.vault.localhost')).toBe('connected')
      expect(await attempt(authority.certPem, 'example.com')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
      expect(await attempt(stranger.certPem, 'localhost')).toMatch(/UNABLE_TO_VERIFY|SIGNATURE|ISSUER/)
    })
  })

  test('under an authority for one domain is believed there and nowhere else', async () => {
    const constrained = await createAuthority('Strongroom test', validFrom, {
      domain: 'localhost',
      networks: ['127.0.0.0/8', '::1/128'],
    })
    const issue = (names: readonly string[], addresses: readonly string[]) =>
      issueServerCertificate({ authority: constrained, names, addresses, validFrom, days: 1 })
    const attempts = async (names: readonly string[], addresses: readonly string[], servername: string) => {
      let outcome: string | undefined
      await serving(await issue(names, addresses), async (attempt) => {
        outcome = await attempt(constrained.certPem, servername)
      })
      return outcome
    }
    const own = ['localhost', '*.vault.localhost']
    expect(await attempts(own, ['127.0.0.1', '::1'], 'r1.vault.localhost')).toBe('connected')
    expect(await attempts(['example.com'], [], 'example.com')).toBe('permitted subtree violation')
    expect(await attempts(['notlocalhost'], [], 'notlocalhost')).toBe('permitted subtree violation')
    expect(await attempts(own, ['10.1.2.3'], 'localhost')).toBe('permitted subtree violation')
  })
})

describe('certificateCovers()', () => {
  test('looks at every name and address, however it is written', () => {
    const covers = (names: readonly string[], addresses: readonly string[]) =>
      certificateCovers(server.certPem, { names, addresses })
    expect(covers(['localhost', '*.vault.localhost'], ['127.0.0.1', '::1'])).toBe(true)
    expect(covers(['localhost', '*.azurecr.localhost'], [])).toBe(false)
    expect(covers([], ['127.0.0.2'])).toBe(false)
  })
})

type Attempt = (ca: string, servername: string) => Promise<string | undefined>

async function serving(
  { certPem, keyPem }: CertificatePair,
  use: (attempt: Attempt) => Promise<void>,
): Promise<void> {
  const listener = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end('hello'))
  listener.on('tlsClientError', () => undefined)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  try {
    await use(async (ca, servername) => {
      const socket: TLSSocket = connect({ socket: connectTcp(port, '127.0.0.1'), ca, servername })
      try {
        await once(socket, 'secureConnect')
        return 'connected'
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException
        // Node has no code of its own for every reason of OpenSSL's.
        return code === 'UNSPECIFIED' ? message : code
      } finally {
        socket.destroy()
      }
    })
  } finally {
    listener.close()
  }
}
