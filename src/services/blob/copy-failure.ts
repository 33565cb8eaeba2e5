import { Outage } from '../../kernel/fault.ts'
import { KeyringFault } from '../keyring/keyring.ts'
import { SourceFault } from './copy-source.ts'
import { BlobFault, type BlobFaults } from './faults.ts'

/**
 * `x-ms-copy-status-description`: an HTTP status, an error code, and a sentence in quotes.
 * https://learn.microsoft.com/rest/api/storageservices/get-blob-properties#response-headers
 */
export function describeFailure(error: unknown): string {
  if (error instanceof SourceFault)
    return `${codeOf(error.facts.refusal)} "Copy failed when reading the source."`
  if (error instanceof BlobFault && error.code === 'source-condition-not-met') {
    return '412 ConditionNotMet "The source changed while it was copied."'
  }
  if (isRefusedElsewhere(error)) {
    const { status, code } = error.facts
    return `${status} ${code ?? 'CannotVerifyCopySource'} "Copy failed when reading the source."`
  }
  return `${codeOf(error)} "Copy failed."`
}

function isRefusedElsewhere(error: unknown): error is BlobFault<'copy-source-refused'> {
  return error instanceof BlobFault && error.code === 'copy-source-refused'
}

const codes: ReadonlyMap<string, string> = new Map<keyof BlobFaults, string>([
  ['blob-not-found', '404 BlobNotFound'],
  ['container-not-found', '404 ContainerNotFound'],
  ['account-not-found', '404 ResourceNotFound'],
  ['copy-source-unreachable', '400 CannotVerifyCopySource'],
  ['scope-disabled', '403 EncryptionScopeDisabled'],
])

function codeOf(error: unknown): string {
  if (error instanceof KeyringFault) return '403 KeyVaultEncryptionKeyNotFound'
  if (error instanceof Outage) return '503 ServerBusy'
  return (error instanceof BlobFault ? codes.get(String(error.code)) : undefined) ?? '500 InternalError'
}
