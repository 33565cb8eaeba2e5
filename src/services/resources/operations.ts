import { randomGuid } from '../../crypto/random.ts'
import { isJsonObject, type JsonObject } from '../../kernel/json.ts'
import type { OperationRow } from '../../store/records/resources/operation-rows.ts'
import type { Caller } from '../directory/caller.ts'
import { text } from './document.ts'
import type { EngineDeps } from './engine.ts'
import { refused } from './faults.ts'

/** A long-running operation as its poller sees it. */
export interface OperationStatus {
  readonly id: string
  readonly state: 'Running' | 'Succeeded' | 'Failed'
  readonly error: { readonly status: number; readonly code: string; readonly message: string } | null
}

export interface OperationStart {
  readonly subscriptionId: string
  readonly startedBy: string
}

type OperationDeps = Pick<EngineDeps, 'store'>

export async function beginOperation(
  { store }: OperationDeps,
  start: OperationStart,
  state: 'Running' | 'Succeeded' = 'Running',
): Promise<string> {
  const id: string = randomGuid()
  await store.operations.save({
    id,
    state: state === 'Running' ? 'running' : 'done',
    document: { ...start, state },
  })
  return id
}

export async function endOperation(
  { store }: OperationDeps,
  id: string,
  error: OperationStatus['error'],
): Promise<void> {
  const row = await store.operations.find(id)
  if (row !== null) await store.operations.save(ended(row, error))
}

/** What ran when the process ended did not end: its poller is told so. */
export async function failInterrupted({ store }: OperationDeps): Promise<void> {
  for (const row of await store.operations.listRunning()) {
    await store.operations.save(
      ended(row, {
        status: 409,
        code: 'OperationInterrupted',
        message: 'The service was stopped while the operation ran. Start it again.',
      }),
    )
  }
}

function ended(row: OperationRow, error: OperationStatus['error']): OperationRow {
  return {
    ...row,
    state: 'done',
    document: { ...row.document, state: error === null ? 'Succeeded' : 'Failed', error },
  }
}

/** For who began it, and for who may read operation results. @throws ResourceFault `OperationNotFound` */
export async function getOperation(
  { store, access }: Pick<EngineDeps, 'store' | 'access'>,
  caller: Caller,
  request: { readonly subscriptionId: string; readonly id: string },
): Promise<OperationStatus> {
  const row = await store.operations.find(request.id.toLowerCase())
  if (row === null || text(row.document, 'subscriptionId') !== request.subscriptionId) {
    throw refused(404, 'OperationNotFound', `The operation '${request.id}' could not be found.`)
  }
  if (text(row.document, 'startedBy') !== caller.principalId) {
    const scope = `/subscriptions/${request.subscriptionId}`
    await access.authorize(caller, 'Microsoft.Resources/subscriptions/operationresults/read', scope)
  }
  return fromDocument(row.id, row.document)
}

function fromDocument(id: string, document: JsonObject): OperationStatus {
  const state = document['state']
  const error = document['error']
  return {
    id,
    state: state === 'Succeeded' || state === 'Failed' ? state : 'Running',
    error: isJsonObject(error)
      ? { status: Number(error['status']), code: text(error, 'code'), message: text(error, 'message') }
      : null,
  }
}
