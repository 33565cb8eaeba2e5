import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../config/config.ts'
import { certificateInfo } from '../crypto/certificate.ts'
import { request } from '../http/testing.ts'
import { DAY_MS } from '../kernel/units.ts'
import { openLog } from '../observe/log.ts'
import { freePort } from '../../test/support/free-port.ts'
import type { OwnerFile } from './bootstrap.ts'
import { type Strongroom, startStrongroom } from './strongroom.ts'

const log = openLog('silent')
let folder: string
let running: Strongroom[]
let port: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-server-'))
  port = await freePort()
  running = []
})
afterEach(async () => {
  for (const server of running) await server.close()
  await rm(folder, { recursive: true, force: true })
})

describe('startStrongroom()', () => {
  it('makes a CA, an owner and a seal key at the first start, each readable by its owner only', async () => {
    const server = await start()
    expect(server.isFirstStart).toBe(true)
    for (const name of ['owner.json', 'ca.key', 'tls.pem', 'seal.key']) {
      expect((await stat(join(folder, 'data/secrets', name))).mode & 0o777).toBe(0o600)
    }
    const owner = await readOwner()
    expect(owner).toMatchObject({ domain: 'localhost', port, caFile: join(folder, 'data/secrets/ca.pem') })
    expect(await ready(server)).toEqual({ status: 'ready', resources: [] })
  })

  it('keeps owner, CA and certificate over a restart', async () => {
    await (await start()).close()
    const before = [
      await readOwner(),
      await readFile(secret('ca.pem'), 'utf8'),
      await readFile(secret('tls.pem'), 'utf8'),
    ]
    const server = await start()
    expect(server.isFirstStart).toBe(false)
    expect([
      await readOwner(),
      await readFile(secret('ca.pem'), 'utf8'),
      await readFile(secret('tls.pem'), 'utf8'),
    ]).toEqual(before)
  })

  it('refuses a second start on the same folder, naming the process that has it', async () => {
    await start()
    await expect(start()).rejects.toThrow(new RegExp(`in use.*${process.pid}|${process.pid}.*in use`))
  })

  it('refuses another seal key, and a missing one, and makes no new one', async () => {
    await (await start()).close()
    const key = await readFile(secret('seal.key'), 'utf8')
    await writeFile(secret('seal.key'), key.replace(/ .{4}/, ' AAAA'))
    await expect(start()).rejects.toThrow('--seal-key')
    await rm(secret('seal.key'))
    await expect(start()).rejects.toThrow(/seal key .* is missing/)
    await expect(stat(secret('seal.key'))).rejects.toThrow('ENOENT')
    await writeFile(secret('seal.key'), key)
    expect((await start()).isFirstStart).toBe(false)
  })

  it('makes no database anew where one is missing', async () => {
    await (await start()).close()
    await rm(join(folder, 'data/data.db'))
    await expect(start()).rejects.toThrow(/data\.db is missing: put it back from a backup/)
    await expect(stat(join(folder, 'data/data.db'))).rejects.toThrow('ENOENT')
  })

  it('takes the seal key from where it is told', async () => {
    const sealKey = join(folder, 'elsewhere.key')
    await (await start({ sealKey })).close()
    await expect(stat(secret('seal.key'))).rejects.toThrow('ENOENT')
    await expect(start()).rejects.toThrow(/seal key .* is missing/)
    await start({ sealKey })
  })

  it('renews a certificate that nears its end, at a start', async () => {
    await (await start()).close()
    const first = certificateInfo(await readFile(secret('tls.pem'), 'utf8'))
    const later = new Date(first.notAfter.getTime() - 20 * DAY_MS)
    await start({}, later)
    const second = certificateInfo(await readFile(secret('tls.pem'), 'utf8'))
    expect(second.notAfter.getTime()).toBeGreaterThan(first.notAfter.getTime())
  })

  it('shows a certificate for each role that our CA signed, and not for a stranger', async () => {
    await start()
    const ca = await readFile(secret('ca.pem'), 'utf8')
    const accepts = (servername: string) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, servername, ca }, () => {
          resolve(socket.authorized)
          socket.destroy()
        })
        socket.once('error', () => resolve(false))
      })
    expect(await accepts('management.localhost')).toBe(true)
    expect(await accepts('kv1.vault.localhost')).toBe(true)
    expect(await accepts('myacr1.azurecr.localhost')).toBe(true)
    expect(await accepts('strangers.example')).toBe(false)
  })

  it('answers metrics and health on loopback, under loopback names only', async () => {
    const { metricsPort } = await start()
    const get = (path: string, host = `127.0.0.1:${metricsPort}`) =>
      request(`http://127.0.0.1:${metricsPort}${path}`, { host })
    expect((await get('/health/live')).json()).toEqual({ status: 'live' })
    expect((await get('/metrics')).text).toContain('strongroom_request_duration_seconds')
    expect((await get('/metrics', 'rebound.example')).status).toBe(403)
    expect((await get('/elsewhere')).status).toBe(404)
  })

  it('refuses another domain than its CA may vouch for', async () => {
    await (await start()).close()
    await expect(start({ domain: 'registry.example' })).rejects.toThrow(
      /CA of this data folder is Strongroom CA \(localhost\)/,
    )
  })

  it('gives the port back when it could not start', async () => {
    const other = await start()
    await expect(start({ data: join(folder, 'second') })).rejects.toThrow('EADDRINUSE')
    await other.close()
    running = []
    await start({ data: join(folder, 'second') })
  })
})

async function start(flags: Readonly<Record<string, string>> = {}, at?: Date): Promise<Strongroom> {
  const config = readConfig(
    { data: join(folder, 'data'), listen: `127.0.0.1:${port}`, metricsPort: '0', shutdown: '1', ...flags },
    {},
  )
  const server = await startStrongroom(config, log, ...(at === undefined ? [] : [{ now: () => at }]))
  running.push(server)
  return server
}

async function ready({ metricsPort }: Strongroom): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${metricsPort}/health/ready`)).json()
}

async function readOwner(): Promise<OwnerFile> {
  return JSON.parse(await readFile(secret('owner.json'), 'utf8')) as OwnerFile
}

function secret(name: string): string {
  return join(folder, 'data/secrets', name)
}
