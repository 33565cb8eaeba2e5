import type { RequestHead } from '../../http/operation.ts'
import { audienceOf } from '../../kernel/endpoints.ts'
import type { Caller } from '../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from './deps.ts'
import { GraphFault } from './faults.ts'

/** @throws GraphFault `token-missing`; DirectoryFault; DirectoryObjectFault `not-administrator` */
export async function admitToGraph(
  { directory, endpoints }: GraphDeps,
  head: RequestHead,
  needs: GraphNeed | null,
): Promise<Caller> {
  const token = /^Bearer +(\S+)$/i.exec(head.headers.get('authorization') ?? '')?.[1]
  if (token === undefined) throw new GraphFault('token-missing', {})
  const caller = await directory.authenticate(token, [audienceOf(endpoints, 'graph')])
  if (needs === 'write') directory.assertAdministrator(caller.principalId)
  return caller
}
