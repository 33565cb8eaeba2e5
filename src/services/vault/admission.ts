import type { Access } from '../access/access.ts'
import type { Caller } from '../directory/caller.ts'
import { VaultFault } from './faults.ts'
import { isInRanges } from '../../kernel/ip-range.ts'
import { type VaultOperation, vaultOperations } from './operations.ts'
import type { VaultSettings } from './vault-settings.ts'

/**
 * The vault's firewall. An address comes from the socket or not at all; a trusted service is one whose token the keyring
 * got for a resource (`Caller.trustedForResource`), and nothing else makes one.
 *
 * @throws VaultFault `forbidden-by-firewall`, `forbidden-by-connection`
 */
export function passFirewall(vault: VaultSettings, caller: Caller, address: string | null): void {
  const { network, name, location } = vault
  if (network.admitsTrustedServices && caller.trustedForResource !== null) return
  if (!network.isPublic) throw new VaultFault('forbidden-by-connection', { vault: name, location })
  if (network.isAllowedByDefault) return
  if (address !== null && isInRanges(address, network.ranges)) return
  throw new VaultFault('forbidden-by-firewall', { vault: name, location, caller, address })
}

/**
 * Whether policy or role allows the operation on that key (null: on the vault). In a vault with roles the policies count
 * for nothing.
 *
 * @throws VaultFault `forbidden-by-policy`, `forbidden-by-rbac`
 */
export async function authorize(
  {
    access,
    vault,
    caller,
  }: { readonly access: Pick<Access, 'allowsData'>; readonly vault: VaultSettings; readonly caller: Caller },
  operation: VaultOperation,
  keyName: string | null,
): Promise<void> {
  const place = { vault: vault.name, location: vault.location, caller }
  const permission = vaultOperations[operation]
  if (vault.usesRbac) {
    const dataAction = `Microsoft.KeyVault/vaults/${permission.dataAction}`
    const resource = keyName === null ? vault.id : `${vault.id}/keys/${keyName}`
    if (await access.allowsData(caller.principalId, dataAction, resource)) return
    throw new VaultFault('forbidden-by-rbac', { ...place, dataAction, resource })
  }
  if (isAllowedByPolicy(vault, caller, permission.policy)) return
  throw new VaultFault('forbidden-by-policy', { ...place, permission: permission.policy })
}

function isAllowedByPolicy(vault: VaultSettings, caller: Caller, permission: string): boolean {
  return vault.policies.some(
    ({ objectId, applicationId, keyPermissions }) =>
      objectId === caller.principalId &&
      (applicationId === null || applicationId === caller.appId) &&
      (keyPermissions.has('all') || keyPermissions.has(permission.toLowerCase())),
  )
}
