import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellLine, shellQuote } from './shell.ts'

test('shellQuote() makes one word that a shell gives back as it was', () => {
  const word = fc.string({
    unit: fc.constantFrom(
      'a',
      ' ',
      "'",
      '"',
      '$',
      '`',
      '\\',
      '\n',
      '*',
      ';',
      '&',
      '!',
      '#',
      '한',
      '(',
      ')',
      '~',
      '-',
    ),
  })
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 20 }), (words) => {
      const said = execFileSync('sh', ['-c', `printf '%s\\0' ${words.map(shellQuote).join(' ')}`])
      expect(said.toString('utf8').split('\0').slice(0, -1)).toEqual(words)
    }),
    { numRuns: 50 },
  )
})

test('shellLine() leaves plain words as they are', () => {
  expect(shellLine(['chmod', '600', '/data/secrets/seal.key'])).toBe('chmod 600 /data/secrets/seal.key')
  expect(shellLine(['rm', '/my data/x'])).toBe("rm '/my data/x'")
  expect(shellLine(['printf', ''])).toBe("printf ''")
})
