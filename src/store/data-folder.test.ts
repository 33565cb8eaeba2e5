import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DataFolderError } from './data-folder-error.ts'
import { writeSecretFile } from './data-folder-files.ts'
import { openDataFolder } from './data-folder.ts'

let root: string
let dir: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'strongroom-folder-'))
  dir = join(root, 'deep', 'data')
})
afterEach(() => rmSync(root, { recursive: true }))

const modeOf = (path: string): number => statSync(path).mode & 0o777
const refusal = async (): Promise<string> => {
  const error: unknown = await openDataFolder(dir).then(
    () => null,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(DataFolderError)
  const { message } = error as DataFolderError
  expect(message).not.toContain('\n')
  return message
}

describe('openDataFolder()', () => {
  it('makes the folder for nobody else to read, and opens it again', async () => {
    {
      await using folder = await openDataFolder(dir)
      expect(folder.path).toBe(dir)
      expect(folder.file('keys.db')).toBe(join(dir, 'keys.db'))
      expect(folder.secretFile('owner.json')).toBe(join(dir, 'secrets', 'owner.json'))
      expect(readFileSync(join(dir, 'FORMAT'), 'utf8')).toBe('strongroom-data 1\n')
      expect(readFileSync(join(dir, 'lock.pid'), 'utf8')).toBe(`${process.pid}\n`)
      expect(readdirSync(dir).sort()).toEqual(['FORMAT', 'bytes', 'lock.db', 'lock.pid', 'secrets'])
      expect(folder.bytesPath).toBe(join(dir, 'bytes'))
      for (const name of ['', 'bytes', 'secrets']) expect(modeOf(join(dir, name))).toBe(0o700)
    }
    await using _again = await openDataFolder(dir)
  })

  it('refuses a second opening within the process, until the first is disposed of', async () => {
    const first = await openDataFolder(dir)
    expect(await refusal()).toBe(
      `${dir} is in use by process ${process.pid}: stop that one first, or choose another --data`,
    )
    expect(await refusal()).toContain('is in use')
    await first[Symbol.asyncDispose]()
    await (await openDataFolder(dir))[Symbol.asyncDispose]()
  })

  it('refuses while another process holds it, names that process, and opens once it was killed', async () => {
    const other = hold(dir)
    try {
      await once(other.stdout!, 'data')
      expect(await refusal()).toContain(`is in use by process ${other.pid}:`)
    } finally {
      other.kill('SIGKILL')
    }
    await once(other, 'exit')
    await using _folder = await openDataFolder(dir)
    expect(readFileSync(join(dir, 'lock.pid'), 'utf8')).toBe(`${process.pid}\n`)
  })

  it('refuses a newer format, and one that it cannot read', async () => {
    await (await openDataFolder(dir))[Symbol.asyncDispose]()
    writeFileSync(join(dir, 'FORMAT'), 'strongroom-data 2\n')
    expect(await refusal()).toContain('has data format 2, this version knows 1')
    for (const text of ['', 'strongroom-data 1', 'strongroom-data 01\n', 'strongroom-data 0\n', 'x']) {
      writeFileSync(join(dir, 'FORMAT'), text)
      expect(await refusal()).toContain('is damaged')
    }
  })

  it('refuses a folder of somebody else, and touches nothing there', async () => {
    mkdirSync(dir, { recursive: true, mode: 0o755 })
    writeFileSync(join(dir, 'thesis.doc'), 'mine')
    expect(await refusal()).toContain('not empty (it has "thesis.doc"): choose another --data')
    expect(readdirSync(dir)).toEqual(['thesis.doc'])
    expect(modeOf(dir)).toBe(0o755)
  })

  it('takes an empty folder, and one whose first start was cut off, and closes it to others', async () => {
    mkdirSync(join(dir, 'bytes'), { recursive: true })
    chmodSync(dir, 0o755)
    writeFileSync(join(dir, 'lock.db'), '')
    writeFileSync(join(dir, '.FORMAT.0123456789ab.tmp'), 'strong')
    await using _folder = await openDataFolder(dir)
    expect(modeOf(dir)).toBe(0o700)
    expect(readdirSync(dir)).not.toContain('.FORMAT.0123456789ab.tmp')
  })

  it('says what to do when the path is a file', async () => {
    mkdirSync(join(root, 'deep'))
    writeFileSync(dir, 'a file')
    expect(await refusal()).toBe(`${dir} is not a folder: choose another --data`)
    dir = join(dir, 'below')
    expect(await refusal()).toBe(`${dir} is not a folder: choose another --data`)
  })

  it.skipIf(process.getuid?.() === 0)('says what to do when the folder may not be written', async () => {
    mkdirSync(dir, { recursive: true })
    chmodSync(dir, 0o500)
    expect(await refusal()).toContain('may not be read or written by this user')
  })
})

describe('writeSecretFile()', () => {
  it('writes for the owner alone, and leaves nothing else', async () => {
    await writeSecretFile(join(root, 'secret'), 'text\n')
    expect(readFileSync(join(root, 'secret'), 'utf8')).toBe('text\n')
    expect(modeOf(join(root, 'secret'))).toBe(0o600)
    expect(readdirSync(root)).toEqual(['secret'])
  })

  it('never replaces unless told to', async () => {
    const path = join(root, 'secret')
    await writeSecretFile(path, 'first')
    await expect(writeSecretFile(path, 'second')).rejects.toMatchObject({ code: 'EEXIST' })
    expect(readFileSync(path, 'utf8')).toBe('first')
    chmodSync(path, 0o644)
    await writeSecretFile(path, 'third', { replace: true })
    expect(readFileSync(path, 'utf8')).toBe('third')
    expect(modeOf(path)).toBe(0o600)
    expect(readdirSync(root)).toEqual(['secret'])
  })

  it('lets one of two that write at once win', async () => {
    const results = await Promise.allSettled(
      ['a', 'b', 'c'].map((text) => writeSecretFile(join(root, 's'), text)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(readdirSync(root)).toEqual(['s'])
  })
})

/** A process that opens the folder, says so, and stays. */
function hold(path: string): ChildProcess {
  const module = new URL('./data-folder.ts', import.meta.url).href
  const script = `
    import { openDataFolder } from ${JSON.stringify(module)}
    globalThis.folder = await openDataFolder(${JSON.stringify(path)})
    console.log('held')
    setInterval(() => {}, 1000)`
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
