import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type JsonObject } from '../../src/kernel/json.ts'
import { randomImage } from '../support/random-image.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

const READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

/**
 * A sync of a database's log that fails, as the disk would report it. What a real disk does besides, losing the pages, is in
 * test/powercut/failing-disk.test.ts.
 */
describe.skipIf(process.platform !== 'linux')('a log that the disk does not take', () => {
  let site: CrashSite
  beforeEach(async () => {
    site = await openCrashSite()
  })
  afterEach(() => site[Symbol.asyncDispose]())

  it.each(['data.db', 'keys.db'])('of %s: nobody is told of success, until it does', async (name) => {
    const { registry, rest } = site
    const images = { refused: randomImage([20]), taken: randomImage([20]) }
    for (const { layers, config } of Object.values(images))
      for (const blob of [...layers, config]) await registry.pushBlob('app', blob)
    const write = async (which: keyof typeof images): Promise<number> => {
      const { bytes, mediaType } = images[which].manifest
      if (name === 'keys.db') return (await rest.arm('PUT', assignments[which], readerOf(site))).status
      const headers = { 'content-type': mediaType }
      return (await registry.send('PUT', `/v2/app/manifests/${which}`, { body: bytes, headers })).status
    }
    const failing = await failSyncs(site, name)
    expect(await write('refused')).toBe(503)
    expect(await write('refused')).toBe(503)
    await failing.end()
    // A refusal left open what became of it: the same again is as good as something new.
    for (const which of ['taken', 'refused'] as const) expect(await write(which)).toBe(201)
    expect(await registry.pull('anchor', 'v1')).toBe(site.anchor.manifest.digest)
    await site.restart()
    for (const which of ['taken', 'refused'] as const) {
      if (name === 'keys.db') expect((await rest.arm('GET', assignments[which])).status).toBe(200)
      else expect(await registry.pull('app', which)).toBe(images[which].manifest.digest)
    }
    await site.check()
    await site.close()
  })
})

const assignmentIn = (scope: string, name: string) =>
  `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`
const assignments = {
  refused: assignmentIn('/resourceGroups/rg1', '11111111-1111-4111-8111-111111111111'),
  taken: assignmentIn('', '22222222-2222-4222-8222-222222222222'),
}

function readerOf({ server, estate }: CrashSite): JsonObject {
  const role = `/subscriptions/${server.owner.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${READER}`
  return { properties: { roleDefinitionId: role, principalId: estate.identity.principalId } }
}

/** Every fdatasync of the database's log fails from now on. */
async function failSyncs({ server }: CrashSite, name: string): Promise<{ end(): Promise<void> }> {
  const strace: ChildProcess = spawn(
    'strace',
    [
      ...['-f', '-p', String(server.pid()), '-P', join(server.dataDir, `${name}-wal`)],
      ...['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const gone = once(strace, 'close')
  let said = ''
  await new Promise<void>((resolve, reject) => {
    strace.once('close', () => reject(new Error(`strace could not attach: ${said}`)))
    strace.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes('attached')) resolve()
    })
  })
  return {
    async end() {
      strace.kill('SIGINT')
      await gone
    },
  }
}
