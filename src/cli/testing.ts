import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CertificatePair, createAuthority, issueServerCertificate } from '../crypto/certificate.ts'
import { generateSealKeyFile } from '../crypto/seal-key.ts'
import { type Listener, listen } from '../http/listener.ts'
import { DAY_MS, SECOND_MS } from '../kernel/units.ts'
import type { OwnerFile } from '../server/bootstrap.ts'
import { certificateNames } from '../server/tls.ts'

/** A data folder as `up` leaves it, as far as the other commands look at it. For tests only. */
export interface TestInstallation extends AsyncDisposable {
  readonly dataDir: string
  readonly owner: OwnerFile
  readonly authority: CertificatePair
  /** Issues a server certificate for the names of `domain`. */
  certify(domain?: string, validFrom?: Date, days?: number): Promise<CertificatePair>
  /** Listens on the owner's port with a certificate, by default a good one. */
  serve(pair?: CertificatePair): Promise<Listener>
}

export const secret = 'Sekr~t.$(touch pwned)`x`"\'_\\1'

/** `name` is the data folder's own, for names that shells and readers may stumble over. */
export async function testInstallation(
  name = 'data',
  changes: Partial<OwnerFile> = {},
): Promise<TestInstallation> {
  const parent = await mkdtemp(join(tmpdir(), 'strongroom-cli-'))
  const dataDir = join(parent, name)
  await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 })
  await chmod(dataDir, 0o700)
  const authority = await createAuthority('Test CA', new Date(Date.now() - DAY_MS))
  const owner: OwnerFile = {
    tenantId: '11111111-1111-4111-8111-111111111111',
    subscriptionId: '22222222-2222-4222-8222-222222222222',
    clientId: '33333333-3333-4333-8333-333333333333',
    clientSecret: secret,
    domain: 'localhost',
    port: await freePort(),
    caFile: join(dataDir, 'secrets', 'ca.pem'),
    ...changes,
  }
  const write = (file: string, text: string) =>
    writeFile(join(dataDir, 'secrets', file), text, { mode: 0o600 })
  await write('owner.json', JSON.stringify(owner))
  await write('ca.pem', authority.certPem)
  await write('seal.key', generateSealKeyFile())
  const certify = (domain = owner.domain, validFrom = new Date(Date.now() - DAY_MS), days = 300) =>
    issueServerCertificate({ authority, names: certificateNames(domain), addresses: [], validFrom, days })
  return {
    dataDir,
    owner,
    authority,
    certify,
    serve: async (pair) => serveTls(owner.port, pair ?? (await certify())),
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true }),
  }
}

function serveTls(port: number, pair: CertificatePair): Promise<Listener> {
  return listen((_request, response) => response.end('here'), {
    host: '127.0.0.1',
    port,
    tls: { certificatePem: pair.certPem, privateKeyPem: pair.keyPem },
    limits: {
      maxConnections: 10,
      maxHeaderBytes: 8_192,
      headersTimeoutMs: SECOND_MS,
      keepAliveMs: SECOND_MS,
      socketIdleMs: SECOND_MS,
    },
  })
}

/** One that was free a moment ago. */
export async function freePort(): Promise<number> {
  const options = {
    maxConnections: 1,
    maxHeaderBytes: 1_024,
    headersTimeoutMs: 100,
    keepAliveMs: 1,
    socketIdleMs: 1,
  }
  const listener = await listen(() => undefined, { host: '127.0.0.1', port: 0, tls: null, limits: options })
  await listener.close(0)
  return listener.port
}
