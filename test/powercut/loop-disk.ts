import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIB } from '../../src/kernel/units.ts'
import type { CutDisk } from '../crash/crash-site.ts'
import { runToEnd } from '../tools/command.ts'

/**
 * FS_IOC_SHUTDOWN with FSOP_GOING_FLAGS_NOLOGFLUSH (what `xfs_io -x -c shutdown` does): the file system stops at once,
 * and neither its journal nor any page that was not synced reaches the device.
 */
const shutdown = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))
`

/** What was not synced is lost, and nothing more gets to the device below `mounted`. */
export async function cutPower(mounted: string): Promise<void> {
  await runToEnd('python3', ['-c', shutdown, mounted])
}

/** An ext4 on a file, whose power can be cut. Needs root, a loop device and python3. */
export async function openLoopDisk(): Promise<CutDisk & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-power-'))
  let image = join(folder, 'image-0')
  let count = 0
  const mounted = join(folder, 'mounted')
  await mkdir(mounted)
  await writeFile(image, '')
  await truncate(image, 512 * MIB)
  await runToEnd('mkfs.ext4', ['-q', '-m', '0', image])
  const mount = () => runToEnd('mount', ['-o', 'loop', image, mounted])
  await mount()
  return {
    dataDir: join(mounted, 'data'),
    cut: () => cutPower(mounted),
    async mountAgain() {
      await runToEnd('umount', [mounted])
      // A copy, since mount namespaces of others (a container that was started meanwhile) may hold on to the file system
      // that is shut down, and the same image would be that one again.
      const next = join(folder, `image-${++count}`)
      await runToEnd('cp', ['--sparse=always', image, next])
      await rm(image)
      image = next
      // The journal is replayed, as after a power cut.
      await mount()
    },
    async [Symbol.asyncDispose]() {
      await runToEnd('umount', [mounted]).catch(() => runToEnd('umount', ['--lazy', mounted]))
      await rm(folder, { recursive: true, force: true })
    },
  }
}
