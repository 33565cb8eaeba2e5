import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findExecutable, runToEnd } from './command.ts'
import type { LayerFile } from './oci-layout.ts'

/** `name` becomes the tag in the layout. Each of `layers` becomes one layer of the image, in this order. */
export interface ImageRequest {
  readonly folder: string
  readonly name: string
  readonly layers: readonly (readonly LayerFile[])[]
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

/**
 * Makes a real image with buildah, from nothing and without network: `layout` (`oci:DIR:TAG`) is a source for skopeo.
 *
 * All is kept under `folder`, which holds `layout/` afterwards; buildah's own store there is taken away again.
 */
export async function makeImage(request: ImageRequest): Promise<{ readonly layout: string }> {
  const { folder, name, layers, annotations = {}, labels = {} } = request
  const buildah = findExecutable('buildah')
  if (buildah === null) throw new Error('no buildah on this machine: run test/tools/prerequisites.ts')
  const work = join(folder, 'buildah')
  const context = join(work, 'context')
  await mkdir(context, { recursive: true })
  for (const [at, files] of layers.entries()) {
    for (const { path, bytes, mode = 0o644 } of files) {
      const file = join(context, String(at), path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, bytes, { mode })
    }
  }
  const lines = ['FROM scratch', ...layers.map((_, at) => `COPY ${at}/ /`)]
  await writeFile(join(context, 'Containerfile'), lines.join('\n'))
  await writeFile(join(work, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')

  const pairs = (flag: string, from: Readonly<Record<string, string>>) =>
    Object.entries(from).flatMap(([key, value]) => [flag, `${key}=${value}`])
  const layout = `oci:${join(folder, 'layout')}:${name}`
  // buildah must find none of the user's settings, and vfs is the storage driver that works everywhere.
  const env = { PATH: process.env['PATH'], HOME: work, TMPDIR: work, BUILDAH_ISOLATION: 'chroot' }
  const store = ['--root', join(work, 'root'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs']
  const policy = ['--signature-policy', join(work, 'policy.json')]
  const marks = [...pairs('--annotation', annotations), ...pairs('--label', labels)]
  const build = [
    'bud',
    '-q',
    '--layers',
    '--format',
    'oci',
    ...policy,
    ...marks,
    '-t',
    'localhost/made:1',
    context,
  ]
  try {
    await runToEnd(buildah, [...store, ...build], { env })
    await runToEnd(buildah, [...store, 'push', '-q', ...policy, 'localhost/made:1', layout], { env })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return { layout }
}
