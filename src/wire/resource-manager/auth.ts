import type { RequestHead } from '../../http/operation.ts'
import { type Endpoints, audienceOf } from '../../kernel/endpoints.ts'
import type { Caller } from '../../services/directory/caller.ts'
import type { Directory } from '../../services/directory/directory.ts'
import { DirectoryFault } from '../../services/directory/faults.ts'

export interface AuthDeps {
  readonly directory: Pick<Directory, 'authenticate'>
  readonly endpoints: Endpoints
}

/** The bearer token of RFC 6750 section 2.1, addressed to the resource manager. @throws DirectoryFault */
export async function authenticate({ directory, endpoints }: AuthDeps, head: RequestHead): Promise<Caller> {
  const token = /^Bearer +([\w.~+/-]+=*) *$/i.exec(head.headers.get('authorization') ?? '')?.[1]
  if (token === undefined) throw new MissingToken()
  return await directory.authenticate(token, [audienceOf(endpoints, 'management')])
}

/** No token at all: told apart from one that is refused. */
export class MissingToken extends DirectoryFault<'token-malformed'> {
  constructor() {
    super('token-malformed', {})
  }
}
