import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { shellLine } from '../shell.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Whether this user can use the data folder, and nobody else what is secret in it. */
export async function checkDataFolder(dataDir: string): Promise<readonly Finding[]> {
  const entry = await stat(dataDir).catch(() => null)
  if (entry?.isDirectory() !== true) {
    return [
      fail(
        'data',
        `${dataDir} is not there`,
        'start the server once: npm start',
        'or name its folder with --data',
      ),
    ]
  }
  const isUsable = await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isUsable) {
    return [
      fail('data', `${dataDir} may not be used by this user`, 'run this as the user that runs the server'),
    ]
  }
  return [ownerFinding(dataDir, entry.uid), await modesFinding(dataDir)]
}

function ownerFinding(dataDir: string, owner: number): Finding {
  const user = process.getuid?.()
  return user === undefined || user === owner
    ? ok('data', `${dataDir} can be read and written`)
    : warn(
        'data',
        `${dataDir} belongs to user ${owner}, this is user ${user}: what is written now, that one may not read`,
        'run this, and the server, as the owner of the folder',
      )
}

/** Everything in `secrets` is for the owner alone. */
async function modesFinding(dataDir: string): Promise<Finding> {
  const secrets = join(dataDir, 'secrets')
  const names = await readdir(secrets).catch(() => [])
  const paths = [dataDir, secrets, ...names.map((name) => join(secrets, name))]
  const open = (await Promise.all(paths.map(openToOthers))).filter((found) => found !== null)
  if (open.length === 0) return ok('secrets', 'only their owner can read them')
  const others = open.length === 1 ? '' : ` and ${open.length - 1} more`
  return fail(
    'secrets',
    `${open[0]?.path}${others} can be read by other users of this machine`,
    ...open.map(({ path, mode }) => shellLine(['chmod', mode, path])),
  )
}

async function openToOthers(path: string): Promise<{ readonly path: string; readonly mode: string } | null> {
  const entry = await stat(path).catch(() => null)
  if (entry === null || (entry.mode & 0o077) === 0) return null
  return { path, mode: entry.isDirectory() ? '700' : '600' }
}
