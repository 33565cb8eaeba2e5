import type { Access } from '../access/access.ts'
import { refusalOf, refused } from '../resources/faults.ts'
import type { ProviderCall, ResourceType } from '../resources/provider.ts'
import type { Resources } from '../resources/resources.ts'
import type { PlannedResource } from './plan.ts'
import { invalidTemplate, spot } from './template.ts'

export interface PreflightDeps {
  readonly resources: Pick<Resources, 'types'>
  readonly access: Pick<Access, 'allows'>
}

/**
 * What would make a resource fail whatever the others do: an unknown type, an unfit name, a missing right. So that
 * nothing is made of a template of which not all can be made.
 *
 * @throws ResourceFault `InvalidResourceType`, `InvalidTemplate`, `InvalidTemplateDeployment`
 */
export async function preflight(
  { resources, access }: PreflightDeps,
  call: ProviderCall,
  planned: readonly PlannedResource[],
): Promise<void> {
  const denied: { readonly code: string; readonly message: string }[] = []
  for (const { id, source } of planned) {
    const type = typeOf(resources, source)
    const unfit = type.checkName(id.name)
    if (unfit !== null) {
      throw refused(
        400,
        unfit.code,
        `${unfit.message} (the template resource '${id.type}/${id.name}'${spot(source.at)})`,
      )
    }
    const { principalId, appId } = call.caller
    if (await access.allows(principalId, `${type.type}/write`, id.id)) continue
    denied.push({
      code: 'AuthorizationFailed',
      message: `Authorization failed for template resource '${id.name}' of type '${type.type}'. The client '${appId}' with object id '${principalId}' does not have permission to perform action '${type.type}/write' at scope '${id.id}'.`,
    })
  }
  const [first] = denied
  if (first === undefined) return
  throw refused(
    403,
    'InvalidTemplateDeployment',
    `Deployment failed with multiple errors: '${first.message}'`,
    { details: denied },
  )
}

function typeOf(resources: PreflightDeps['resources'], source: PlannedResource['source']): ResourceType {
  try {
    return resources.types.getType(source.type, source.apiVersion)
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === null) throw error
    if (!source.type.includes('/')) throw invalidTemplate(`'${source.type}'${spot(source.at)} is no type`)
    throw refused(400, refusal.code, refusal.message)
  }
}
