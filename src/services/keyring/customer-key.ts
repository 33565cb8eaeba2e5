import { Outage } from '../../kernel/fault.ts'
import {
  type VaultKind,
  type VersionedKey,
  findVaultKind,
  formatKeyIdentifier,
  isSameKey,
  parseKeyIdentifier,
} from './key-id.ts'
import { isHolderRefusal } from './fault-kinds.ts'
import { KeyringFault, type ProtectedResource, type Protection } from './keyring.ts'
import {
  type KeyDescription,
  KeyHolderFault,
  type KeyHolder,
  type KeyIdentifier,
  type TokenSource,
} from './ports.ts'
import { abortable, withDeadline } from './waiting.ts'

export type CustomerProtection = Extract<Protection, { source: 'customer' }>

export interface CustomerKeyDeps {
  readonly keyHolder: KeyHolder
  readonly tokens: TokenSource
  readonly vaults: readonly VaultKind[]
  /** Milliseconds that one call may take, its token included. */
  readonly deadlineMs: number
  /** No token outlives a lease. */
  readonly tokenLifetimeMs: number
}

export type KeyCheck = KeyDescription & { readonly key: VersionedKey }

/**
 * A customer's key as a resource reaches it: by the identity that its settings name, in a vault that the operator
 * configured. Each call gets a token of its own.
 *
 * Every method throws KeyringFault `key-refused` for a clear no, and Outage for no answer in time.
 */
export interface CustomerKey {
  /** What the settings' key identifier stands for now. Needs `get`. */
  describe(signal: AbortSignal): Promise<KeyCheck>
  wrap(key: VersionedKey, payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array>
  /** The caller overwrites the buffer. */
  unwrap(key: VersionedKey, wrapped: Uint8Array, signal: AbortSignal): Promise<Buffer>
}

export function customerKey(
  deps: CustomerKeyDeps,
  resource: ProtectedResource,
  protection: CustomerProtection,
): CustomerKey {
  const { keyHolder } = deps
  const ask = <T>(
    key: KeyIdentifier,
    signal: AbortSignal,
    call: (token: string, signal: AbortSignal) => Promise<T>,
  ) =>
    withDeadline(deps.deadlineMs, signal, async (limit) => {
      try {
        const token = await abortable(tokenFor(deps, resource, protection, limit), limit)
        return await call(token, limit)
      } catch (error) {
        throw asRefusal(error, key, protection)
      }
    })
  return {
    async describe(signal) {
      const description = await ask(protection.key, signal, (token, limit) =>
        keyHolder.describe(protection.key, token, limit),
      )
      return { ...description, key: versionOf(deps, description.kid, protection.key) }
    },
    async wrap(key, payload, signal) {
      const { kid, wrapped } = await ask(key, signal, (token, limit) =>
        keyHolder.wrap(key, payload, token, limit),
      )
      versionOf(deps, kid, key)
      return wrapped
    },
    unwrap: (key, wrapped, signal) =>
      ask(key, signal, async (token, limit) => {
        const answer = keyHolder.unwrap(key, wrapped, token, limit)
        try {
          return await abortable(answer, limit)
        } catch (error) {
          // An answer that comes after all is of no use, and must not lie about.
          answer.then(
            (late) => late.fill(0),
            () => undefined,
          )
          throw error
        }
      }),
  }
}

async function tokenFor(
  { tokens, vaults, tokenLifetimeMs }: CustomerKeyDeps,
  { resourceId }: ProtectedResource,
  { key, identity, federated }: CustomerProtection,
  signal: AbortSignal,
): Promise<string> {
  const kind = findVaultKind(key.vaultUrl, vaults)
  if (kind === null) {
    // It was configured when the settings were made, and is no more.
    const message = 'the vault is none that this installation may use'
    throw new KeyHolderFault('refused', {
      cause: 'vault-not-found',
      keyId: formatKeyIdentifier(key),
      message,
    })
  }
  const request = {
    principalId: identity.principalId,
    federatedClientId: federated?.clientId ?? null,
    resourceId,
    vaultUrl: key.vaultUrl,
    audience: kind.audience,
    lifetimeMs: tokenLifetimeMs,
  }
  return tokens.token(request, signal)
}

/** A holder that speaks of another key than it was asked for gives no answer. */
function versionOf({ vaults }: CustomerKeyDeps, kid: string, asked: KeyIdentifier): VersionedKey {
  const { vaultUrl, name, version } = parsedKid(kid, vaults)
  const isAsked =
    isSameKey({ vaultUrl, name }, asked) && (asked.version === null || asked.version === version)
  if (version === null || !isAsked)
    throw new Outage('the vault answered with another key than it was asked for')
  return { vaultUrl: asked.vaultUrl, name: asked.name, version }
}

function parsedKid(kid: string, vaults: readonly VaultKind[]): KeyIdentifier {
  try {
    return parseKeyIdentifier(kid, vaults)
  } catch (cause) {
    throw new Outage('the vault answered with a key of a place that this installation may not use', { cause })
  }
}

function asRefusal(error: unknown, key: KeyIdentifier, { identity }: CustomerProtection): unknown {
  if (!isHolderRefusal(error)) return error
  const { cause, message } = error.facts
  const facts = { keyId: formatKeyIdentifier(key), identity: identity.clientId, cause, message }
  return new KeyringFault('key-refused', facts, { cause: error })
}
