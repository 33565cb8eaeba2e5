import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { MIB } from '../../src/kernel/units.ts'
import { findExecutable, runToEnd } from '../tools/command.ts'
import { cutPower } from './loop-disk.ts'

/** Whether the machine has what makes a disk fail on demand: Debian's nbdkit and libnbd-bin. */
export const mayFailDisks =
  process.getuid?.() === 0 && ['nbdkit', 'nbdfuse'].every((name) => findExecutable(name) !== null)

/** A file system on a disk that refuses to write when it is told to. */
export interface FailingDisk extends AsyncDisposable {
  readonly folder: string
  /** Every write fails from now on: what was in memory only stays there, and the kernel takes it for written. */
  fail(): Promise<void>
  heal(): Promise<void>
  cut(): Promise<void>
  mountAgain(): Promise<void>
}

/** Without a journal, whose own failure would make the whole file system read-only. */
export async function openFailingDisk(): Promise<FailingDisk> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-failing-'))
  const at = (name: string) => join(folder, name)
  const [image, mounted, switchFile] = [at('image'), at('mounted'), at('failing')]
  await mkdir(mounted)
  await mkdir(at('device'))
  await writeFile(image, '')
  await truncate(image, 64 * MIB)
  await runToEnd('mkfs.ext4', ['-q', '-F', '-O', '^has_journal', image])
  const errors = ['pwrite', 'zero'].flatMap((call) => [
    `error-${call}=EIO`,
    `error-${call}-rate=100%`,
    `error-${call}-file=${switchFile}`,
  ])
  const kit = ['-f', '-U', at('socket'), '--filter=error', 'file', image, ...errors]
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  const served = opened.adopt(spawn('nbdkit', kit, { stdio: 'ignore' }), ended)
  await untilThere(() => runToEnd('nbdinfo', [`nbd+unix://?socket=${at('socket')}`]), served)
  await writeFile(at('device/disk'), '')
  const fuse = spawn('nbdfuse', [at('device/disk'), `nbd+unix://?socket=${at('socket')}`], {
    stdio: 'ignore',
  })
  opened.defer(async () => {
    await runToEnd('umount', [at('device/disk')])
    await ended(fuse)
  })
  await untilThere(() => runToEnd('mount', ['-o', 'loop', at('device/disk'), mounted]), fuse)
  opened.defer(async () => {
    await runToEnd('umount', [mounted])
  })
  const all = opened.move()
  return {
    folder: mounted,
    fail: () => writeFile(switchFile, ''),
    heal: () => rm(switchFile),
    cut: () => cutPower(mounted),
    async mountAgain() {
      await runToEnd('umount', [mounted])
      await runToEnd('mount', ['-o', 'loop', at('device/disk'), mounted])
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

/** Tries until it works, as long as `child` is there to make it work. */
async function untilThere(step: () => Promise<unknown>, child: ChildProcess): Promise<void> {
  for (;;) {
    try {
      await step()
      return
    } catch (error) {
      if (child.exitCode !== null) throw error
      await setTimeout(50)
    }
  }
}
