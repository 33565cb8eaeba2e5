import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
} from '@azure/storage-blob'
import { bringPeers, peer } from '../tools/peers.ts'
import { freePort } from './free-port.ts'

/** What every emulator has: https://learn.microsoft.com/azure/storage/common/storage-use-azurite#well-known-storage-account-and-key */
export const KNOWN_ACCOUNT = 'devstoreaccount1'
const KNOWN_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
const DAY_MS = 86_400_000

/** Azurite's blob service in a process of its own, in plain HTTP. */
interface Azurite extends AsyncDisposable {
  readonly port: number
  readonly pid: number
}

/** @param isInMemory otherwise it is as it is by default: on disk, metadata in memory and written every five seconds */
export async function startAzurite({ isInMemory }: { readonly isInMemory: boolean }): Promise<Azurite> {
  await bringPeers((line) => console.log(line))
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-azurite-'))
  const port = await freePort()
  const kept = isInMemory ? ['--inMemoryPersistence'] : ['--location', folder]
  const args = ['--blobPort', String(port), '--silent', '--skipApiVersionCheck', '--disableTelemetry']
  const main = peer('azurite/dist/src/blob/main.js')
  const child = spawn(process.execPath, [main, ...kept, ...args], { cwd: folder, stdio: 'ignore' })
  await untilReached(port)
  return {
    port,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The query that lets in whoever bears it, to do anything to any blob of the account. */
export function knownSas(): string {
  return generateAccountSASQueryParameters(
    {
      startsOn: new Date(Date.now() - DAY_MS),
      expiresOn: new Date(Date.now() + DAY_MS),
      permissions: AccountSASPermissions.parse('rwdxylacutfi'),
      services: AccountSASServices.parse('b').toString(),
      resourceTypes: AccountSASResourceTypes.parse('sco').toString(),
      version: '2021-12-02',
    },
    new StorageSharedKeyCredential(KNOWN_ACCOUNT, KNOWN_KEY),
  ).toString()
}

async function untilReached(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (tries === 600) throw error
      await setTimeout(50)
    } finally {
      socket.destroy()
    }
  }
}
