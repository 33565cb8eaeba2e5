import type { JsonObject } from '../src/kernel/json.ts'
import type { Estate } from '../test/support/estate.ts'
import type { RestRegistry } from '../test/support/rest-registry.ts'
import { type Rest, type RestAnswer, text } from '../test/support/rest.ts'
import { TourError } from './narrator.ts'

/** What the activity log says of a registry's key, the latest first. */
export interface KeyEvent {
  /** `wrap`, `rotate`, `refused`, `restored` */
  readonly what: string
  readonly status: string
  /** SHA-256 of the wrapped root key, where it was wrapped. */
  readonly fingerprint: string
  readonly versionedKeyId: string
  readonly cause: string
}

/** https://learn.microsoft.com/rest/api/monitor/activity-logs/list */
export async function keyEvents(rest: Rest, registryPath: string): Promise<readonly KeyEvent[]> {
  const filter = encodeURIComponent(`resourceUri eq '${rest.subscription}${registryPath}'`)
  const path = `/providers/Microsoft.Insights/eventtypes/management/values?$filter=${filter}`
  const { value } = await rest.armDone('GET', path, undefined, { apiVersion: '2015-04-01' })
  return (value as readonly JsonObject[]).flatMap((event) => {
    const operation = text((event['operationName'] as JsonObject)['value'])
    const what = /\/encryption\/(\w+)\/action$/.exec(operation)?.[1]
    const properties = event['properties'] as JsonObject
    if (what === undefined) return []
    return {
      what,
      status: text((event['status'] as JsonObject)['value']),
      fingerprint: text(properties['wrapping']),
      versionedKeyId: text(properties['versionedKeyIdentifier']),
      cause: text(properties['cause']),
    }
  })
}

/** The newest wrapping that the log shows. */
export async function lastWrapping(rest: Rest, registryPath: string): Promise<KeyEvent> {
  const events = await keyEvents(rest, registryPath)
  const found = events.find(({ what, status }) => ['wrap', 'rotate'].includes(what) && status === 'Succeeded')
  if (found === undefined) throw new TourError('the activity log shows no wrapping of the root key')
  return found
}

/** The settings as the resource manager shows them. */
export async function encryptionOf(rest: Rest, registryPath: string) {
  const { properties } = await rest.armDone('GET', registryPath)
  const { status, keyVaultProperties } = (properties as JsonObject)['encryption'] as JsonObject
  return { status, versionedKeyId: text((keyVaultProperties as JsonObject)['versionedKeyIdentifier']) }
}

/** Takes the identity's policy out of the vault, or puts it back. */
export async function setPolicies(
  rest: Rest,
  { group, vault }: Estate,
  change: (policies: readonly JsonObject[]) => readonly JsonObject[],
): Promise<void> {
  const path = `/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${vault}`
  const { location = null, properties } = await rest.armDone('GET', path)
  const accessPolicies = change((properties as JsonObject)['accessPolicies'] as readonly JsonObject[])
  await rest.armDone('PUT', path, {
    location,
    properties: { ...(properties as JsonObject), accessPolicies },
  })
}

/** Asks for the manifest until the answer has that status. @returns the answer, and how long that took from now */
export async function untilStatus(
  registry: RestRegistry,
  at: string,
  status: number,
): Promise<{ readonly answer: RestAnswer; readonly ms: number }> {
  const startedAt = performance.now()
  for (;;) {
    const answer = await registry.send('GET', `/v2/${at}`)
    const ms = performance.now() - startedAt
    if (answer.status === status) return { answer, ms }
    if (ms > 15_000) throw new TourError(`${at} is still answered with ${answer.status}, not ${status}`)
  }
}
