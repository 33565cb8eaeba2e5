import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'

export interface SearchResult {
  readonly files: number
  readonly bytes: number
  /** `<file>: <name of the needle>` */
  readonly found: readonly string[]
}

/** Looks through every byte of every file below `root`. For small folders: each file is read whole. */
export async function searchDisk(
  root: string,
  needles: ReadonlyMap<string, Uint8Array>,
  isWanted: (path: string) => boolean = () => true,
): Promise<SearchResult> {
  const found: string[] = []
  let [files, bytes] = [0, 0]
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || !isWanted(path)) continue
    const content = await readFile(path)
    files++
    bytes += content.length
    for (const [name, needle] of needles) {
      if (content.includes(needle)) found.push(`${relative(root, path)}: ${name}`)
    }
  }
  return { files, bytes, found }
}
