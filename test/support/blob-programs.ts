import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { arch } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../tools/command.ts'
import { peer } from '../tools/peers.ts'
import type { Site } from './site.ts'

/** Programs of others that keep files in Blob Storage, each run to its end in a home of its own. @returns what it printed */
export type Program = (...args: readonly string[]) => Promise<string>

/** rclone with the remote `storage:` for the account. */
export async function openRclone(
  { folder, server }: Site,
  { account, key }: { readonly account: string; readonly key: string },
): Promise<Program> {
  const home = join(folder, 'rclone')
  await mkdir(home)
  const config = join(home, 'rclone.conf')
  const endpoint = `blob.core.localhost:${server.port}`
  await writeFile(
    config,
    ['[storage]', 'type = azureblob', `account = ${account}`, `key = ${key}`, `endpoint = ${endpoint}`].join(
      '\n',
    ),
  )
  const once = ['--retries', '1', '--low-level-retries', '1']
  return (...args) =>
    runToEnd('rclone', ['--config', config, ...once, ...args], { env: environmentOf(server.caFile, home) })
}

/** azcopy; it looks no name up but in /etc/hosts and DNS, so it is for addresses in path style. */
export async function openAzcopy({ folder, server }: Site): Promise<Program> {
  const home = join(folder, 'azcopy')
  await mkdir(home)
  const name = `azcopy_linux_${arch() === 'arm64' ? 'arm64' : 'amd64'}`
  const file = peer(`@azure-tools/azcopy-linux/dist/bin/${name}`)
  // What its package's script does, which is not run.
  await chmod(file, 0o755)
  const environment = {
    ...environmentOf(server.caFile, home),
    AZCOPY_LOG_LOCATION: home,
    AZCOPY_JOB_PLAN_LOCATION: home,
    AZCOPY_DISABLE_SYSLOG: 'true',
  }
  return (...args) => runToEnd(file, [...args, '--skip-version-check'], { env: environment })
}

/** Debian's Python with its SDK. */
export function python(
  { folder, server }: Site,
  script: string,
  ...args: readonly string[]
): Promise<string> {
  return runToEnd('/usr/bin/python3', ['-c', script, ...args], {
    env: { ...environmentOf(server.caFile, folder), REQUESTS_CA_BUNDLE: server.caFile },
  })
}

function environmentOf(caFile: string, home: string): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: home, SSL_CERT_FILE: caFile }
}
