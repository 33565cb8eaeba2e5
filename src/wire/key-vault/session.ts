import type { Call, Reply, RequestHead } from '../../http/operation.ts'
import { queryValue } from '../../http/operation.ts'
import { parseJson } from '../../http/body.ts'
import { HttpFault } from '../../http/faults.ts'
import { collect } from '../../kernel/bytes.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import { KIB } from '../../kernel/units.ts'
import { VaultFault, parameterInvalid } from '../../services/vault/faults.ts'
import type { AdmittedCall, VaultSession } from '../../services/vault/session.ts'

/** A JWK of 4096 bits is 3 KiB; fifteen tags of 256 characters, 8 KiB. */
const MAX_BODY_BYTES = 64 * KIB

/** Read inside the session, so that what is wrong with a body is in the audit too. */
export const streamedBody = { kind: 'stream', maxBytes: MAX_BODY_BYTES } as const
export const noBody = { kind: 'none' } as const

/** Runs an operation under the vault's audit, and answers what it gives as JSON. */
export async function answer(
  call: Pick<Call<VaultSession>, 'head' | 'caller' | 'params'>,
  work: (admitted: AdmittedCall) => Promise<Json | undefined>,
  status = 200,
): Promise<Reply> {
  const body = await call.caller.run(async (admitted) => {
    checkApiVersion(call.head)
    const { name, version } = call.params
    if (name !== undefined) checkName(name)
    // A version that is none names nothing.
    if (name !== undefined && version && !/^[0-9a-f]{32}$/i.test(version)) {
      throw new VaultFault('key-not-found', { name, version })
    }
    return await work(admitted)
  }, status)
  return body === undefined ? { status } : { status, body }
}

/** @throws HttpFault, VaultFault `parameter-invalid` */
export async function readBody({ body }: Pick<Call<VaultSession>, 'body'>): Promise<JsonObject> {
  const json = parseJson(await collect(body.stream))
  if (!isJsonObject(json)) throw new HttpFault('body-malformed', { reason: 'the body is not a JSON object' })
  return json
}

/** Null for the newest. */
export function versionOf({ version }: { readonly version: string }): string | null {
  return version === '' ? null : version
}

/** https://learn.microsoft.com/azure/key-vault/general/versions: there is no default. Later dates are taken as well. */
function checkApiVersion(head: RequestHead): void {
  const version = queryValue(head, 'api-version')
  if (version === undefined || version === '') throw parameterInvalid('api-version must be specified')
  const isOld = /^7\.[0-6](-preview(\.\d{1,2})?)?$/i.test(version)
  const isDated = /^20\d\d-\d\d-\d\d(-preview(\.\d{1,2})?)?$/i.test(version) && version >= '2025-07-01'
  if (!isOld && !isDated) {
    throw parameterInvalid(
      `The specified version (${version.slice(0, 64)}) is not recognized. Consider using the latest supported version (2025-07-01).`,
    )
  }
}

function checkName(name: string): void {
  if (/^[0-9A-Za-z-]{1,127}$/.test(name)) return
  throw parameterInvalid(`The request URI contains an invalid name: ${name.slice(0, 128)}`)
}
