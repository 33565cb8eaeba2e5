import { connect } from 'node:tls'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Attack, type Target, openTarget } from '../../support/hostile.ts'

let target: Target
beforeAll(async () => {
  target = await openTarget()
})
afterAll(async () => {
  expect(target.bugs()).toEqual([])
  await target[Symbol.asyncDispose]()
})

const bearer = async (role: string) => `Bearer ${await target.rest.token(target.server.url(role))}`

/** How long the server's one thread is busy with a request at most: measured beside it, by a request that needs nothing. */
async function stallBy(attack: Attack): Promise<{ readonly ms: number; readonly status: number }> {
  const started = performance.now()
  const { status } = await target.send(attack)
  return { ms: performance.now() - started, status }
}

describe('one request does not hold up the others', () => {
  const long = (unit: string) => unit.repeat(Math.floor(28_000 / unit.length))
  const paths = [
    `/${long('a')}`,
    `/${long('a/')}`,
    `/v2/${long('a/')}x`,
    `/v2/${long('blobs/uploads/')}x`,
    `/v2/${long('a/blobs/')}x/y`,
    `/v2/${long('a-')}/tags/list`,
    `/v2/${long('a__a')}!/tags/list`,
    `/acr/v1/${long('_tags/_manifests/')}x/y/z`,
    `/subscriptions/x/resourceGroups/y/providers/${long('providers/')}z`,
    `/subscriptions/x/resourceGroups/y/providers/Microsoft.KeyVault/vaults/${long('v/w/')}`,
    `/${long('providers/Microsoft.Authorization/roleAssignments/')}x`,
    `/${long('a/providers/Microsoft.Authorization/')}roleDefinitions`,
    `/${long('a/providers/Strongroom.Audit/')}auditEvents`,
    `/subscriptions/x/providers/${long('deletedVaults/')}`,
    `/keys/${long('k')}/${long('0').slice(0, 100)}`,
    `/${long('%2e')}`,
    `/${long('%E2%80%A8')}`,
    `/metadata/endpoints?${long('a=b&')}`,
    `/metadata/endpoints?${long('%24filter=')}`,
  ]
  it.each(['management', 'kv1.vault', 'registry1.azurecr', 'login', 'graph'])(
    'a long path at %s',
    async (role) => {
      const authorization = await bearer(
        role.split('.').at(-1) === 'azurecr' ? 'management' : role.replace('kv1.', ''),
      ).catch(() => 'Bearer x')
      const slow: string[] = []
      for (const path of paths) {
        for (const method of ['GET', 'POST']) {
          const query = `${path.includes('?') ? '&' : '?'}api-version=2023-07-01`
          const { ms, status } = await stallBy({
            role,
            method,
            path: `${path}${query}`,
            headers: { authorization },
          })
          if (ms > 1_000) slow.push(`${method} ${path.slice(0, 60)}: ${Math.round(ms)} ms`)
          expect(status).toBeLessThan(500)
        }
      }
      expect(slow).toEqual([])
    },
  )

  it.each<readonly [string, Attack['role'], string, string, string]>([
    [
      'a form of 64 KiB of scopes',
      'registry1.azurecr',
      '/oauth2/token',
      'POST',
      `grant_type=refresh_token&refresh_token=x&scope=${'repository:a:pull+'.repeat(3_500)}`,
    ],
    [
      'a form of one long scope',
      'registry1.azurecr',
      '/oauth2/token',
      'POST',
      `grant_type=refresh_token&refresh_token=x&scope=repository:${'a'.repeat(60_000)}:pull`,
    ],
    [
      'a scope of colons',
      'registry1.azurecr',
      '/oauth2/token',
      'POST',
      `grant_type=password&username=&scope=repository${':1/a'.repeat(15_000)}`,
    ],
    ['a form of 30,000 names', 'login', '/x/oauth2/v2.0/token', 'POST', 'a&'.repeat(30_000)],
    [
      'a long token',
      'registry1.azurecr',
      '/oauth2/exchange',
      'POST',
      `grant_type=access_token&access_token=${'a.'.repeat(30_000)}`,
    ],
  ])('%s', async (_what, role, path, method, body) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { ms, status } = await stallBy({ role, method, path, headers, body })
    expect(status).toBeLessThan(500)
    expect(ms).toBeLessThan(1_000)
  })

  it.each<readonly [string, string]>([
    ['a million brackets', '['.repeat(1_000_000)],
    [
      'ninety brackets, a hundred thousand times',
      `[${Array.from({ length: 20_000 }, () => `${'['.repeat(90)}${']'.repeat(90)}`).join()}]`,
    ],
    ['200,000 names', `{${Array.from({ length: 200_000 }, (_, index) => `"${index}":1`).join()}}`],
    ['one name 200,000 times', `{${Array.from({ length: 200_000 }, () => '"properties":{}').join()}}`],
    ['a number of a million digits', `{"location":${'9'.repeat(1_000_000)}}`],
    ['a text of 4 MB', `{"location":"${'a'.repeat(4_000_000)}"}`],
    ['a text of escapes', `{"location":"${'\\u0000'.repeat(600_000)}"}`],
    [
      '200,000 tags',
      `{"location":"eastus","tags":{${Array.from({ length: 200_000 }, (_, index) => `"t${index}":"v"`).join()}}}`,
    ],
  ])('%s as a body', async (_what, body) => {
    const headers = { authorization: await bearer('management'), 'content-type': 'application/json' }
    const path = `${target.rest.subscription}/resourceGroups/rgx?api-version=2021-04-01`
    const { ms, status } = await stallBy({ role: 'management', method: 'PUT', path, headers, body })
    expect([400, 413]).toContain(status)
    expect(ms).toBeLessThan(3_000)
  })

  it.each<readonly [string, string]>([
    ['doubles itself thirty times', "[concat(variables('v'), variables('v'))]"],
    ['calls functions two hundred deep', `[${'concat('.repeat(200)}'a'${')'.repeat(200)}]`],
    ['is 100,000 characters of parentheses', `[${'('.repeat(100_000)}]`],
    ['counts to a billion', '[range(0, 1000000000)]'],
    ['pads to a billion', "[padLeft('a', 1000000000)]"],
    ['replaces without end', `[replace('${'a'.repeat(10_000)}', 'a', '${'b'.repeat(10_000)}')]`],
  ])('a template that %s', async (_what, expression) => {
    const variables: Record<string, string> = { v: expression }
    for (let level = 0; level < 30; level++) {
      variables[`v${level}`] = `[concat(variables('v${level + 1}'), variables('v${level + 1}'))]`
    }
    variables['v30'] = 'x'.repeat(1_000)
    const template = {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      variables,
      resources: [],
      outputs: {
        a: { type: 'string', value: "[variables('v0')]" },
        b: { type: 'string', value: "[variables('v')]" },
      },
    }
    const path = '/resourceGroups/rg1/providers/Microsoft.Resources/deployments/bomb/validate'
    const started = performance.now()
    const answer = await target.rest.arm('POST', path, { properties: { mode: 'Incremental', template } })
    expect(answer.status).toBe(400)
    expect(performance.now() - started).toBeLessThan(3_000)
  })
})

