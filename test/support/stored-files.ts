import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Names of the files of all bytes. */
export async function storedFiles(dataDir: string): Promise<readonly string[]> {
  const entries = await readdir(join(dataDir, 'bytes'), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()
}
