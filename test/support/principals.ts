import type { Login } from './azure-sdk.ts'
import type { Site } from './site.ts'

export interface TestPrincipal {
  readonly login: Login
  readonly principalId: string
}

/** A service principal with a password and no roles, made as `az ad sp create-for-rbac` makes one, without az. */
export async function makeServicePrincipal(
  { sdk, server }: Site,
  displayName: string,
): Promise<TestPrincipal> {
  const token = await sdk.credential.getToken(`${server.url('graph')}/.default`)
  const graph = async (path: string, body: object) => {
    const response = await fetch(`${server.url('graph')}/v1.0${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token?.token ?? ''}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as Readonly<Record<string, string>>
  }
  const { id = '', appId = '' } = await graph('/applications', { displayName })
  const { secretText = '' } = await graph(`/applications/${id}/addPassword`, {
    passwordCredential: { displayName: 'test' },
  })
  const principal = await graph('/servicePrincipals', { appId })
  return { login: { clientId: appId, secret: secretText }, principalId: principal['id'] ?? '' }
}
