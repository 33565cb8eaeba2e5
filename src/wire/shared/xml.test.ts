import { describe, expect, it } from 'vitest'
import { childText, parseXml, writeXml } from './xml.ts'

const parse = (text: string) => parseXml(Buffer.from(text))

describe('parseXml()', () => {
  it('reads elements in order, texts, entities and a byte order mark', () => {
    const read = parse(
      '\ufeff<?xml version="1.0"?>\n<BlockList><Latest>YQ==</Latest><Committed>a&amp;&#65;</Committed></BlockList>',
    )
    expect(read?.name).toBe('BlockList')
    expect(read?.children.map(({ name, text }) => [name, text])).toEqual([
      ['Latest', 'YQ=='],
      ['Committed', 'a&A'],
    ])
    expect(parse('<a><b/> <b>x</b></a>')?.children).toHaveLength(2)
  })

  it.each([
    '',
    'text',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    '<a>&unknown;</a>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<a \u0000/>',
    `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
  ])('refuses %j', (text) => {
    expect(parse(text)).toBeNull()
  })

  it('refuses what is not UTF-8', () => {
    expect(parseXml(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]))).toBeNull()
  })

  it('gives back what writeXml() wrote', () => {
    const text = `<>&"' ä \u{1f600}`
    const read = parse(
      writeXml([
        'Root',
        [
          ['Text', text],
          ['Empty', null],
        ],
        { Attribute: '<"' },
      ]),
    )
    expect(read === null ? null : childText(read, 'Text')).toBe(text)
  })
})

it('writeXml() never writes what no document may hold', () => {
  expect(parse(writeXml(['a', 'x\u0000\ud800y']))?.text).toBe('x\ufffd\ufffdy')
})
