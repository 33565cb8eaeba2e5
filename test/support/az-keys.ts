import type { Az } from './az.ts'

/** What az prints of a key; `key` has more members with the native commands. */
export interface AzKey {
  readonly key: Readonly<Record<string, unknown>> & { readonly kid: string; readonly kty: string }
  readonly attributes: Readonly<Record<string, unknown>>
}

/** `az keyvault key ...`, or with an az whose package broke those commands the same requests through `az rest`. */
export interface AzKeys {
  create(vault: string, name: string): Promise<AzKey>
  show(vault: string, name: string): Promise<AzKey>
  /** Ids with versions. */
  listVersions(vault: string, name: string): Promise<readonly string[]>
  setEnabled(keyId: string, isEnabled: boolean): Promise<void>
  delete(vault: string, name: string): Promise<void>
  recover(vault: string, name: string): Promise<void>
  /** @returns the error text */
  failsToPurge(vault: string, name: string): Promise<string>
}

export function azKeys(az: Az, port: number): AzKeys {
  return az.cli.keyCommands === 'native' ? native(az) : byRest(az, port)
}

function native(az: Az): AzKeys {
  const at = (vault: string, name: string) => ['--vault-name', vault, '--name', name]
  return {
    create: (vault, name) => az('keyvault', 'key', 'create', ...at(vault, name)),
    show: (vault, name) => az('keyvault', 'key', 'show', ...at(vault, name)),
    async listVersions(vault, name) {
      const versions = await az<readonly { readonly kid: string }[]>(
        ...['keyvault', 'key', 'list-versions', ...at(vault, name)],
      )
      return versions.map(({ kid }) => kid)
    },
    async setEnabled(keyId, isEnabled) {
      await az('keyvault', 'key', 'set-attributes', '--id', keyId, '--enabled', String(isEnabled))
    },
    async delete(vault, name) {
      await az('keyvault', 'key', 'delete', ...at(vault, name))
    },
    async recover(vault, name) {
      await az('keyvault', 'key', 'recover', ...at(vault, name))
    },
    failsToPurge: (vault, name) => az.fails('keyvault', 'key', 'purge', ...at(vault, name)),
  }
}

function byRest(az: Az, port: number): AzKeys {
  const origin = (vault: string) => `https://${vault}.vault.localhost:${port}`
  const request = (method: string, url: string, body?: object) => [
    ...['rest', '--method', method, '--resource', `https://vault.localhost:${port}`],
    ...['--url', `${url}?api-version=7.4`],
    ...(body === undefined ? [] : ['--body', JSON.stringify(body)]),
  ]
  return {
    create: (vault, name) => az(...request('post', `${origin(vault)}/keys/${name}/create`, { kty: 'RSA' })),
    show: (vault, name) => az(...request('get', `${origin(vault)}/keys/${name}/`)),
    async listVersions(vault, name) {
      const { value } = await az<{ readonly value: readonly { readonly kid: string }[] }>(
        ...request('get', `${origin(vault)}/keys/${name}/versions`),
      )
      return value.map(({ kid }) => kid)
    },
    async setEnabled(keyId, isEnabled) {
      await az(...request('patch', keyId, { attributes: { enabled: isEnabled } }))
    },
    async delete(vault, name) {
      await az(...request('delete', `${origin(vault)}/keys/${name}`))
    },
    async recover(vault, name) {
      await az(...request('post', `${origin(vault)}/deletedkeys/${name}/recover`))
    },
    failsToPurge: (vault, name) => az.fails(...request('delete', `${origin(vault)}/deletedkeys/${name}`)),
  }
}
