import { open } from 'node:fs/promises'
import { backup, DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { Outage } from '../../../kernel/fault.ts'
import { SECOND_MS } from '../../../kernel/units.ts'
import { asOutage } from './outage.ts'

export interface DatabaseCopy {
  readonly from: string
  /** Made by this, 0600; must not be there. */
  readonly to: string
}

const BUSY_TIMEOUT_MS = 5 * SECOND_MS
/** Between two commits of the first database there is always a gap of that size soon; only a bug has none. */
const MAX_WAIT_MS = 30 * SECOND_MS

/**
 * Copies two databases as they were at one and the same instant, beside the process that writes them. No transaction spans
 * the two, so a copy of one after the other could hold half of a change of key. Here both are read from snapshots, and the
 * first had no commit from before its snapshot until after the other's.
 *
 * The copies are plain files without a log (`journal_mode = delete`), durable when this resolves.
 *
 * @throws Outage when one cannot be read or written
 */
export async function copyTogether(first: DatabaseCopy, second: DatabaseCopy): Promise<void> {
  using opened = new DisposableStack()
  const reader = ({ from }: DatabaseCopy) => {
    const database = openReader(from)
    opened.defer(() => database.close())
    return database
  }
  const watcher = reader(first)
  const [one, other] = [reader(first), reader(second)]
  await guarded(first.from, () => pinTogether(watcher, one, other))
  await copy(one, first)
  await copy(other, second)
}

async function pinTogether(watcher: DatabaseSync, one: DatabaseSync, other: DatabaseSync): Promise<void> {
  const deadline = performance.now() + MAX_WAIT_MS
  for (;;) {
    const before = versionOf(watcher)
    pin(one)
    pin(other)
    if (versionOf(watcher) === before) return
    one.exec('rollback')
    other.exec('rollback')
    if (performance.now() > deadline) throw new Outage('the databases are written to without a pause')
    await setTimeout(1 + Math.random() * 5)
  }
}

/** A read transaction sees one state, from its first read to its end. */
function pin(database: DatabaseSync): void {
  database.exec('begin')
  database.prepare('select count(*) from sqlite_schema').get()
}

/** Another number after every commit of somebody else: https://www.sqlite.org/pragma.html#pragma_data_version */
function versionOf(database: DatabaseSync): unknown {
  return database.prepare('pragma data_version').get()?.['data_version']
}

/** Reads within the transaction that pins `source`, off this thread; then ends it, so that the writer's log can be emptied. */
async function copy(source: DatabaseSync, { from, to }: DatabaseCopy): Promise<void> {
  await using handle = await open(to, 'wx', 0o600)
  await guarded(from, async () => {
    await backup(source, to, { rate: 2 ** 31 - 1 })
    source.exec('rollback')
    const copied = new DatabaseSync(to)
    try {
      copied.exec('pragma journal_mode = delete')
    } finally {
      copied.close()
    }
  })
  await handle.sync()
}

function openReader(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS })
  } catch (error) {
    throw asOutage(error, file)
  }
}

async function guarded<T>(file: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw asOutage(error, file)
  }
}
