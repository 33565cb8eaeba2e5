import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runToEnd } from '../tools/command.ts'
import { type FailingDisk, mayFailDisks, openFailingDisk } from './failing-disk.ts'
import type { Command, Reply } from './records-process.ts'

describe.skipIf(!mayFailDisks)('a disk that does not take the log, and takes it later', () => {
  let disk: FailingDisk
  let child: ChildProcess
  beforeEach(async () => {
    disk = await openFailingDisk()
    child = begin()
    for (let id = 1; id <= 40; id++) await put(id)
    await ask('begin-log-anew')
    for (let id = 41; id <= 43; id++) await put(id)
    await runToEnd('sync', [])
  })
  afterEach(async () => {
    await end()
    await disk[Symbol.asyncDispose]()
  })

  it('loses nothing that was acknowledged, before or after', async () => {
    await disk.fail()
    for (const id of [44, 45]) expect(await refusal({ put: id })).toContain('could not be made durable')
    await disk.heal()
    await put(46)
    await put(47)
    expect(await idsAfterCut()).toEqual([...all(43), 44, 46, 47])
  })

  it('refuses everything when memory has lost what the disk did not take, and a start goes on from the disk', async () => {
    await disk.fail()
    expect(await refusal({ put: 44 })).toContain('could not be made durable')
    await writeFile('/proc/sys/vm/drop_caches', '1')
    await disk.heal()
    expect(await refusal({ put: 45 })).toContain('start again')
    expect(await refusal('ids')).toContain('start again')
    expect(await idsAfterCut()).toEqual(all(43))
  })

  const begin = () =>
    fork(join(import.meta.dirname, 'records-process.ts'), [join(disk.folder, 'test.db')], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
  const end = async () => {
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  const ask = async (command: Command): Promise<Reply> => {
    const answer = once(child, 'message')
    child.send(command)
    return ((await answer) as [Reply])[0]
  }
  const refusal = async (command: Command): Promise<string> => {
    const reply = await ask(command)
    return 'refused' in reply ? reply.refused : 'not refused'
  }
  const put = async (id: number): Promise<void> => expect(await ask({ put: id })).toEqual({ told: null })
  const all = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

  async function idsAfterCut(): Promise<unknown> {
    await disk.cut()
    await end()
    await disk.mountAgain()
    child = begin()
    const reply = await ask('ids')
    return 'told' in reply ? reply.told : reply
  }
})
