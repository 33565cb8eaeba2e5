import { type VaultKind, findVaultKind } from '../keyring/key-id.ts'
import type { KeyHolder, TokenSource } from '../keyring/ports.ts'

/** One way to vaults of one kind. */
export interface VaultWay {
  readonly kind: VaultKind
  readonly keyHolder: KeyHolder
  readonly tokens: TokenSource
}

/**
 * All ways as one: which is taken is told by the vault's host, which the operator configured.
 * @param own taken for whatever none of the others is for
 */
export function byVault(
  own: Omit<VaultWay, 'kind'>,
  others: readonly VaultWay[],
): { readonly keyHolder: KeyHolder; readonly tokens: TokenSource } {
  const wayTo = (vaultUrl: string) =>
    others.find(({ kind }) => findVaultKind(vaultUrl, [kind]) !== null) ?? own
  const holderOf = ({ vaultUrl }: { readonly vaultUrl: string }) => wayTo(vaultUrl).keyHolder
  return {
    keyHolder: {
      describe: (key, token, signal) => holderOf(key).describe(key, token, signal),
      wrap: (key, payload, token, signal) => holderOf(key).wrap(key, payload, token, signal),
      unwrap: (key, wrapped, token, signal) => holderOf(key).unwrap(key, wrapped, token, signal),
      // The others push nothing.
      watch: (listener) => own.keyHolder.watch(listener),
    },
    tokens: { token: (request, signal) => wayTo(request.vaultUrl).tokens.token(request, signal) },
  }
}
