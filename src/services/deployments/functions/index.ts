import { collections } from './collections.ts'
import { deploymentFunctions } from './deployment.ts'
import type { TemplateFunction } from './function.ts'
import { logic, numbers } from './logic.ts'
import { strings } from './strings.ts'

/** Every function of the template language that is here, by its name in lower case. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries({ ...logic, ...numbers, ...strings, ...collections, ...deploymentFunctions }),
)
