import type { Page } from '../../kernel/page.ts'
import { findContainer } from '../../store/records/blob/containers.ts'
import { type TaggedQuery, type TaggedRow, findTagged } from '../../store/records/blob/tags.ts'
import { BASE } from '../../store/records/blob/blobs.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { getContainer } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import { type TagTerm, holds, parseTagExpression } from './tag-expression.ts'
import type { Tags } from './tags.ts'

export interface FindBlobs {
  /** `"a" = 'x' AND "b" >= '1' AND @container = 'c'` */
  readonly where: string
  /** Its name; null: all of the account. */
  readonly container: string | null
  readonly from: TaggedMarker | null
  readonly limit: number
}

/** The first blob of a page: its container's id, and its name. */
export interface TaggedMarker {
  readonly container: string
  readonly name: string
}

export interface TaggedBlob {
  readonly container: string
  readonly name: string
  /** Those that were asked for. */
  readonly tags: Tags
}

/**
 * Base blobs that have the tags, all of them at once.
 * https://learn.microsoft.com/rest/api/storageservices/find-blobs-by-tags
 *
 * @throws BlobFault `query-invalid`, `container-not-found`
 */
export async function findBlobs(
  { records, keyring }: Pick<BlobDeps, 'records' | 'keyring'>,
  account: StorageAccount,
  { where, container, from, limit }: FindBlobs,
): Promise<Page<TaggedBlob, TaggedMarker>> {
  const { terms, containers } = parseWhere(where)
  const seal = await openService(keyring, account)
  const db = records.read
  const id = container === null ? null : (await getContainer(db, seal, container)).id
  const wanted = new Set(container === null ? containers : [container, ...containers])
  if (wanted.size > 1) return { items: [], next: null }
  const [named] = containers
  const found = named === undefined ? null : await findContainer(db, account.uid, named)
  if (named !== undefined && found === null) return { items: [], next: null }
  const query = { account: account.uid, indexes: indexesOf(seal, terms), container: id ?? found?.id ?? null }
  return await page({ find: (next) => findTagged(db, { ...query, ...next }), seal, terms }, { from, limit })
}

interface Search {
  readonly find: (next: Pick<TaggedQuery, 'from' | 'limit'>) => Promise<readonly TaggedRow[]>
  readonly seal: ServiceSeal
  readonly terms: readonly TagTerm[]
}

/** Reads on until the page is full: an index tells only that a tag is there, its document what it is. */
async function page(
  { find, seal, terms }: Search,
  { from, limit }: Pick<FindBlobs, 'from' | 'limit'>,
): Promise<Page<TaggedBlob, TaggedMarker>> {
  const items: TaggedBlob[] = []
  let next = from
  for (;;) {
    const some = limit + 1 - items.length
    const rows = await find({ from: next, limit: some })
    for (const row of rows) {
      const { container, name, containerName } = row
      const { tags } = seal.blob.openInPassing({ ...row, moment: BASE }, row.sealed)
      if (tags === null || !terms.every((term) => holds(term, tags))) continue
      if (items.length === limit) return { items, next: { container, name } }
      items.push({ container: containerName, name, tags: asked(tags, terms) })
    }
    const last = rows.at(-1)
    if (rows.length < some || last === undefined) return { items, next: null }
    next = { container: last.container, name: `${last.name}\u0000` }
  }
}

function asked(tags: Tags, terms: readonly TagTerm[]): Tags {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => terms.some(({ key }) => key === name)))
}

/** Of each tag, its value where one alone will do. */
function indexesOf(seal: ServiceSeal, terms: readonly TagTerm[]): TaggedQuery['indexes'] {
  const [first, ...others] = [...terms].sort(
    (a, b) => Number(b.operator === '=') - Number(a.operator === '='),
  )
  if (first === undefined) throw new TypeError('a search without a tag')
  const indexOf = ({ key, operator, value }: TagTerm) => seal.tagIndex(key, operator === '=' ? value : null)
  return [indexOf(first), ...others.map(indexOf)]
}

function parseWhere(where: string): {
  readonly terms: readonly TagTerm[]
  readonly containers: readonly string[]
} {
  const invalid = (reason: string) =>
    new BlobFault('query-invalid', { name: 'where', value: where.slice(0, 200), reason })
  const [all, ...others] = parseTagExpression(where) ?? []
  if (all === undefined) throw invalid('Not an expression over tags.')
  if (others.length > 0 || all.some(({ operator }) => operator === '<>'))
    throw invalid('OR and <> are for conditions alone.')
  const terms = all.filter(({ key }) => key !== '@container')
  const containers = all.filter(({ key }) => key === '@container')
  if (terms.some(({ key }) => key.startsWith('@'))) throw invalid('@ is for @container alone.')
  if (containers.some(({ operator }) => operator !== '=')) throw invalid('@container takes = alone.')
  if (terms.length === 0) throw invalid('There is no tag in it.')
  if (hasTwoOfOneSide(terms)) throw invalid('Two bounds of one side of a tag.')
  return { terms, containers: containers.map(({ value }) => value) }
}

function hasTwoOfOneSide(terms: readonly TagTerm[]): boolean {
  const sides = terms.map(({ key, operator }) => `${operator.charAt(0)}${key}`)
  return new Set(sides).size < sides.length
}
