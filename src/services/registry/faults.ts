import { Fault } from '../../kernel/fault.ts'

/** One thing that a caller wanted to do: an entry of a challenge's scope. */
export interface RegistryAccess {
  readonly type: 'repository' | 'registry'
  readonly name: string
  /** As a token's scope spells it: `pull`, `metadata_read`, `*`. */
  readonly action: string
}

/** What the registry refuses, with the facts a client may see. */
export interface RegistryFaults {
  /** No token, or none that holds: 401 with a challenge for `access`. `host` is the login server. */
  unauthenticated: { readonly host: string; readonly access: readonly RegistryAccess[] }
  /** Authenticated, and not allowed. */
  denied: { readonly access: readonly RegistryAccess[]; readonly reason?: string }
  /** The host names no registry. */
  'registry-unknown': { readonly host: string }
  'name-invalid': { readonly name: string }
  'name-unknown': { readonly name: string }
  'tag-invalid': { readonly tag: string }
  'too-many-tags': { readonly max: number }
  'digest-invalid': { readonly digest: string; readonly reason: string }
  'manifest-unknown': { readonly name: string; readonly reference: string }
  'manifest-invalid': { readonly reason: string }
  /** The manifest names blobs that the repository does not have. */
  'manifest-blob-unknown': { readonly digests: readonly string[] }
  'blob-unknown': { readonly digest: string }
  'upload-unknown': { readonly uploadId: string }
  'upload-invalid': { readonly reason: string }
  /** A chunk that does not begin where the upload ends. The session stays usable. */
  'upload-range-invalid': {
    readonly name: string
    readonly uploadId: string
    readonly range: string
    readonly size: number
  }
  /** The body is not as long as was announced. */
  'size-invalid': { readonly reason: string }
  'range-not-satisfiable': { readonly size: number }
  'page-size-invalid': { readonly n: string }
  'attributes-invalid': { readonly reason: string }
  /** A lock on the repository, manifest or tag forbids it. */
  'operation-disallowed': { readonly name: string; readonly reference: string | null }
}

export class RegistryFault<K extends keyof RegistryFaults = keyof RegistryFaults> extends Fault<
  RegistryFaults,
  K
> {
  override readonly name = 'RegistryFault'
}
