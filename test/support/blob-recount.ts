import { openBlob } from '../../src/services/blob/blob-rows.ts'
import { refsOf } from '../../src/services/blob/parts.ts'
import { openService } from '../../src/services/blob/service-seal.ts'
import type { BlobBench } from './blob-bench.ts'

/** Whose blobs are counted. */
type Counted = Pick<BlobBench, 'account' | 'others'> & {
  readonly process: Pick<BlobBench['process'], 'keyring' | 'data'>
}

/**
 * Counts anew, from all that names anything, how often each node of a map and each extent is named; what says otherwise, and what
 * is missing. Of the bench's accounts, which must be the only ones.
 */
export async function miscounts({ process, account, others }: Counted): Promise<readonly string[]> {
  const db = process.data.read
  const counts = new Map<string, number>()
  const count = (name: string | null) => name !== null && counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const one of [account, ...others]) {
    const seal = await openService(process.keyring, one)
    const containers = db.selectFrom('blob_containers').select('id').where('account', '=', one.uid)
    const blobs = db.selectFrom('blob_blobs').selectAll().where('container', 'in', containers)
    for (const row of await blobs.execute()) {
      const { extents } = openBlob(seal, row).doc
      if ('map' in extents) count(extents.map)
      else refsOf(extents.parts).forEach(count)
    }
    const nodes = db.selectFrom('blob_map_nodes').selectAll().where('account', '=', one.uid)
    for (const { node, sealed } of await nodes.execute()) {
      const [, second, parts = []] = seal.node.open({ node }, sealed)
      const named =
        typeof second === 'number' ? parts.map(([, ref]) => ref) : second.map(([, child]) => child)
      named.forEach(count)
    }
  }
  for (const { ref } of await db.selectFrom('blob_blocks').select('ref').execute()) count(ref)
  const nodes = await db.selectFrom('blob_map_nodes').select(['node', 'uses', 'doomed_at']).execute()
  const extents = await db.selectFrom('blob_extents').select(['ref', 'uses', 'doomed_at']).execute()
  const rows = [
    ...extents.map(({ ref, ...row }) => ({ name: ref, ...row })),
    ...nodes.map(({ node, ...row }) => ({ name: node, ...row })),
  ]
  const there = new Set(rows.map(({ name }) => name))
  return [
    ...rows
      .filter(
        ({ name, uses, doomed_at }) => uses !== (counts.get(name) ?? 0) || (doomed_at === null) !== uses > 0,
      )
      .map(({ name, uses }) => `${name}: ${uses} for ${counts.get(name) ?? 0}`),
    ...[...counts.keys()].filter((name) => !there.has(name)).map((name) => `${name} is missing`),
  ]
}

/** Files that no extent has, and extents whose file is missing. */
export async function strayFiles({ process, bytes }: BlobBench): Promise<readonly string[]> {
  const rows = await process.data.read
    .selectFrom('blob_extents')
    .select('ref')
    .where('is_inline', '=', 0)
    .execute()
  const named = new Set<string>(rows.map(({ ref }) => ref))
  const strays: string[] = []
  for await (const { ref } of bytes.list()) if (!named.delete(ref)) strays.push(`${ref} is nobody's`)
  return [...strays, ...[...named].map((ref) => `${ref} is missing`)]
}
