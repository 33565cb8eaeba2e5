import type { RecordKey } from '../../crypto/record-key.ts'
import { SealFault } from '../../crypto/faults.ts'
import { base64url, parseBase64url } from '../../kernel/bytes.ts'
import { parameterInvalid } from './faults.ts'
import type { AdmittedCall } from './session.ts'

/** Where a list goes on, as text that tells a client nothing and that it cannot make up or take to another list. */
export interface PageTokens {
  write(call: AdmittedCall, list: string, cursor: string): string
  /** @throws VaultFault `parameter-invalid` */
  read(call: AdmittedCall, list: string, token: string): string
}

export function pageTokens(recordKey: RecordKey): PageTokens {
  const contextOf = ({ vault }: AdmittedCall, list: string) =>
    `vault page token/${vault.uid}/${list.toLowerCase()}`
  return {
    write: (call, list, cursor) => base64url(recordKey.seal(contextOf(call, list), Buffer.from(cursor))),
    read(call, list, token) {
      const sealed = parseBase64url(token)
      try {
        if (sealed !== null) return recordKey.open(contextOf(call, list), sealed).toString()
      } catch (error) {
        if (!(error instanceof SealFault)) throw error
      }
      throw parameterInvalid('The $skiptoken is not one of this list.')
    },
  }
}
