import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runToEnd } from '../tools/command.ts'

/** buildah with a store, credentials and trust of its own. */
export interface Buildah extends AsyncDisposable {
  /** What it printed. Throws when it fails. */
  (...args: readonly string[]): Promise<string>
  /** Builds `FROM scratch` with these files, under this name in its store. */
  build(name: string, files: Readonly<Record<string, string>>): Promise<void>
}

export async function openBuildah(caFile: string): Promise<Buildah> {
  const home = await mkdtemp(join(tmpdir(), 'strongroom-buildah-'))
  const policy = join(home, 'policy.json')
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}')
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    SSL_CERT_FILE: caFile,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
    BUILDAH_ISOLATION: 'chroot',
  }
  // vfs is the storage driver that works everywhere.
  const store = ['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs']
  const run = (...args: readonly string[]) => runToEnd('buildah', [...store, ...args], { env })
  return Object.assign(run, {
    async build(name: string, files: Readonly<Record<string, string>>) {
      const context = join(home, 'context')
      await mkdir(context, { recursive: true })
      for (const [file, text] of Object.entries(files)) await writeFile(join(context, file), text)
      await writeFile(join(context, 'Containerfile'), 'FROM scratch\nCOPY . /\n')
      await run('bud', '-q', '--signature-policy', policy, '-t', name, context)
      await rm(context, { recursive: true })
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  })
}
