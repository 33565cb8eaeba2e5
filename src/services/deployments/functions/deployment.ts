import { parseGuid } from '../../../kernel/guid.ts'
import { type Json, member } from '../../../kernel/json.ts'
import { ExpressionProblem } from '../expression.ts'
import type { Scope } from '../scope.ts'
import { type FunctionTable, MANY, between, fixed, optionalText, textAt } from './function.ts'

/** What a template knows of itself and of where it is deployed. */
export const deploymentFunctions: FunctionTable = {
  parameters: fixed(1, (args, scope) => scope.parameter(textAt(args, 0))),
  variables: fixed(1, (args, scope) => scope.variable(textAt(args, 0))),
  subscription: fixed(0, (_, { place }) => place.subscription),
  resourcegroup: fixed(0, (_, { place }) => place.resourceGroup),
  tenant: fixed(0, (_, { place }) => place.tenant),
  deployment: fixed(0, (_, { place }) => place.deployment),
  reference: between(1, 3, (args, scope) => reference(args, scope)),
  resourceid: between(2, MANY, (args, scope) => resourceId(args, scope)),
  subscriptionresourceid: between(2, MANY, (args, scope) => subscriptionResourceId(args, scope)),
  tenantresourceid: between(2, MANY, (args) => typedPath('', args)),
  extensionresourceid: between(3, MANY, (args) => typedPath(textAt(args, 0), args.slice(1))),
}

async function reference(args: readonly Json[], scope: Scope): Promise<Json> {
  if (scope.reference === null) {
    throw new ExpressionProblem(`the template function 'reference' is not expected at this location`)
  }
  const full = optionalText(args, 2)
  if (full !== null && full.toLowerCase() !== 'full') {
    throw new ExpressionProblem(`argument 3 of 'reference' is 'Full' or left out`)
  }
  const options = { apiVersion: optionalText(args, 1), isFull: full !== null }
  return await scope.reference(textAt(args, 0), options)
}

/** `resourceId([subscription], [group], type, name, …)`: the type is the first argument with a slash in it. */
function resourceId(args: readonly Json[], { place }: Scope): string {
  const typeAt = args.findIndex((value) => typeof value === 'string' && value.includes('/'))
  if (typeAt < 0 || typeAt > 2) throw new ExpressionProblem(`no argument of 'resourceId' is a resource type`)
  const before = args.slice(0, typeAt).map((_, index) => textAt(args, index))
  const first = before[0]
  const subscription = first !== undefined && parseGuid(first) !== null ? first : null
  if (typeAt === 2 && subscription === null) {
    throw new ExpressionProblem(`argument 1 of 'resourceId' must be a subscription's id`)
  }
  const group = subscription === null ? before[0] : before[1]
  const base = `/subscriptions/${subscription ?? ownId(place.subscription, 'subscriptionId')}`
  return typedPath(
    `${base}/resourceGroups/${group ?? ownId(place.resourceGroup, 'name')}`,
    args.slice(typeAt),
  )
}

function subscriptionResourceId(args: readonly Json[], { place }: Scope): string {
  const first = textAt(args, 0)
  const isGiven = parseGuid(first) !== null
  const subscription = isGiven ? first : ownId(place.subscription, 'subscriptionId')
  return typedPath(`/subscriptions/${subscription}`, isGiven ? args.slice(1) : args)
}

function typedPath(scope: string, args: readonly Json[]): string {
  const [namespace = '', ...types] = textAt(args, 0).split('/')
  const names = args.slice(1).map((_, index) => textAt(args, index + 1))
  if (types.length !== names.length) {
    throw new ExpressionProblem(
      `the type '${textAt(args, 0)}' needs ${types.length} names, and ${names.length} are given`,
    )
  }
  return `${scope}/providers/${namespace}${types.map((type, index) => `/${type}/${names[index] ?? ''}`).join('')}`
}

function ownId(object: Scope['place']['subscription'], name: string): string {
  const id = member(object, name)
  return typeof id === 'string' ? id : ''
}
