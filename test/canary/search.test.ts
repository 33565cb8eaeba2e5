import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { searchFor } from './search.ts'

describe('searchFor()', () => {
  const secret = { name: 'planted', bytes: randomBytes(32) }
  const others = Array.from({ length: 500 }, (_, at) => ({ name: `other ${at}`, bytes: randomBytes(32) }))
  const search = searchFor([...others, secret])
  const around = (middle: Uint8Array, before: number, after = 7) =>
    Buffer.concat([randomBytes(before), middle, randomBytes(after)])

  it.each([0, 1, 2, 3, 100, 65_537])(
    'finds a planted secret %i bytes into a file, in every form',
    (before) => {
      const { bytes } = secret
      const forms = {
        raw: bytes,
        hex: bytes.toString('hex'),
        HEX: bytes.toString('hex').toUpperCase(),
        base64: bytes.toString('base64'),
        base64url: bytes.toString('base64url'),
      }
      for (const [form, planted] of Object.entries(forms)) {
        const found = search.inBytes('file', around(Buffer.from(planted), before))
        expect(found.map(({ name }) => name)).toContain('planted')
        expect(found.map((one) => one.form.split(' ')[0])).toContain(form)
      }
    },
  )

  it.each(['base64', 'base64url'] as const)(
    'finds one in the midst of something longer in %s',
    (encoding) => {
      for (const before of [0, 1, 2, 3, 4, 5]) {
        for (const after of [0, 1, 2]) {
          const text = around(secret.bytes, before, after).toString(encoding)
          expect(search.inBytes('file', Buffer.from(`{"key":"${text}"}`))).not.toEqual([])
        }
      }
    },
  )

  it('finds nothing where nothing is, nor half of one', () => {
    expect(search.inBytes('file', randomBytes(1_000_000))).toEqual([])
    expect(search.inBytes('file', around(secret.bytes.subarray(0, 31), 50))).toEqual([])
  })

  it('looks into every file, in folders and hidden ones too, and at their names', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'canary-'))
    await mkdir(join(folder, 'deep', '.hidden'), { recursive: true })
    await writeFile(join(folder, 'deep', '.hidden', 'keys.db-wal'), around(secret.bytes, 5000))
    await writeFile(join(folder, secret.bytes.toString('hex')), '')
    const found = await search.inFolder(folder)
    expect(found).toContainEqual({ name: 'planted', where: 'deep/.hidden/keys.db-wal', form: 'raw' })
    expect(found).toHaveLength(2)
    await rm(folder, { recursive: true })
  })
})
