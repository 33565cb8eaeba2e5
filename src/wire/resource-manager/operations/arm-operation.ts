import type { AnyOperation, BodyRule, Method, PathParams, Reply } from '../../../http/operation.ts'
import { operation } from '../../../http/operation.ts'
import { MIB } from '../../../kernel/units.ts'
import type { ArmCall, ArmSession, Needs } from '../session.ts'

export type ArmOperation = AnyOperation<ArmSession | null, Needs>

const JSON_BODY: BodyRule = { kind: 'json', maxBytes: 4 * MIB }
const NO_BODY: BodyRule = { kind: 'none' }

/** An operation for signed-in callers. Bodies are JSON on PUT, PATCH and POST unless `body` says otherwise. */
export function armOperation<const P extends string>(op: {
  readonly id: string
  readonly method: Method
  readonly path: P
  readonly body?: BodyRule
  run(call: ArmCall<PathParams<P>>): Promise<Reply>
}): ArmOperation {
  const hasBody = op.method === 'PUT' || op.method === 'PATCH' || op.method === 'POST'
  return operation<ArmSession | null, Needs, P>({
    ...op,
    needs: 'signed-in',
    body: op.body ?? (hasBody ? JSON_BODY : NO_BODY),
  })
}
