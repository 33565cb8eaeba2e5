import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HttpFault } from './faults.ts'
import { compilePath, decodePath } from './path.ts'

/** Segments of any text that a path may hold. */
const segment = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/\p{Cc}\p{Cs}]/u.test(text) && text !== '.' && text !== '..')

test('decodePath() gives back what encodeURIComponent made of any segments', () => {
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 5 }), (segments) => {
      expect(decodePath(`/${segments.map(encodeURIComponent).join('/')}`)).toBe(`/${segments.join('/')}`)
    }),
  )
})

test('decodePath() decodes once: what was encoded twice stays encoded', () => {
  expect(decodePath('/a%252Fb%2541')).toBe('/a%2Fb%41')
})

test('decodePath() reads %2F as a slash and makes double slashes one', () => {
  expect(decodePath('//metadata///endpoints')).toBe('/metadata/endpoints')
  expect(decodePath('/a%2Fb')).toBe('/a/b')
  expect(decodePath('/a%2F%2Fb')).toBe('/a/b')
})

test.each([
  ['/a%00b', 'NUL'],
  ['/a%0Ab', 'a line feed'],
  ['/a%7F', 'DEL'],
  ['/a%C2%85', 'a C1 control'],
  ['/..', 'dots at the end'],
  ['/a/../b', 'dots between'],
  ['/a/%2e%2e/b', 'encoded dots'],
  ['/a%2f..%2fb', 'encoded slashes around dots'],
  ['/./a', 'one dot'],
  ['/a//../b', 'dots behind a double slash'],
  ['/%ff', 'invalid UTF-8'],
  ['/%c0%ae%c0%ae/', 'overlong dots'],
  ['/%ed%a0%80', 'a surrogate in UTF-8'],
  ['/%zz', 'no hexadecimal'],
  ['/%', 'a lone percent sign'],
  ['/\u00ed', 'a byte that had to be encoded'],
  ['a', 'no slash in front'],
])('decodePath() refuses %s (%s)', (raw) => {
  expect(() => decodePath(raw)).toThrow(expect.objectContaining({ code: 'path-malformed' }))
})

test('decodePath() either refuses with its fault or gives a path without dots, controls and double slashes', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '/',
      '%2f',
      '%2e',
      '.',
      '..',
      '%00',
      '%25',
      '%c3%a9',
      '%ff',
      '\\',
      '//',
      '%0d%0a',
      '~',
      "'",
    ),
    fc.string({ maxLength: 3 }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      let path: string
      try {
        path = decodePath(`/${parts.join('')}`)
      } catch (error) {
        expect(error).toBeInstanceOf(HttpFault)
        return
      }
      expect(path.startsWith('/')).toBe(true)
      expect(path.split('/').slice(1, -1)).not.toContain('')
      expect(path.split('/')).not.toContain('..')
      expect(path.split('/')).not.toContain('.')
      expect(path).not.toMatch(/\p{Cc}/u)
    }),
    { numRuns: 1_000 },
  )
})

test('compilePath() finds every placeholder of any path it was filled into', () => {
  const pattern = compilePath('/keys/{name}/versions/{version}', { ignoreCase: false })
  fc.assert(
    fc.property(segment, segment, (name, version) => {
      expect(pattern.match(`/keys/${name}/versions/${version}`)).toEqual({ name, version })
    }),
  )
})

test('compilePath() takes {name+} for one or more segments, whatever follows', () => {
  const pattern = compilePath('/v2/{name+}/manifests/{reference}', { ignoreCase: false })
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), segment, (names, reference) => {
      fc.pre(!names.includes('manifests') && reference !== 'manifests')
      const name = names.join('/')
      expect(pattern.match(`/v2/${name}/manifests/${reference}`)).toEqual({ name, reference })
    }),
  )
  expect(pattern.match('/v2/manifests/latest')).toBeNull()
})

test('compilePath() takes {version?} for an empty, a missing and a filled segment', () => {
  const pattern = compilePath('/keys/{name}/{version?}', { ignoreCase: false })
  expect(pattern.match('/keys/k')).toEqual({ name: 'k', version: '' })
  expect(pattern.match('/keys/k/')).toEqual({ name: 'k', version: '' })
  expect(pattern.match('/keys/k/v1')).toEqual({ name: 'k', version: 'v1' })
  expect(pattern.match('/keys/k/v1/x')).toBeNull()
  expect(pattern.match('/keys')).toBeNull()
})

test('compilePath() reads several placeholders in one segment', () => {
  const pattern = compilePath("/{table}(a='{a}',b='{b}')", { ignoreCase: false })
  expect(pattern.match("/orders(a='1',b='x y')")).toEqual({ table: 'orders', a: '1', b: 'x y' })
  expect(pattern.match("/orders(a='1')")).toBeNull()
})

test('compilePath() matches in any letter case only when asked to, and leaves parameters as they are', () => {
  expect(compilePath('/Keys/{name}', { ignoreCase: false }).match('/keys/K')).toBeNull()
  expect(compilePath('/Keys/{name}', { ignoreCase: true }).match('/kEYS/Mixed')).toEqual({ name: 'Mixed' })
})

test('compilePath() takes no character of a pattern for more than itself', () => {
  expect(compilePath('/a.b/(c)', { ignoreCase: false }).match('/axb/(c)')).toBeNull()
  expect(compilePath('/a.b/(c)', { ignoreCase: false }).match('/a.b/(c)')).toEqual({})
})

test('compilePath() keeps a line separator within a name', () => {
  expect(compilePath('/{name+}', { ignoreCase: false }).match('/a\u2028b/c')).toEqual({ name: 'a\u2028b/c' })
})

test.each(['/{a', '/a}', '/{a-b}', '/{a}{b+}', '/x{a?}{b}'])(
  'compilePath() refuses the pattern %s',
  (pattern) => {
    expect(() => compilePath(pattern, { ignoreCase: false })).toThrow(TypeError)
  },
)

test('compilePath() answers in milliseconds for the longest path a request line can bring', () => {
  const pattern = compilePath('/v2/{name+}/blobs/uploads/{id}', { ignoreCase: false })
  const path = `/v2${'/blobs/uploads'.repeat(2_000)}/x/y`
  const begun = performance.now()
  expect(pattern.match(path)).toBeNull()
  expect(performance.now() - begun).toBeLessThan(100)
})

test('compilePath() leaves a slash at the end to the name where paths are kept', () => {
  const kept = compilePath('/{container}/{blob+}', { ignoreCase: false, keepsSlash: true })
  expect(kept.match('/c/dir/')).toEqual({ container: 'c', blob: 'dir/' })
  expect(kept.match('/c//a')).toEqual({ container: 'c', blob: '/a' })
  expect(kept.match('/c/')).toBeNull()
  expect(compilePath('/{container}', { ignoreCase: false, keepsSlash: true }).match('/c/')).toEqual({
    container: 'c',
  })
})

test('decodePath() keeps slashes and dots where they are names', () => {
  expect(decodePath('/c//a/../b%2F/', true)).toBe('/c//a/../b//')
  expect(() => decodePath('/c/%00', true)).toThrow(HttpFault)
})
