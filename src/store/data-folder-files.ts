import { link, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { randomHex } from '../crypto/random.ts'

/**
 * Writes a file of mode 0600 that is either whole and durable or not there: temporary file, fsync, its final name, fsync
 * of the folder.
 *
 * @throws the `EEXIST` error of `node:fs` when the file exists and `replace` is not set
 */
export async function writeSecretFile(
  path: string,
  text: string,
  options: { readonly replace?: boolean } = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomHex(6)}.tmp`)
  try {
    await writeWhole(temporary, text)
    // Unlike a rename, a link never replaces.
    await (options.replace === true ? rename(temporary, path) : link(temporary, path))
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
  await syncFolder(dirname(path))
}

export async function syncFolder(path: string): Promise<void> {
  await using handle = await open(path, 'r')
  await handle.sync()
}

async function writeWhole(path: string, text: string): Promise<void> {
  await using handle = await open(path, 'wx', 0o600)
  await handle.writeFile(text)
  await handle.sync()
}
