import type { JsonObject } from '../../kernel/json.ts'
import { isJsonObject, member } from '../../kernel/json.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type {
  ActionCall,
  ElsewherePlace,
  ProviderCall,
  ProviderReply,
  Resource,
  ResourceType,
} from '../resources/provider.ts'
import { parseResourceId } from '../resources/resource-id.ts'
import { invalidValue, notCarriedOut, sentBoolean, sentObject } from './account-words.ts'
import { CONTAINER_TYPE, policyDocument } from './container-document.ts'
import type { ContainerChange, ContainersPort, ImmutabilityPolicy } from './ports.ts'
import type { StorageAccounts } from './storage-account.ts'

export interface PolicyTypeDeps {
  readonly accounts: Pick<StorageAccounts, 'find'>
  readonly containers: Pick<ContainersPort, 'find' | 'change'>
}

const POLICY_TYPE = `${CONTAINER_TYPE}/immutabilityPolicies`
/** 400 years, as Azure has it. */
const MAX_DAYS = 146_000

/** A container's time-based retention. https://learn.microsoft.com/rest/api/storagerp/blob-containers */
export function immutabilityPolicyType(deps: PolicyTypeDeps): Omit<ResourceType, 'apiVersions'> {
  return {
    type: POLICY_TYPE,
    globalName: false,
    isProxy: true,
    createdStatus: 200,
    showsDeleted: true,
    identities: 'none',
    checkName: (name) =>
      name.toLowerCase() === 'default'
        ? null
        : {
            code: 'InvalidResourceName',
            message: `The immutability policy is called 'default', not '${name}'.`,
          },
    put: async (call) => ({
      properties: await change(deps, call, (before) => wanted(before, call.properties)),
    }),
    delete: async (call) => {
      await change(deps, call, (before) => {
        if (before?.isLocked === true) throw locked('A locked policy cannot be deleted.')
        return null
      })
    },
    elsewhere: {
      find: (place) => find(deps, place),
      async list(place) {
        const policy = await find(deps, { ...place, names: [...place.names, 'default'] })
        return { items: policy === null ? [] : [{ name: 'default', properties: policy }], next: null }
      },
    },
    present: ({ properties: { etag = null, ...properties } }) => Promise.resolve({ etag, properties }),
    actions: {
      lock: {
        method: 'POST',
        needs: `${POLICY_TYPE}/lock/action`,
        run: (call) => act(deps, call, (before) => ({ ...before, isLocked: true })),
      },
      extend: {
        method: 'POST',
        needs: `${POLICY_TYPE}/extend/action`,
        run: (call) => act(deps, call, (before) => extended(before, call)),
      },
    },
  }
}

async function find(
  { accounts, containers }: PolicyTypeDeps,
  { owner, names: [service, container = '', name] }: ElsewherePlace,
): Promise<JsonObject | null> {
  if (service?.toLowerCase() !== 'default' || name?.toLowerCase() !== 'default') return null
  const account = await accounts.find(owner.name)
  const policy = account === null ? null : (await containers.find(account, container))?.immutability
  return policy == null ? null : shown(policy)
}

/** With its `etag` beside the rest. */
function shown(policy: ImmutabilityPolicy): JsonObject {
  return { etag: `"${policy.etag}"`, ...policyDocument(policy) }
}

type Change = NonNullable<ContainerChange['immutability']>

/** @throws ResourceFault `ConditionNotMet` when `If-Match` names another policy than the one that holds */
async function change(
  { accounts, containers }: PolicyTypeDeps,
  { resource, ifMatch }: ProviderCall & { readonly resource: Resource },
  to: Change,
): Promise<JsonObject> {
  const container = parseResourceId(resource.id)?.parent
  const account = await accounts.find(container?.parent?.parent?.name ?? '')
  if (account === null || container == null)
    throw refused(404, 'ParentResourceNotFound', `The container of '${resource.id}' could not be found.`)
  const { immutability } = await containers.change(account, container.name, {
    immutability(before) {
      const isMeant = ifMatch === null || ifMatch === '*' || ifMatch.replaceAll('"', '') === before?.etag
      if (!isMeant)
        throw refused(412, 'ConditionNotMet', 'The policy is not the one that the If-Match header names.')
      return to(before)
    },
  })
  return immutability === null ? {} : shown(immutability)
}

function wanted(before: ImmutabilityPolicy | null, sent: JsonObject): Omit<ImmutabilityPolicy, 'etag'> {
  if (before?.isLocked === true) throw locked('A locked policy can only be extended.')
  if (sentBoolean(sent, 'allowProtectedAppendWritesAll') === true)
    throw notCarriedOut('allowProtectedAppendWritesAll')
  return {
    days: sentDays(sent) ?? before?.days ?? missingDays(),
    isLocked: false,
    allowsAppends: sentBoolean(sent, 'allowProtectedAppendWrites') ?? before?.allowsAppends ?? false,
  }
}

function sentDays(sent: JsonObject): number | null {
  const days = member(sent, 'immutabilityPeriodSinceCreationInDays')
  if (days === undefined) return null
  if (typeof days === 'number' && Number.isInteger(days) && days >= 1 && days <= MAX_DAYS) return days
  throw invalidValue('immutabilityPeriodSinceCreationInDays', days, `a whole number from 1 to ${MAX_DAYS}`)
}

function missingDays(): never {
  throw invalidValue(
    'immutabilityPeriodSinceCreationInDays',
    undefined,
    `a whole number from 1 to ${MAX_DAYS}`,
  )
}

async function act(
  deps: PolicyTypeDeps,
  call: ActionCall,
  to: (before: ImmutabilityPolicy) => Omit<ImmutabilityPolicy, 'etag'>,
): Promise<ProviderReply> {
  const { etag = null, ...properties } = await change(deps, call, (before) => {
    if (before === null) throw refused(404, 'ResourceNotFound', 'The container has no immutability policy.')
    return to(before)
  })
  const { id, name } = call.resource
  return { status: 200, body: { id, name, type: POLICY_TYPE, etag, properties } }
}

/** A locked policy is made longer, and nothing else. */
function extended(before: ImmutabilityPolicy, { body }: ActionCall): Omit<ImmutabilityPolicy, 'etag'> {
  const sent = (isJsonObject(body) ? sentObject(body, 'properties') : null) ?? {}
  const days = sentDays(sent) ?? missingDays()
  if (!before.isLocked) throw locked('Only a locked policy is extended; change an unlocked one with PUT.')
  if (days <= before.days) throw locked(`The period must be longer than the ${before.days} days that hold.`)
  return { ...before, days }
}

function locked(reason: string): ResourceFault {
  return refused(409, 'ContainerImmutabilityPolicyFailure', reason)
}
