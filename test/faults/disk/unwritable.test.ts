import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEstate } from '../../support/estate.ts'
import { randomImage } from '../../support/random-image.ts'
import { type Rest, openRest } from '../../support/rest.ts'
import { type RestRegistry, restRegistry } from '../../support/rest-registry.ts'
import { type TestServer, startStrongroom } from '../../support/strongroom.ts'
import { runToEnd } from '../../tools/command.ts'

const NOBODY = '65534'
const isRoot = process.getuid?.() === 0
/** Modes hold nobody back who is root. */
const asNobody = isRoot ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'] : []

describe.skipIf(process.platform !== 'linux')('folders that may not be written', () => {
  let folder: string
  let server: TestServer
  let rest: Rest
  let registry: RestRegistry
  const kept = randomImage([1000])

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-mode-'))
    if (isRoot) await runToEnd('chown', [`${NOBODY}:${NOBODY}`, folder])
    server = await startStrongroom({ dataDir: join(folder, 'data'), wrap: asNobody })
    rest = await openRest(server)
    const estate = await makeEstate(rest)
    registry = restRegistry(rest, estate.registry)
    await registry.push('kept', 'v1', kept)
  })
  afterAll(async () => {
    rest[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it.each(['bytes/staging', 'bytes'])('refuses pushes while %s is closed, and nothing else', async (name) => {
    // Long enough to be a file.
    const image = randomImage([20_000])
    const closed = join(server.dataDir, name)
    await chmod(closed, 0o500)
    if (name === 'bytes') await chmodEach(closed, 0o500)
    for (const blob of image.layers) {
      const { location } = (await registry.send('POST', '/v2/late/blobs/uploads/')).headers
      const answer = await registry.send('PATCH', location!, { body: blob.bytes })
      expect(answer.status).toBe(503)
      expect(answer.json()).toMatchObject({ errors: [{ code: 'UNKNOWN' }] })
      expect(answer.text).not.toContain(folder)
    }
    expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
    if (name === 'bytes') await chmodEach(closed, 0o700)
    await chmod(closed, 0o700)
    await registry.push('late', 'v1', image)
    expect(await registry.pull('late', 'v1')).toBe(image.manifest.digest)
    expect(server.output()).not.toMatch(/nobody foresaw/)
  })

  it.each(['', 'secrets', 'bytes', 'keys.db'])(
    'keeps no start from saying so in one line: data/%s',
    async (name) => {
      expect(await server.stop()).toBe(0)
      const closed = join(server.dataDir, name)
      await chmod(closed, 0o400)
      const start = await server.start().then(
        () => 'ready',
        (error: unknown) => String(error),
      )
      expect(start).toMatch(/ended with 1:\nstrongroom: [^\n]*(mode|owner)[^\n]*\n?$/)
      await chmod(closed, name.endsWith('.db') ? 0o600 : 0o700)
      await server.start()
      rest.reset()
      expect(await registry.pull('kept', 'v1')).toBe(kept.manifest.digest)
    },
  )
})

async function chmodEach(folder: string, mode: number): Promise<void> {
  await runToEnd('find', [
    folder,
    '-mindepth',
    '1',
    '-type',
    'd',
    '-exec',
    'chmod',
    mode.toString(8),
    '{}',
    '+',
  ])
}
