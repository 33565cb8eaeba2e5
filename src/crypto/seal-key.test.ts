import { expect, test } from 'vitest'
import { generateSealKeyFile, parseSealKeyFile } from './seal-key.ts'

test('a generated seal key file is one line and gives the same key every time', () => {
  const text = generateSealKeyFile()
  expect(text).toMatch(/^strongroom-seal-key-1 [A-Za-z0-9_-]{43}\n$/)
  const [one, two] = [parseSealKeyFile(text), parseSealKeyFile(text)]
  expect(one?.id).toMatch(/^[0-9a-f]{32}$/)
  expect(one?.id).toBe(two?.id)
  const sealed = one!.recordKey.seal('c', Buffer.from('x'))
  expect(two!.recordKey.open('c', sealed).toString()).toBe('x')
  expect(parseSealKeyFile(generateSealKeyFile())?.id).not.toBe(one?.id)
})

test('line ends may be missing or of another system; anything else is no seal key file', () => {
  const line = generateSealKeyFile().trimEnd()
  const { id } = parseSealKeyFile(line)!
  expect(parseSealKeyFile(`${line}\r\n`)?.id).toBe(id)
  for (const text of [
    '',
    line.slice(0, -1),
    `${line}A`,
    `${line}\n\n`,
    ` ${line}`,
    line.replace('key-1', 'key-2'),
    line.replace(' ', '  '),
    `${line} comment`,
    `${line}=`,
  ]) {
    expect(parseSealKeyFile(text)).toBeNull()
  }
})
