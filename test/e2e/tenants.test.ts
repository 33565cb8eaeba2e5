import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OwnerFile } from '../../src/server/bootstrap.ts'
import { openAz } from '../support/az.ts'
import { runStrongroom } from '../support/command-line.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { words } from '../support/words.ts'

describe('a second tenant', () => {
  let server: TestServer
  let folder: string
  let file: string

  beforeAll(async () => {
    server = await startStrongroom()
    folder = await mkdtemp(join(tmpdir(), 'strongroom-tenant-'))
    file = join(folder, 'contoso.json')
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  const create = (...args: readonly string[]) =>
    runStrongroom('tenant', 'create', ...args, '--data', server.dataDir)

  it('is not made while a server runs on the folder, and no file is left', async () => {
    const { code, stderr } = await create('Contoso', file)
    expect([code, stderr]).toEqual([1, expect.stringContaining('is in use by')])
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is made with an owner whose credentials are in one file, for its people alone', async () => {
    await server.stop()
    const { code, stdout, stderr } = await create('Contoso', file)
    expect([code, stderr]).toEqual([0, ''])
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const owner = JSON.parse(await readFile(file, 'utf8')) as OwnerFile
    expect(owner).toMatchObject({ domain: 'localhost', port: server.port, caFile: server.caFile })
    expect(stdout).toContain(owner.tenantId)
    expect(stdout).not.toContain(owner.clientSecret)
  })

  it('does not overwrite a file, nor take a name that is none', async () => {
    const before = await readFile(file, 'utf8')
    const again = await create('Fabrikam', file)
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('is there already')])
    expect(await readFile(file, 'utf8')).toBe(before)
    expect((await create(' ', join(folder, 'none.json'))).code).toBe(1)
  })

  it('signs in with az, sees its own subscription and nothing of the first tenant', async () => {
    await server.start()
    const owner = JSON.parse(await readFile(file, 'utf8')) as OwnerFile
    await using az = await openAz({ ...server, owner })
    expect(await az(...words`account list --query [].{id:id,tenantId:tenantId}`)).toEqual([
      { id: owner.subscriptionId, tenantId: owner.tenantId },
    ])
    await az(...words`group create -n rg2 -l eastus`)
    expect(await az(...words`group list --query [].name`)).toEqual(['rg2'])
    expect(await az(...words`ad sp list --all --query [].displayName`)).toEqual(['Contoso-owner'])
  })

  it('is what `env --owner` points at', async () => {
    const owner = JSON.parse(await readFile(file, 'utf8')) as OwnerFile
    const { stdout } = await runStrongroom('env', '--data', server.dataDir, '--owner', file, '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      ownerFile: file,
      variables: { AZURE_TENANT_ID: owner.tenantId, AZURE_SUBSCRIPTION_ID: owner.subscriptionId },
    })
    const missing = await runStrongroom('env', '--data', server.dataDir, '--owner', join(folder, 'no.json'))
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('tenant create')])
  })

  it('gets another subscription, which is its owner’s and nobody else’s', async () => {
    const add = (...args: readonly string[]) =>
      runStrongroom('subscription', 'create', ...args, '--data', server.dataDir)
    const early = await add('Too early')
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('is in use by')])
    await server.stop()
    const { code, stdout, stderr } = await add('Contoso keys', '--owner', file)
    expect([code, stderr]).toEqual([0, ''])
    const [made] = /[0-9a-f-]{36}/.exec(stdout) ?? []
    expect((await add(' ')).code).toBe(1)
    await server.start()
    const owner = JSON.parse(await readFile(file, 'utf8')) as OwnerFile
    await using theirs = await openAz({ ...server, owner })
    expect(await theirs(...words`account list --query [].name`)).toEqual(
      expect.arrayContaining(['Contoso', 'Contoso keys']),
    )
    await theirs(...words`group create -n keys -l eastus --subscription ${made ?? ''}`)
    await using first = await openAz(server)
    expect(await first(...words`account list --query [].id`)).toEqual([server.owner.subscriptionId])
  })
})
