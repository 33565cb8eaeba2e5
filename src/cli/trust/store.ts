import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** One thing to do, as root. */
export type Step =
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'run'; readonly command: readonly [string, ...string[]] }

export interface Machine {
  readonly platform: NodeJS.Platform
  /** `/`; tests have a folder in its place. */
  readonly root: string
}

interface TrustStore {
  /** Exists where this is the store of the machine. */
  readonly sign: string
  readonly folder: string
  readonly refresh: readonly [string, ...string[]]
  readonly refreshAfterRemoval: readonly [string, ...string[]]
}

const stores: readonly TrustStore[] = [
  {
    // Debian, Ubuntu, Alpine
    sign: '/usr/local/share/ca-certificates',
    folder: '/usr/local/share/ca-certificates',
    refresh: ['update-ca-certificates'],
    // Without --fresh the links of what is gone stay.
    refreshAfterRemoval: ['update-ca-certificates', '--fresh'],
  },
  {
    // Red Hat, Fedora, Amazon Linux
    sign: '/etc/pki/ca-trust/source/anchors',
    folder: '/etc/pki/ca-trust/source/anchors',
    refresh: ['update-ca-trust', 'extract'],
    refreshAfterRemoval: ['update-ca-trust', 'extract'],
  },
  {
    // SUSE
    sign: '/etc/pki/trust/anchors',
    folder: '/etc/pki/trust/anchors',
    refresh: ['update-ca-certificates'],
    refreshAfterRemoval: ['update-ca-certificates'],
  },
  {
    // Arch
    sign: '/etc/ca-certificates/trust-source/anchors',
    folder: '/etc/ca-certificates/trust-source/anchors',
    refresh: ['update-ca-trust'],
    refreshAfterRemoval: ['update-ca-trust'],
  },
]

const KEYCHAIN = '/Library/Keychains/System.keychain'

/**
 * What puts the CA into the machine's trust store, or takes it out. One file for each base domain: a new CA of the same
 * domain takes the place of the old one.
 *
 * @returns null for a machine whose store is not known
 */
export function storeSteps(
  { platform, root }: Machine,
  {
    caFile,
    domain,
    isRemoval,
  }: { readonly caFile: string; readonly domain: string; readonly isRemoval: boolean },
): readonly Step[] | null {
  if (platform === 'darwin') {
    return isRemoval
      ? [{ kind: 'run', command: ['security', 'remove-trusted-cert', '-d', caFile] }]
      : [
          {
            kind: 'run',
            command: ['security', 'add-trusted-cert', '-d', '-r', 'trustRoot', '-k', KEYCHAIN, caFile],
          },
        ]
  }
  const store = platform === 'linux' ? stores.find(({ sign }) => existsSync(join(root, sign))) : undefined
  if (store === undefined) return null
  const path = join(root, store.folder, `strongroom-${domain}.crt`)
  return isRemoval
    ? [
        { kind: 'delete', path },
        { kind: 'run', command: store.refreshAfterRemoval },
      ]
    : [
        { kind: 'copy', from: caFile, to: path },
        { kind: 'run', command: store.refresh },
      ]
}

/**
 * What makes the Docker daemon (and Podman, skopeo, buildah, which read the same folder) trust one registry, at once and
 * without a restart. The folder is named after the registry's host and port, and knows no wildcard.
 */
export function registryStep(
  { root }: Machine,
  {
    caFile,
    host,
    isRemoval,
  }: { readonly caFile: string; readonly host: string; readonly isRemoval: boolean },
): Step {
  const path = join(root, '/etc/docker/certs.d', host, 'ca.crt')
  return isRemoval ? { kind: 'delete', path } : { kind: 'copy', from: caFile, to: path }
}
