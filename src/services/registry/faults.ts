import { Fault } from '../../kernel/fault.ts'

/** What the registry's content refuses, with the facts a client may see. Who may do it at all: registry-identity.ts. */
export interface RegistryFaults {
  'name-invalid': { readonly name: string }
  'name-unknown': { readonly name: string }
  'tag-invalid': { readonly tag: string }
  'too-many-tags': { readonly max: number }
  'digest-invalid': { readonly digest: string; readonly reason: string }
  'manifest-unknown': { readonly name: string; readonly reference: string }
  'manifest-invalid': { readonly reason: string }
  'manifest-too-large': { readonly maxBytes: number }
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
  /** What is stored was altered, moved or cut off, or is missing: which of these is not told apart. */
  'content-damaged': object
}

export class RegistryFault<K extends keyof RegistryFaults = keyof RegistryFaults> extends Fault<
  RegistryFaults,
  K
> {
  override readonly name = 'RegistryFault'
}
