import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../../tools/command.ts'

/** A file system of its own, small and in memory. Needs root. */
export interface SmallDisk extends AsyncDisposable {
  /** For a data folder; it does not exist yet. */
  readonly dataDir: string
  /** Leaves `bytes` free, to a page. */
  fill(bytes: number): Promise<void>
  /** Gives back what `fill` took. */
  free(): Promise<void>
  /** `ro` only while no file is open for writing. */
  remount(mode: 'ro' | 'rw'): Promise<void>
}

export const mayMount = process.platform === 'linux' && process.getuid?.() === 0

export async function openSmallDisk(bytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-disk-'))
  const mounted = join(folder, 'mounted')
  await mkdir(mounted)
  await runToEnd('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', mounted])
  const filler = join(mounted, 'filler')
  const free = () => rm(filler, { force: true })
  return {
    dataDir: join(mounted, 'data'),
    async fill(left) {
      await free()
      const { bavail, bsize } = await statfs(mounted)
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - left), 1))
    },
    free,
    remount: async (mode) => {
      await runToEnd('mount', ['-o', `remount,${mode}`, mounted])
    },
    async [Symbol.asyncDispose]() {
      await runToEnd('umount', ['--lazy', mounted])
      await rm(folder, { recursive: true, force: true })
    },
  }
}
