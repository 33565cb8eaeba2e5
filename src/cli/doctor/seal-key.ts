import { readFile, realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative } from 'node:path'
import { parseSealKeyFile } from '../../crypto/seal-key.ts'
import { shellLine } from '../shell.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Whether the key that protects the keys store is there, whole, and kept apart from what it protects. */
export async function checkSealKey(dataDir: string, sealKeyFile: string | null): Promise<Finding> {
  const path = sealKeyFile ?? join(dataDir, 'secrets', 'seal.key')
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) {
    return fail(
      'seal key',
      `${path} cannot be read: without it the keys store stays closed`,
      'give its place with --seal-key, or restore it from where you keep its copy',
    )
  }
  if (parseSealKeyFile(text) === null) {
    return fail('seal key', `${path} is damaged`, 'restore it from where you keep its copy')
  }
  const { mode } = await stat(path)
  if ((mode & 0o077) !== 0) {
    return fail(
      'seal key',
      `${path} can be read by other users of this machine`,
      shellLine(['chmod', '600', path]),
    )
  }
  if (await liesIn(dataDir, path)) {
    return warn(
      'seal key',
      'it lies beside the data that it protects, so it protects against lost data files only: whoever takes the whole folder can open the keys store',
      'keep it elsewhere: stop the server, move the file, and start with --seal-key FILE',
    )
  }
  return ok('seal key', `${path} is kept apart from the data`)
}

/** Links are followed: a file that only looks to be elsewhere goes with the folder all the same. */
async function liesIn(dataDir: string, path: string): Promise<boolean> {
  const way = relative(await realpath(dataDir), dirname(await realpath(path)))
  return !way.startsWith('..') && !isAbsolute(way)
}
