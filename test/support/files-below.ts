import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Every file of a folder, whole. One that goes away meanwhile is left out. */
export async function* filesBelow(
  folder: string,
): AsyncGenerator<{ readonly path: string; readonly bytes: Buffer }> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = await readFile(path).catch(() => null)
    if (bytes !== null) yield { path, bytes }
  }
}
