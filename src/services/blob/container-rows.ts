import { type BlobReads, type ContainerRow, findContainer } from '../../store/records/blob/containers.ts'
import { BlobFault } from './faults.ts'
import type { ContainerDoc } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'

export interface ContainerState {
  readonly id: string
  readonly name: string
  readonly doc: ContainerDoc
}

/** @throws BlobFault `container-not-found` */
export async function getContainer(db: BlobReads, seal: ServiceSeal, name: string): Promise<ContainerState> {
  const row = await findContainer(db, seal.account.uid, name)
  if (row === null) throw new BlobFault('container-not-found', {})
  return openContainer(seal, row)
}

export function openContainer(seal: ServiceSeal, row: ContainerRow): ContainerState {
  return { id: row.id, name: row.name, doc: seal.container.open(row, row.sealed) }
}
