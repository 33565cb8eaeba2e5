import type { BlobDeps } from './blob-deps.ts'
import { getContainer } from './container-rows.ts'
import { type ContentSeal, openContent } from './content-seal.ts'
import { type WantedEncryption, encryptionOfNew } from './encryption.ts'
import type { BlobEncryption, BlobPath } from './model.ts'
import type { Place } from './replace-blob.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

/** Where a whole blob is about to be written, and what it will be under. */
export interface Destination {
  readonly seal: ServiceSeal
  readonly place: Place
  readonly encryption: BlobEncryption
  readonly content: ContentSeal
}

/** What every write of a whole blob begins with. @throws BlobFault; KeyringFault `key-refused` */
export async function openDestination(
  deps: BlobDeps,
  { account, container: name, blob }: BlobPath,
  wanted: WantedEncryption,
  signal: AbortSignal,
): Promise<Destination> {
  const seal = await openService(deps.keyring, account)
  const container = await getContainer(deps.records.read, seal, name)
  const encryption = await encryptionOfNew(deps, account, container.doc, wanted)
  const { customerKey } = wanted
  const content = await openContent(deps, account, { encryption, customerKey }, signal)
  return { seal, place: { containerId: container.id, container: name, blob }, encryption, content }
}
