import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AccountKey } from '../../src/crypto/account-key.ts'
import { request } from '../../src/http/testing.ts'
import { type Guid, parseGuid } from '../../src/kernel/guid.ts'
import { ACCOUNT_NAME, type AdmissionBench, openAdmissionBench } from '../support/admission-bench.ts'
import { ownVectors } from './vector-file.ts'

/** What clients of others have signed, with what they have signed it. */
const vectors = ownVectors<{
  readonly accountKey: string
  readonly requests: readonly {
    readonly name: string
    /** When it was sent. */
    readonly at: string
    readonly method: string
    readonly target: string
    readonly headers: Readonly<Record<string, string>>
    /** The user delegation key that signed it; absent: the account's. */
    readonly delegationKey?: string
  }[]
}>('storage-auth.json')
type Sent = (typeof vectors.requests)[number]

const signedTenant = '22222222-2222-4222-8222-222222222222'

let bench: AdmissionBench
beforeAll(async () => {
  bench = await openAdmissionBench()
  const keys = [{ name: 'key1' as const, key: keyOf(vectors.accountKey) }]
  bench.account = { ...bench.account, keys, tenantId: guid(signedTenant) }
  bench.permission = null
  bench.transport = { tlsVersion: 'TLSv1.3', remoteAddress: '203.0.113.7' }
  const permissions = { startsAt: null, expiresAt: new Date('2026-07-01T11:00:00Z'), permissions: 'r' }
  for (const name of ['c1', 'container1'])
    bench.containers.set(name, { publicAccess: 'none', policies: [{ id: 'policy1', ...permissions }] })
})
afterAll(() => bench[Symbol.asyncDispose]())
beforeEach(() => void (bench.outcomes.length = 0))

async function outcomeOf({ at, method, target, headers, delegationKey }: Sent): Promise<string> {
  bench.setNow(new Date(at))
  bench.foreignKey = delegationKey === undefined ? null : keyOf(delegationKey)
  const length = Number(headers['content-length'] ?? headers['Content-Length'] ?? 0)
  await request(`${bench.served.url}${target}`, {
    host: `${ACCOUNT_NAME}.blob.core.localhost`,
    method,
    headers,
    ...(length > 0 && { body: Buffer.alloc(length) }),
  })
  const outcome = bench.outcomes.at(-1)
  if (outcome === undefined) throw new Error('nothing came of it')
  return 'caller' in outcome ? outcome.caller.kind : String(outcome.fault)
}

describe.each(vectors.requests)('$name', (sent) => {
  it('is admitted', async () => {
    expect(await outcomeOf(sent)).toMatch(/^(shared-key|account-sas|service-sas|delegation-sas)$/)
  })

  it('is refused under another key', async () => {
    const account = bench.account
    bench.account = { ...account, keys: [{ name: 'key1', key: keyOf(AccountKey.generateText()) }] }
    const other = sent.delegationKey === undefined ? {} : { delegationKey: AccountKey.generateText() }
    expect(await outcomeOf({ ...sent, ...other })).toBe('StorageAuthFault: authentication-failed')
    bench.account = account
  })
})

function keyOf(text: string): AccountKey {
  const key = AccountKey.parse(text)
  if (key === null) throw new Error('no key')
  return key
}

function guid(text: string): Guid {
  const parsed = parseGuid(text)
  if (parsed === null) throw new Error(text)
  return parsed
}
