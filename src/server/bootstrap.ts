import type { Endpoints } from '../kernel/endpoints.ts'
import { parseGuid } from '../kernel/guid.ts'
import type { DirectoryService } from '../services/directory/directory-service.ts'
import type { DataFolder } from '../store/data-folder.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { readFileIfThere } from './files.ts'
import { type OwnershipDeps, type TenantOwner, makeOwner } from './tenants.ts'

/** `secrets/owner.json`: how the operator signs in, and what the `env` command reads. */
export interface OwnerFile extends TenantOwner {
  readonly domain: string
  readonly port: number
  /** Null with an operator's own certificate. */
  readonly caFile: string | null
}

export interface BootstrapDeps extends OwnershipDeps {
  readonly folder: DataFolder
  readonly directory: Pick<DirectoryService, 'createTenant' | 'listTenants' | 'createAdministrator'>
  readonly endpoints: Endpoints
  readonly caFile: string | null
}

/**
 * The first start's tenant, subscription and owner. The file is written last: a start that was cut short makes an owner
 * anew, and the former one, whose secret nobody saw, stays without use. Later starts bring port and domain up to date.
 * @returns whether this was the first start
 */
export async function bootstrap(
  deps: BootstrapDeps,
): Promise<{ readonly owner: OwnerFile; readonly isFirst: boolean }> {
  const { folder, endpoints, caFile } = deps
  const path = folder.secretFile('owner.json')
  const known = await readOwner(path)
  const reached = { domain: endpoints.domain, port: endpoints.port, caFile }
  if (known !== null) {
    const owner = { ...known, ...reached }
    if (JSON.stringify(owner) !== JSON.stringify(known)) await write(path, owner)
    return { owner, isFirst: false }
  }
  const tenant =
    deps.directory.listTenants()[0] ??
    (await deps.directory.createTenant({ displayName: 'Default Directory' }))
  const { tenantId } = tenant
  const made = await makeOwner(deps, { tenantId, displayName: 'Strongroom', name: 'strongroom-owner' })
  const owner: OwnerFile = { ...made, ...reached }
  await write(path, owner)
  return { owner, isFirst: true }
}

/** @returns null when there is none. @throws Error when the file is not one of ours */
export async function readOwner(path: string): Promise<OwnerFile | null> {
  const text = await readFileIfThere(path)
  if (text === null) return null
  const owner = JSON.parse(text) as OwnerFile
  if (parseGuid(owner.tenantId) === null || parseGuid(owner.subscriptionId) === null) {
    throw new Error(`${path} is damaged: restore it from a backup`)
  }
  return owner
}

async function write(path: string, owner: OwnerFile): Promise<void> {
  await writeSecretFile(path, `${JSON.stringify(owner, null, 2)}\n`, { replace: true })
}
