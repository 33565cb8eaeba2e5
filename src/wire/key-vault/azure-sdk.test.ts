import { CryptographyClient, KeyClient } from '@azure/keyvault-keys'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type VaultBench, openVaultBench } from '../../../test/support/vault-bench.ts'
import { request } from '../../http/testing.ts'

type Options = NonNullable<ConstructorParameters<typeof KeyClient>[2]>
type HttpClient = NonNullable<Options['httpClient']>
type HttpHeaders = Awaited<ReturnType<HttpClient['sendRequest']>>['headers']

let bench: VaultBench
let httpClient: HttpClient
const scopes: string[] = []
beforeAll(async () => {
  bench = await openVaultBench()
  await bench.putVault('kv1')
  httpClient = { sendRequest: send }
})
afterAll(async () => {
  expect(bench.served.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

/** Microsoft's client as it is, but for the wire below it: plain HTTP to the test's port. */
const send: HttpClient['sendRequest'] = async (sent) => {
  const url = new URL(sent.url)
  const response = await request(`${bench.served.url}${url.pathname}${url.search}`, {
    host: url.host,
    method: sent.method,
    headers: sent.headers.toJSON(),
    ...(typeof sent.body === 'string' ? { body: sent.body } : {}),
  })
  const names = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
  const headers = sent.headers
  const copy = Object.create(Object.getPrototypeOf(headers) as object) as HttpHeaders
  Object.assign(copy, { _headersMap: new Map(names.map(([name, value]) => [name, { name, value }])) })
  return { request: sent, status: response.status, headers: copy, bodyAsText: response.text }
}
const credential = {
  getToken: async (scope: string | string[]) => {
    scopes.push(...[scope].flat())
    return { token: await bench.owner.signInAgain(), expiresOnTimestamp: Date.now() + 3_600_000 }
  },
}
const url = 'https://kv1.vault.localhost:8443'
const options = (): Options => ({ httpClient, retryOptions: { maxRetries: 0 } })

it(
  "Microsoft's KeyClient and CryptographyClient drive the vault unchanged",
  { timeout: 30_000 },
  async () => {
    const client = new KeyClient(url, credential, options())
    const key = await client.createRsaKey('sdk', { keySize: 2048, tags: { a: 'b' } })
    expect(scopes[0]).toBe('https://vault.localhost:8443/.default')
    expect(key).toMatchObject({
      name: 'sdk',
      keyType: 'RSA',
      properties: { tags: { a: 'b' }, enabled: true, vaultUrl: url },
    })

    const crypto = new CryptographyClient(key.id ?? '', credential, options())
    const { result } = await crypto.wrapKey('RSA-OAEP-256', Buffer.from('root key'))
    expect(Buffer.from((await crypto.unwrapKey('RSA-OAEP-256', result)).result).toString()).toBe('root key')
    const encrypted = await crypto.encrypt({ algorithm: 'RSA-OAEP', plaintext: Buffer.from('x') })
    const decrypted = await crypto.decrypt({ algorithm: 'RSA-OAEP', ciphertext: encrypted.result })
    expect(Buffer.from(decrypted.result).toString()).toBe('x')

    const rotated = await client.rotateKey('sdk')
    expect(rotated.properties.version).not.toBe(key.properties.version)
    await client.updateKeyProperties('sdk', rotated.properties.version ?? '', { enabled: false })
    expect((await client.getKey('sdk')).properties.enabled).toBe(false)
    const versions: (string | undefined)[] = []
    for await (const { version } of client.listPropertiesOfKeyVersions('sdk')) versions.push(version)
    expect(versions).toEqual([key.properties.version, rotated.properties.version])

    const names = ['a', 'b', 'c'].map((letter) => `page-${letter}`)
    for (const name of names) await client.createRsaKey(name)
    const pages: number[] = []
    for await (const page of client.listPropertiesOfKeys().byPage({ maxPageSize: 2 })) pages.push(page.length)
    expect(pages).toEqual([2, 2])

    const deletion = await client.beginDeleteKey('sdk', { intervalInMs: 10 })
    expect((await deletion.pollUntilDone()).properties.recoveryId).toBe(`${url}/deletedkeys/sdk`)
    await expect(client.getKey('sdk')).rejects.toMatchObject({ code: 'KeyNotFound', statusCode: 404 })
    const recovery = await client.beginRecoverDeletedKey('sdk', { intervalInMs: 10 })
    expect((await recovery.pollUntilDone()).name).toBe('sdk')
    await (await client.beginDeleteKey('page-a', { intervalInMs: 10 })).pollUntilDone()
    await client.purgeDeletedKey('page-a')
  },
)
