import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OwnerFile } from '../../src/server/bootstrap.ts'
import { runStrongroom } from './command-line.ts'
import type { TestServer } from './strongroom.ts'

/** Another tenant in the same installation, with an owner and a subscription of its own. The server is started again for it. */
export async function addTenant(server: TestServer, name = 'Another'): Promise<OwnerFile> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-tenant-'))
  await server.stop()
  try {
    const file = join(folder, 'owner.json')
    const { code, stderr } = await runStrongroom('tenant', 'create', name, file, '--data', server.dataDir)
    if (code !== 0) throw new Error(`tenant create ended with ${code}: ${stderr}`)
    return JSON.parse(await readFile(file, 'utf8')) as OwnerFile
  } finally {
    await rm(folder, { recursive: true })
    await server.start()
  }
}
