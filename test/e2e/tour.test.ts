import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repository } from '../support/strongroom.ts'
import { runCommand } from '../tools/command.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-tour-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const tour = (temporary: string) =>
  runCommand(process.execPath, [join(repository, 'tour/tour.ts')], {
    env: { ...process.env, TMPDIR: temporary },
  })

describe('npm run tour', () => {
  it('shows the main job, a line a step, in a minute, and leaves nothing behind', async () => {
    const startedAt = performance.now()
    const { code, stdout, stderr } = await tour(folder)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(performance.now() - startedAt).toBeLessThan(60_000)
    for (const told of [
      /^ ?\d+ +\d+ ms {2}key +https:\/\/\S+\/keys\/key1\/[0-9a-f]{32}$/m,
      /revoke .* 403 DENIED after \d+ ms; a push: 403$/m,
      /restore .* the same digest sha256:[0-9a-f]{16}…$/m,
      /search .* 0 of 14 known pieces of the image in clear/m,
      /^All as it should be, in [\d.]+ s\.$/m,
    ])
      expect(stdout).toMatch(told)
    const fingerprints = [...stdout.matchAll(/has fingerprint ([0-9a-f]{16})…/g)].map(([, value]) => value)
    expect(new Set(fingerprints).size).toBe(2)
    // Piped, it is plain text; and on any terminal that is 132 wide a step is one line.
    expect(stdout).not.toContain('\u{1b}')
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThan(132)
    expect(readdirSync(folder)).toEqual([])
  })

  it('ends with 1 and one line of why when a step fails', async () => {
    const missing = join(folder, 'missing')
    const { code, stderr } = await tour(missing)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^tour: .*missing.*\n$/)
    expect(existsSync(missing)).toBe(false)
  })
})
