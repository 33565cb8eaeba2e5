import { type DeletedKeys, type DeletedKeysDeps, deletedKeys } from './deleted-keys.ts'
import { type MakeKeys, type MakeKeysDeps, makeKeys } from './make-keys.ts'
import { type ReadKeys, readKeys } from './read-keys.ts'

/** Keys at rest: everything but their use. Names and versions are taken in any letter case. */
export interface VaultKeys extends ReadKeys, MakeKeys, DeletedKeys {}

export function vaultKeys(deps: MakeKeysDeps & DeletedKeysDeps): VaultKeys {
  return { ...readKeys(deps), ...makeKeys(deps), ...deletedKeys(deps) }
}
