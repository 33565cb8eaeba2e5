import type { OpenSource } from './copy-source.ts'
import { BlobFault } from './faults.ts'
import type { Tags } from './tags.ts'

export interface CopiedTags {
  readonly tags: Tags | null
  /** The source's in place of given ones: whoever asks for them was found to be permitted to read them. */
  readonly copiesTags: boolean
}

/** @throws BlobFault `copy-tags-ambiguous` */
export function tagsOfCopy({ own }: Pick<OpenSource, 'own'>, { tags, copiesTags }: CopiedTags): Tags | null {
  if (!copiesTags) return tags
  if (tags !== null) throw new BlobFault('copy-tags-ambiguous', {})
  return own?.state.doc.tags ?? null
}
