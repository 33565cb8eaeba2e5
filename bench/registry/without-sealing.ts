/**
 * Preloaded into a server, puts two modules in the place of others, so that nothing is sealed at rest: neither extents nor
 * records. For the bench alone, which asks what sealing costs; the product has no such option.
 */
import { registerHooks } from 'node:module'

const replacements: ReadonlyMap<string, string> = new Map([
  [urlOf('../../src/store/bytes/sealed.ts'), urlOf('unsealed-bytes.ts')],
  [urlOf('../../src/crypto/seal.ts'), urlOf('unsealed-records.ts')],
])

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    const url = replacements.get(resolved.url)
    return url === undefined ? resolved : { ...resolved, url }
  },
})

function urlOf(path: string): string {
  return new URL(path, import.meta.url).href
}
