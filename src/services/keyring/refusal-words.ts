import type { RefusalCause } from './ports.ts'

/** What each cause means, for whoever configures or is refused; the same whichever vault it was. */
export const refusalWords: { readonly [K in RefusalCause]: string } = {
  'key-not-found': 'The key, or that version of it, is not in the vault: it was deleted, or never was there.',
  'key-disabled': 'The key is disabled.',
  'key-operation-forbidden': 'The key does not permit the operation: see its key_ops.',
  'permission-missing': 'The identity lacks a permission on the key.',
  firewall: "The vault's firewall does not admit trusted services.",
  'vault-not-found': 'There is no such vault: it was deleted, or never was there.',
  'identity-gone': 'The identity does not exist any more.',
  'token-refused': "The vault did not accept the identity's token.",
  'wrapping-damaged': 'The key does not open what was wrapped.',
  'key-not-valid-now': 'The key has expired, or its time has not come.',
}
