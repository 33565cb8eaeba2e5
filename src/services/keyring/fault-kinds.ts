import { KeyringFault, type KeyringFaults } from './keyring.ts'
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

/** Each refusal of the keyring in the words of who uses it. */
export type KeyringWords = { readonly [K in keyof KeyringFaults]: (facts: KeyringFaults[K]) => Error }

/** @returns what to throw instead; anything but a refusal of the keyring as it came */
export function inWords(error: unknown, words: KeyringWords): unknown {
  return isKeyringFault(error) ? say(words, error) : error
}

function say<K extends keyof KeyringFaults>(
  words: KeyringWords,
  { code, facts }: { readonly code: K; readonly facts: KeyringFaults[K] },
): Error {
  return words[code](facts)
}
