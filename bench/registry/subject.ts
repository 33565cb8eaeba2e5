import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, issueServerCertificate } from '../../src/crypto/certificate.ts'
import { type JsonObject } from '../../src/kernel/json.ts'
import { findExecutable } from '../../test/tools/command.ts'
import { type Estate, makeEstate } from '../../test/support/estate.ts'
import { type Rest, openRest, text, wanted } from '../../test/support/rest.ts'
import { freePort } from '../../test/support/free-port.ts'
import { type TestServer, startStrongroom } from '../../test/support/strongroom.ts'
import { REPOSITORY } from './client.ts'
import type { Loadable } from './comparison.ts'
import { type Address, untilReached } from './connection.ts'

/** A registry under test, in a process of its own, over TLS. */
export interface Subject extends AsyncDisposable, Loadable {
  readonly address: Address
  readonly headers: Readonly<Record<string, string>>
}

export interface Ours extends Subject {
  readonly server: TestServer
  readonly rest: Rest
  readonly estate: Estate
}

/** Strongroom as a user starts it, with a registry under a customer key. */
export async function startOurs(
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ours> {
  const server = await startStrongroom({ environment })
  const rest = await openRest(server)
  const estate = await makeEstate(rest)
  const host = `${estate.registry}.azurecr.localhost`
  const address = { port: server.port, host, ca: await readFile(server.caFile, 'utf8') }
  const headers = { authorization: `Bearer ${await accessToken(rest, estate.registry)}` }
  return {
    name,
    server,
    rest,
    estate,
    address,
    headers,
    job: { address, headers },
    pid: server.pid(),
    async [Symbol.asyncDispose]() {
      rest[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** As Docker gets one: a token of the directory, exchanged for one of the registry, for what is needed. */
async function accessToken(rest: Rest, registry: string): Promise<string> {
  const role = `${registry}.azurecr`
  const service = `${role}.localhost:${rest.server.port}`
  const post = async (path: string, form: Readonly<Record<string, string>>): Promise<JsonObject> =>
    wanted(path, await rest.send({ role, method: 'POST', path, body: new URLSearchParams(form) }))
  const directoryToken = await rest.token('https://containerregistry.azure.net')
  const exchanged = await post('/oauth2/exchange', {
    grant_type: 'access_token',
    service,
    access_token: directoryToken,
  })
  const granted = await post('/oauth2/token', {
    grant_type: 'refresh_token',
    service,
    scope: `repository:${REPOSITORY}:pull,push`,
    refresh_token: text(exchanged['refresh_token']),
  })
  return text(granted['access_token'])
}

/** Debian's docker-registry on plain files, without authentication and without encryption at rest. */
export async function startDebian(): Promise<Subject> {
  const program = findExecutable('docker-registry')
  if (program === null) {
    throw new Error('docker-registry is missing: node test/tools/prerequisites.ts --bench')
  }
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-bench-'))
  const [port, authority] = [await freePort(), await createAuthority('bench', yesterday())]
  const { certPem, keyPem } = await issueServerCertificate({
    authority,
    names: ['localhost'],
    addresses: [],
    validFrom: yesterday(),
    days: 7,
  })
  await mkdir(join(folder, 'store'))
  await writeFile(join(folder, 'cert.pem'), certPem)
  await writeFile(join(folder, 'key.pem'), keyPem, { mode: 0o600 })
  await writeFile(join(folder, 'config.json'), JSON.stringify(configOf(folder, port)))
  const child = spawn(program, ['serve', join(folder, 'config.json')], { stdio: 'ignore' })
  const address = { port, host: 'localhost', ca: authority.certPem }
  await untilReached(address)
  return {
    name: 'docker-registry',
    address,
    headers: {},
    job: { address, headers: {} },
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** YAML takes JSON. The cache of descriptors is on, as in Debian's own configuration. */
function configOf(folder: string, port: number): JsonObject {
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: join(folder, 'store') },
      cache: { blobdescriptor: 'inmemory' },
      delete: { enabled: true },
    },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'bench',
      tls: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
    },
  }
}

function yesterday(): Date {
  return new Date(Date.now() - 86_400_000)
}
