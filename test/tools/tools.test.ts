import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findAzureCli } from './azure-cli.ts'
import { CommandTimeout, findExecutable, runCommand, runToEnd } from './command.ts'
import { loadScratchImage, startDockerEngine, whyNoDockerEngine } from './docker-engine.ts'
import { makeImage } from './images.ts'
import { writeOciLayout, writeTar } from './oci-layout.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tools-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const bytes = (text: string) => new TextEncoder().encode(text)
const inspect = async (layout: string, ...flags: readonly string[]) =>
  JSON.parse(await runToEnd('skopeo', ['--insecure-policy', 'inspect', ...flags, layout])) as Record<
    string,
    unknown
  >

describe('runCommand()', () => {
  it('gives the code and both outputs, and hands over the input', async () => {
    const args = ['-c', 'cat; echo no >&2; exit 3']
    expect(await runCommand('/bin/sh', args, { input: 'yes' })).toEqual({
      code: 3,
      stdout: 'yes',
      stderr: 'no\n',
    })
  })
  it('does not mind a program that leaves its input unread', async () => {
    expect(await runCommand('true', [], { input: new Uint8Array(1 << 20) })).toMatchObject({ code: 0 })
  })
  it('names a signal as 128 + its number', async () => {
    expect(await runCommand('/bin/sh', ['-c', 'kill -TERM $$'])).toMatchObject({ code: 143 })
  })
  it('kills what the program forked when the time is over, and keeps the output', async () => {
    const args = ['-c', 'sleep 60 & echo $!; wait']
    const failure = await runCommand('/bin/sh', args, { timeoutMs: 300 }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(CommandTimeout)
    const stat = await runCommand('cat', [`/proc/${(failure as CommandTimeout).stdout.trim()}/stat`])
    expect(stat.code === 1 || / Z /.test(stat.stdout)).toBe(true)
  })
  it('stops at once when aborted', async () => {
    const signal = AbortSignal.timeout(100)
    const failure = await runCommand('sleep', ['60'], { signal }).catch((error: unknown) => error)
    expect(failure).toBe(signal.reason)
  })
  it('rejects when there is no such program', async () => {
    await expect(runCommand('/no/such/program', [])).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('writeTar()', () => {
  it('writes what tar reads, long paths included', async () => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(60)}/${'f'.repeat(80)}`
    const input = writeTar([
      { path: long, bytes: bytes('x'.repeat(513)) },
      { path: 'a', bytes: bytes('A'), mode: 0o755 },
    ])
    const listed = await runToEnd('tar', ['-tvf', '-'], { input })
    expect(listed).toMatch(/-rwxr-xr-x 0\/0 +1 1970-01-01 \S+ a\n/)
    expect(listed).toContain(`513 1970-01-01 00:00 ${long}`)
    expect(await runToEnd('tar', ['-xOf', '-', long], { input })).toBe('x'.repeat(513))
  })
  it('refuses a path that does not fit', () => {
    expect(() => writeTar([{ path: 'f'.repeat(101), bytes: bytes('') }])).toThrow(RangeError)
  })
})

describe.skipIf(findExecutable('skopeo') === null)('writeOciLayout()', () => {
  it('makes an image that skopeo reads and converts', async () => {
    const { layout, manifest, layers } = await writeOciLayout(join(folder, 'plain'), 'v1', {
      layers: [
        [{ path: 'etc/one', bytes: bytes('marked-1') }],
        [{ path: 'etc/two', bytes: bytes('marked-2') }],
      ],
      annotations: { 'org.example.note': 'marked-3' },
      labels: { owner: 'marked-4' },
    })
    expect(await inspect(layout)).toMatchObject({
      Digest: manifest.digest,
      Layers: layers.map((layer) => layer.digest),
      Labels: { owner: 'marked-4' },
    })
    expect(await inspect(layout, '--raw')).toMatchObject({ annotations: { 'org.example.note': 'marked-3' } })
    // Checks every digest, and each layer's content against the config's diff_ids.
    const archive = `docker-archive:${join(folder, 'plain.tar')}:made:1`
    await runToEnd('skopeo', ['--insecure-policy', 'copy', layout, archive])
  })
})

describe.skipIf(findExecutable('buildah') === null)('makeImage()', () => {
  it('makes an image of as many layers as asked for', async () => {
    const { layout } = await makeImage({
      folder: join(folder, 'made'),
      name: 'v2',
      layers: [[{ path: 'one', bytes: bytes('marked-1') }], [{ path: 'deep/two', bytes: bytes('marked-2') }]],
      annotations: { 'org.example.note': 'a note, with = and spaces' },
      labels: { owner: 'marked-4' },
    })
    const raw = await inspect(layout, '--raw')
    expect(raw['layers']).toHaveLength(2)
    expect(raw['annotations']).toMatchObject({ 'org.example.note': 'a note, with = and spaces' })
    expect(await inspect(layout)).toMatchObject({ Labels: { owner: 'marked-4' } })
  })
})

describe.skipIf(whyNoDockerEngine() !== null)('startDockerEngine()', () => {
  it('runs a loaded image and leaves nothing behind', { timeout: 60_000 }, async () => {
    const own = join(folder, 'engine')
    {
      await using engine = await startDockerEngine({
        folder: own,
        caFile: '/etc/ssl/certs/ca-certificates.crt',
      })
      await loadScratchImage(engine, 'made/cat:1', [{ path: 'marked', bytes: bytes('marked-5') }])
      const run = await engine.docker(['run', '--rm', '--network', 'none', 'made/cat:1', '/marked'])
      expect(run).toEqual({ code: 0, stdout: 'marked-5', stderr: '' })
    }
    expect(await runCommand('test', ['-e', own])).toMatchObject({ code: 1 })
    expect((await runCommand('cat', ['/proc/self/mountinfo'])).stdout).not.toContain(own)
  })
})

describe('findAzureCli()', () => {
  it('finds an az that answers without a network', { timeout: 20 * 60_000 }, async ({ skip }) => {
    const az = await findAzureCli()
    if ('missing' in az) return skip(az.missing)
    const config = join(folder, 'azure')
    await az.prepareFolder(config)
    const { code, stdout } = await az.run(['version'], { env: { AZURE_CONFIG_DIR: config } })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ 'azure-cli': az.version })
  })
})
