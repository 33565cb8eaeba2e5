import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Programs from npm that tests and benchmarks run beside Strongroom, apart from its own packages: nobody else needs them. */
export const peersDir = join(import.meta.dirname, '../peers')

/** A file of one of them: `azurite/dist/src/azurite.js`. */
export function peer(path: string): string {
  return join(peersDir, 'node_modules', path)
}

/** Installs what is missing or older than the lock file. No scripts of theirs are run. @throws Error with what npm said */
export async function bringPeers(say: (line: string) => void): Promise<void> {
  if (await isInstalled()) return
  say('installing what test/peers names')
  const [file = '', ...args] = npmCommand()
  const child = spawn(file, [...args, 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: peersDir,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (exit) => resolve(exit ?? 1))
  })
  if (code !== 0) throw new Error(`npm ci in ${peersDir} failed:\n${output}`)
}

/** The npm that runs us, where one does. */
function npmCommand(): readonly string[] {
  const path = process.env['npm_execpath']
  return path === undefined ? ['npm'] : [process.execPath, path]
}

async function isInstalled(): Promise<boolean> {
  const [lock, installed] = await Promise.all([
    stat(join(peersDir, 'package-lock.json')),
    stat(peer('.package-lock.json')).catch(() => null),
  ])
  return installed !== null && installed.mtimeMs >= lock.mtimeMs
}

if (import.meta.main) await bringPeers((line) => console.log(`peers: ${line}`))
