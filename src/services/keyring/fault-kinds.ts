import { KeyringFault } from './keyring.ts'
import { KeyHolderFault } from './ports.ts'

/** Type guards: a bare `instanceof` of a generic class leaves its facts untyped. */
export function isKeyringFault(error: unknown): error is KeyringFault {
  return error instanceof KeyringFault
}

/** The customer's key does not open, as opposed to a wrapping or a setting that is wrong. */
export function isKeyRefused(error: unknown): error is KeyringFault<'key-refused'> {
  return isKeyringFault(error) && error.code === 'key-refused'
}

export function isHolderRefusal(error: unknown): error is KeyHolderFault {
  return error instanceof KeyHolderFault
}