describe('many requests', () => {
  it('for large keys at once are made a few at a time or refused as too many; the vault answers others meanwhile', async () => {
    const authorization = await bearer('vault')
    const create = (index: number) =>
      target.send({
        role: 'kv1.vault',
        method: 'POST',
        path: `/keys/many${index}/create?api-version=7.4`,
        headers: { authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ kty: 'RSA', key_size: 4096 }),
      })
    const all = Array.from({ length: 30 }, (_, index) => create(index).catch(() => null))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const started = performance.now()
    expect((await target.rest.vault('kv1', 'GET', '/keys/key1')).status).toBe(200)
    const took = performance.now() - started
    const answers = (await Promise.all(all)).filter((answer) => answer !== null)
    const odd = answers.filter(
      ({ status, headers }) => status !== 200 && !(status === 503 && headers['retry-after'] !== undefined),
    )
    expect(odd).toEqual([])
    console.log(
      `${answers.filter(({ status }) => status === 200).length} made, another answer took ${Math.round(took)} ms`,
    )
    expect(took).toBeLessThan(3_000)
  }, 120_000)

  it('for names that are none leave nothing behind that grows', async () => {
    const memory = async () => {
      const text = await (await fetch(`http://127.0.0.1:${target.server.metricsPort}/metrics`)).text()
      return {
        lines: text.split('\n').length,
        heap: Number(/^strongroom_nodejs_heap_size_used_bytes (\d+)/m.exec(text)?.[1]),
      }
    }
    const ask = async (index: number) => {
      await Promise.all([
        target.send({ role: `v${index}.vault`, method: 'GET', path: '/keys?api-version=7.4' }),
        target.send({ role: `r${index}.azurecr`, method: 'GET', path: `/v2/n${index}/tags/list` }),
        target.send({
          role: 'login',
          method: 'GET',
          path: `/${index}/v2.0/.well-known/openid-configuration`,
        }),
        target.send({
          role: 'management',
          method: `GET`,
          path: `/x${index}?api-version=2021-04-01`,
          headers: { authorization: `Bearer x.${index}.y` },
        }),
      ])
    }
    for (let index = 0; index < 100; index++) await ask(index)
    const before = await memory()
    for (let index = 100; index < 300; index++) await ask(index)
    const after = await memory()
    // No label of a metric is a client's text: 800 new names would be thousands of lines, one rare status is a few.
    expect(after.lines - before.lines).toBeLessThan(100)
    expect(after.heap - before.heap).toBeLessThan(64 * 1024 * 1024)
  }, 120_000)

  it('on idle and dawdling connections keep nobody else out', async () => {
    const ca = await readFile(target.server.caFile, 'utf8')
    const sockets = Array.from({ length: 200 }, (_, index) => {
      const socket = connect({
        host: '127.0.0.1',
        port: target.server.port,
        servername: 'management.localhost',
        ca,
      })
      socket.on('error', () => undefined)
      // Every other one begins a request and goes on byte by byte.
      if (index % 2 === 0)
        socket.write(
          `GET /metadata/endpoints HTTP/1.1\r\nHost: management.localhost:${target.server.port}\r\nX-A: `,
        )
      return socket
    })
    const drip = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('a')
    }, 500)
    const started = performance.now()
    expect((await target.rest.arm('GET', '/resourceGroups')).status).toBe(200)
    expect(performance.now() - started).toBeLessThan(2_000)
    // The headers have 15 seconds to come whole, however lively the client; the server looks every five.
    const ended = sockets.map(
      (socket) => new Promise<void>((resolve) => socket.once('close', () => resolve())),
    )
    await Promise.all(ended.filter((_, index) => index % 2 === 0))
    expect(performance.now() - started).toBeLessThan(25_000)
    clearInterval(drip)
    for (const socket of sockets) socket.destroy()
  }, 60_000)

  it('that send their bodies too slowly are ended with 408', async () => {
    const { tenantId } = target.server.owner
    const host = `login.localhost:${target.server.port}`
    const head = `POST /${tenantId}/oauth2/v2.0/token HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 1000\r\n\r\n`
    const started = performance.now()
    const heard = await target.raw('login', head, 60_000)
    expect(heard).toMatch(/^HTTP\/1\.1 408/)
    expect(performance.now() - started).toBeLessThan(50_000)
  }, 90_000)
})
