import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OWNER, type EngineBench, openEngineBench } from '../../../test/support/engine-bench.ts'
import type { Caller } from '../directory/caller.ts'
import type { VaultAuditEvent } from './activity.ts'

let bench: EngineBench
let owner: Caller
const vaultId = () =>
  `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/Kv1`

beforeEach(async () => {
  bench = await openEngineBench()
  owner = (await bench.signIn(OWNER)).caller
})
afterEach(() => bench[Symbol.asyncDispose]())

function event(more: Partial<VaultAuditEvent> = {}): VaultAuditEvent {
  return {
    vaultId: vaultId(),
    operation: 'KeyUnwrap',
    apiVersion: '7.4',
    status: 200,
    refusal: null,
    durationMs: 2,
    callerAddress: '10.0.0.7',
    caller: owner,
    correlationId: 'c1',
    object: 'keys/k1/0123',
    clientInfo: 'test',
    ...more,
  }
}
const listed = (page = { after: null as number | null, limit: 1000 }, from = new Date(0)) =>
  bench.activity.listAudit(owner, { vaultId: vaultId(), from, to: new Date('2100-01-01') }, page)

describe('the audit log', () => {
  it('keeps the order of many calls at once, without a gap', async () => {
    await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        bench.activity.audit.record(event({ object: `keys/${index}` })),
      ),
    )
    const rows = await bench.records.read.selectFrom('vault_audit').select('seq').orderBy('seq').execute()
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
    expect(await bench.activity.findAuditBreak()).toBeNull()
  })
  it('tells of a refusal and its cause, and of no token', async () => {
    await bench.activity.audit.record(event({ status: 403, refusal: 'ForbiddenByPolicy' }))
    const { items } = await listed()
    expect(items).toMatchObject([
      {
        resultType: 'Failed',
        resultSignature: '403',
        resultDescription: 'ForbiddenByPolicy',
        callerIpAddress: '10.0.0.7',
        properties: { id: 'keys/k1/0123', httpStatusCode: 403 },
      },
    ])
    expect(JSON.stringify(items)).not.toContain('expiresAt')
  })
  it('is read a page at a time, of one vault, in any letter case', async () => {
    for (const object of ['a', 'b', 'c']) await bench.activity.audit.record(event({ object }))
    await bench.activity.audit.record(event({ vaultId: `${vaultId()}2` }))
    await bench.activity.audit.record(event({ vaultId: vaultId().toUpperCase(), object: 'd' }))
    const first = await listed({ after: null, limit: 2 })
    const second = await listed({ after: first.next, limit: 2 })
    const objects = [...first.items, ...second.items].map(({ properties }) => JSON.stringify(properties))
    expect(objects.map((text) => /"id":"(\w)"/.exec(text)?.[1])).toEqual(['a', 'b', 'c', 'd'])
    expect(second.next).toBeNull()
  })
  it('is refused to who may not read logs there', async () => {
    const stranger = (await bench.signIn(null)).caller
    const search = { vaultId: vaultId(), from: new Date(0), to: new Date() }
    await expect(bench.activity.listAudit(stranger, search, { after: null, limit: 1 })).rejects.toMatchObject(
      {
        code: 'denied',
      },
    )
  })
  type Tampering = (db: Parameters<Parameters<EngineBench['records']['write']>[0]>[0]) => Promise<unknown>
  it.each<[string, Tampering]>([
    ['changed', (db) => db.updateTable('vault_audit').set({ at: 7 }).where('seq', '=', 3).execute()],
    [
      'moved to another vault',
      (db) => db.updateTable('vault_audit').set({ vault_key: 'x' }).where('seq', '=', 3).execute(),
    ],
    ['taken away', (db) => db.deleteFrom('vault_audit').where('seq', '=', 2).execute()],
    [
      'put in place of another',
      async (db) => {
        const first = await db
          .selectFrom('vault_audit')
          .selectAll()
          .where('seq', '=', 1)
          .executeTakeFirstOrThrow()
        const { at, sealed, mac } = first
        await db.updateTable('vault_audit').set({ at, sealed, mac }).where('seq', '=', 3).execute()
      },
    ],
  ])('names the row where one was %s', async (_, tamper) => {
    for (let index = 0; index < 5; index += 1) await bench.activity.audit.record(event())
    expect(await bench.activity.findAuditBreak()).toBeNull()
    await bench.records.write(tamper)
    expect(await bench.activity.findAuditBreak()).toBe(3)
  })
})

describe('the activity log', () => {
  const write = (resourceId: string) =>
    bench.activity.log.record({
      operation: 'Microsoft.KeyVault/vaults/write',
      status: 'Succeeded',
      level: 'Informational',
      resourceId,
      caller: owner,
      correlationId: 'c1',
      properties: { note: 'c4n4ry' },
    })
  const scopes = async (scope: string, limit = 10) => {
    const search = { subscriptionId: bench.subscriptionId, scope, from: new Date(0), to: bench.bench.now }
    const found: string[] = []
    let after: Parameters<typeof bench.activity.listEvents>[2]['after'] = null
    do {
      const page = await bench.activity.listEvents(owner, search, { after, limit })
      found.push(...page.items.map(({ resourceId }) => JSON.stringify(resourceId)))
      after = page.next
    } while (after !== null)
    return found.length
  }
  it('finds what is at or below a scope, not what only begins like it', async () => {
    const group = `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1`
    await write(vaultId())
    await write(`${vaultId()}/keys/k1`)
    await write(`${vaultId()}2`)
    await write(`${group}2/providers/Microsoft.KeyVault/vaults/kv1`)
    expect(await scopes(vaultId().toUpperCase())).toBe(2)
    expect(await scopes(group)).toBe(3)
    expect(await scopes(`/subscriptions/${bench.subscriptionId}`, 1)).toBe(4)
  })
  it('keeps its facts sealed', async () => {
    await write(vaultId())
    const row = await bench.records.read.selectFrom('activity_events').selectAll().executeTakeFirstOrThrow()
    expect(Buffer.from(row.sealed).toString('latin1')).not.toContain('c4n4ry')
  })
})
