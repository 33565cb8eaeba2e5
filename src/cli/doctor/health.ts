import { z } from 'zod'
import { type Finding, fail, ok, warn } from './finding.ts'

const schema = z.object({
  status: z.enum(['ready', 'degraded', 'stopping']),
  resources: z.array(
    z.object({
      resourceId: z.string(),
      keyId: z.string(),
      state: z.enum(['open', 'refused', 'unreachable']),
      cause: z.string().optional(),
    }),
  ),
})
type Health = z.infer<typeof schema>

const DEADLINE_MS = 5_000

/** What the server says of itself and of every customer's key. `isRunning`: whether its port answers. */
export async function checkHealth(metricsPort: number, isRunning: boolean): Promise<readonly Finding[]> {
  const health = await ask(metricsPort)
  if (health === null) {
    return isRunning
      ? [
          fail(
            'health',
            `nothing that we know answers on port ${metricsPort}`,
            'give the port that the server was started with: --metrics-port PORT',
          ),
        ]
      : []
  }
  const server =
    health.status === 'stopping'
      ? warn('health', 'the server is shutting down')
      : ok('health', 'the server is up')
  return [server, ...keyFindings(health)]
}

function keyFindings({ resources }: Health): readonly Finding[] {
  const lost = resources.filter(({ state }) => state === 'refused' || state === 'unreachable')
  if (lost.length > 0) return lost.map(lostKey)
  return resources.length === 0 ? [] : [ok('keys', `${resources.length} customer's keys open`)]
}

function lostKey({ resourceId, keyId, state, cause }: Health['resources'][number]): Finding {
  const why = cause === undefined ? '' : ` (${cause})`
  return state === 'refused'
    ? fail(
        'keys',
        `${resourceId}: the vault refuses its key ${keyId}${why}`,
        'give the key back: enable or recover it, or restore the permission; nothing has to be done on the resource',
      )
    : fail(
        'keys',
        `${resourceId}: the vault of its key ${keyId} does not answer${why}`,
        'see that this machine reaches the vault, and that the vault is up',
      )
}

/** @returns null when there is no answer of ours */
async function ask(port: number): Promise<Health | null> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health/ready`, {
      redirect: 'error',
      signal: AbortSignal.timeout(DEADLINE_MS),
    })
    return schema.parse(await response.json())
  } catch {
    return null // Nobody there, or somebody else: the caller says which it is.
  }
}
