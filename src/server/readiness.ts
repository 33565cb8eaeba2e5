import { isKeyRefused, isKeyringFault } from '../services/keyring/fault-kinds.ts'
import { formatKeyIdentifier } from '../services/keyring/key-id.ts'
import type { ProtectedResource, Protection } from '../services/keyring/keyring.ts'
import { SECOND_MS } from '../kernel/units.ts'
import type { KeyHealth, Readiness } from './operations-port.ts'
import { protectedTypes } from './protected-types.ts'
import type { Services } from './services.ts'

/** How long an answer holds: a probe every second asks the vaults every ten. */
const KEPT_MS = 10 * SECOND_MS
const DEADLINE_MS = 2 * SECOND_MS

/** Whether each customer's key opens now: asked for as any request would. */
export function keyReadiness(
  services: Pick<Services, 'keyring' | 'resourceStore'>,
): () => Promise<Readiness> {
  let kept: { readonly at: number; readonly answer: Promise<Readiness> } | null = null
  return () => {
    if (kept === null || performance.now() - kept.at > KEPT_MS)
      kept = { at: performance.now(), answer: ask(services) }
    return kept.answer
  }
}

async function ask({
  keyring,
  resourceStore,
}: Pick<Services, 'keyring' | 'resourceStore'>): Promise<Readiness> {
  const found: ProtectedResource[] = []
  for (const { type, protectedOf } of protectedTypes)
    found.push(...(await resourceStore.listByType(type)).map(protectedOf))
  const resources = (await Promise.all(found.map((resource) => keyHealth(keyring, resource)))).filter(
    (health) => health !== null,
  )
  return { status: resources.every(({ state }) => state === 'open') ? 'ready' : 'degraded', resources }
}

/** @returns null for a resource without a customer's key that opens, which needs nobody outside */
async function keyHealth(
  keyring: Services['keyring'],
  resource: ProtectedResource,
): Promise<KeyHealth | null> {
  const { resourceId } = resource
  let keyId = 'Microsoft.Storage'
  try {
    const { protection } = await keyring.state(resource)
    keyId = keyIdOf(protection)
    await keyring.open(resource, AbortSignal.timeout(DEADLINE_MS))
    return protection.source === 'service' ? null : { resourceId, keyId, state: 'open' }
  } catch (error) {
    if (!isKeyringFault(error)) return { resourceId, keyId, state: 'unreachable' }
    const cause = isKeyRefused(error) ? error.facts.cause : error.code
    return { resourceId, keyId, state: 'refused', cause }
  }
}

function keyIdOf(protection: Protection): string {
  return protection.source === 'service' ? 'Microsoft.Storage' : formatKeyIdentifier(protection.key)
}
