import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Stranger, type Target, graph, makeStranger, openTarget } from '../../support/hostile.ts'
import { text } from '../../support/rest.ts'

/** At the loudest log level, with every way of failing that could quote what it was given. */
let target: Target
let stranger: Stranger
const secrets = new Map<string, string>()
beforeAll(async () => {
  target = await openTarget(['--log-level', 'debug'])
  stranger = await makeStranger(target, 'stranger')
  secrets.set('owner’s client secret', target.server.owner.clientSecret)
  secrets.set('another client secret', stranger.login.secret)
})
afterAll(() => target[Symbol.asyncDispose]())

const registryPath = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'

it('passwords, tokens, keys and secure parameters are in no answer but their own, no log and no record', async () => {
  const { rest } = target
  const heard: string[] = []
  const hear = (answer: { readonly text: string }) => {
    heard.push(answer.text)
    return answer
  }

  // Tokens, good and bad, with their secrets in query, header and form.
  const token = await rest.token(target.server.url('management'))
  secrets.set('token', token)
  secrets.set('its signature', token.split('.')[2] ?? '')
  const wrongSecret = `wrong-${randomBytes(16).toString('hex')}`
  secrets.set('a wrong client secret', wrongSecret)
  const { tenantId, clientId } = target.server.owner
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: wrongSecret,
    scope: 'x/.default',
  }
  hear(
    await rest.send({
      role: 'login',
      method: 'POST',
      path: `/${tenantId}/oauth2/v2.0/token`,
      body: new URLSearchParams(form),
    }),
  )
  hear(
    await target.send({
      role: 'management',
      method: 'GET',
      path: `/subscriptions?api-version=2021-04-01&access_token=${token}`,
    }),
  )
  hear(
    await target.send({
      role: 'management',
      method: 'GET',
      path: '/subscriptions?api-version=2021-04-01',
      headers: { authorization: `Bearer x${token}` },
    }),
  )
  hear(
    await target.send({
      role: 'kv1.vault',
      method: 'GET',
      path: '/keys?api-version=7.4',
      headers: { authorization: `Bearer ${token}` },
    }),
  )
  hear(
    await target.send({
      role: 'registry1.azurecr',
      method: 'GET',
      path: '/v2/',
      headers: { authorization: `Basic ${Buffer.from(`registry1:${wrongSecret}`).toString('base64')}` },
    }),
  )

  // The admin user's passwords.
  await rest.armDone('PATCH', registryPath, { properties: { adminUserEnabled: true } })
  const listed = await rest.armDone('POST', `${registryPath}/listCredentials`)
  for (const { name, value } of listed['passwords'] as readonly { name: string; value: string }[]) {
    secrets.set(`admin ${name}`, value)
  }
  const anew = await rest.armDone('POST', `${registryPath}/regenerateCredential`, { name: 'password' })
  const [first] = anew['passwords'] as readonly { name: string; value: string }[]
  secrets.set('regenerated password', first?.value ?? '')
  hear(await rest.arm('GET', registryPath))
  hear(await rest.arm('GET', `/resources?$expand=provisioningState`))
  hear(await rest.arm('PATCH', registryPath, { properties: { adminUserEnabled: 'yes' } }))

  // A key that is brought along, well and broken, and what was wrapped and opened.
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const)
    secrets.set(`private ${part}`, jwk[part] ?? '')
  hear(await rest.vault('kv1', 'PUT', '/keys/brought', { key: { ...jwk } as never }))
  hear(await rest.vault('kv1', 'PUT', '/keys/broken', { key: { ...jwk, p: jwk.q ?? '' } as never }))
  hear(await rest.vault('kv1', 'GET', '/keys/brought'))
  const plain = randomBytes(32).toString('base64url')
  secrets.set('plain text', plain)
  const wrapped = await rest.vaultDone('kv1', 'POST', '/keys/brought/wrapKey', {
    alg: 'RSA-OAEP-256',
    value: plain,
  })
  hear(
    await rest.vault('kv1', 'POST', '/keys/brought/unwrapKey', {
      alg: 'RSA-OAEP-256',
      value: `${text(wrapped['value'])}${plain}`,
    }),
  )
  hear(
    await target.send({
      role: 'kv1.vault',
      method: 'POST',
      path: '/keys/brought/wrapKey?api-version=7.4',
      headers: { authorization: `Bearer ${await rest.token(target.server.url('vault'))}` },
      body: `{"value":"${plain}"`,
    }),
  )

  // A deployment with secure parameters, one that ends well and one that fails on them.
  const secure = `secure-${randomBytes(16).toString('hex')}`
  secrets.set('secure parameter', secure)
  for (const [name, resource] of [
    ['well', "[parameters('p')]"],
    ['badly', "[substring(parameters('p'), 0, 99999)]"],
  ] as const) {
    const path = `/resourceGroups/rg1/providers/Microsoft.Resources/deployments/${name}`
    hear(
      await rest.arm('PUT', path, {
        properties: {
          mode: 'Incremental',
          parameters: { p: { value: secure }, o: { value: { inner: secure } } },
          template: {
            $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
            contentVersion: '1.0.0.0',
            parameters: { p: { type: 'securestring' }, o: { type: 'secureObject' } },
            resources: [],
            outputs: {
              a: { type: 'securestring', value: resource },
              b: { type: 'secureObject', value: "[parameters('o')]" },
            },
          },
        },
      }),
    )
    for (;;) {
      const { text: shown } = hear(await rest.arm('GET', path))
      if (!/"provisioningState":"(Running|Accepted)"/.test(shown)) break
    }
    hear(await rest.arm('GET', `${path}/operations`))
  }

  // A new client secret is in the one answer that makes it.
  const made = await graph(rest, 'POST', `/v1.0/applications/${stranger.objectId}/addPassword`, {})
  secrets.set('made client secret', text(made['secretText']))
  heard.push(JSON.stringify(await graph(rest, 'GET', `/v1.0/applications/${stranger.objectId}`)))

  // What is kept of all that.
  hear(await rest.arm('GET', '/providers/Microsoft.Insights/eventtypes/management/values?$top=1000'))
  hear(
    await rest.arm(
      'GET',
      '/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv1/providers/Strongroom.Audit/auditEvents?$top=1000',
    ),
  )
  const metrics = await (await fetch(`http://127.0.0.1:${target.server.metricsPort}/metrics`)).text()
  const ready = await (await fetch(`http://127.0.0.1:${target.server.metricsPort}/health/ready`)).text()
  const files = await Promise.all(
    ['keys.db', 'keys.db-wal', 'data.db', 'data.db-wal'].map((name) =>
      readFile(join(target.server.dataDir, name), 'latin1').catch(() => ''),
    ),
  )
  const log = target.server.output()
  expect(log).toContain('"operation":"WrapKey"')
  const places = { answers: heard.join('\n'), log, metrics, ready, files: files.join('\n') }
  const leaks = [...secrets].flatMap(([what, secret]) =>
    Object.entries(places).flatMap(([place, contents]) => {
      expect([what, secret.length]).toEqual([what, Math.max(20, secret.length)])
      // Cut into errors, or as bytes in another spelling.
      const spellings = [secret, secret.slice(0, 24), encodeURIComponent(secret).slice(0, 40)]
      return spellings.some((spelling) => contents.includes(spelling)) ? [`${what} in ${place}`] : []
    }),
  )
  // The tokens begin alike: head and claims are no secret, the signature is.
  expect(leaks.filter((leak) => !leak.startsWith('token in') || places.log.includes(token))).toEqual([])
  expect(target.bugs()).toEqual([])
})
