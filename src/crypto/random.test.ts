import { describe, expect, it } from 'vitest'
import { randomHex, randomSalt } from './random.ts'

describe('random names and salts', () => {
  it('never come twice, from one block fetched ahead to the next', () => {
    const made = Array.from({ length: 1_000 }, () => [randomSalt(16).toString('hex'), randomHex(12)]).flat()
    expect(new Set(made).size).toBe(2_000)
    expect(new Set(made.map((text) => text.length))).toEqual(new Set([32, 24]))
    const pieces = made.flatMap((text) => text.match(/.{8}/g) ?? [])
    expect(new Set(pieces).size).toBeGreaterThan(pieces.length - 10)
  })

  it('keep what they are, whatever is asked for next', () => {
    const salt = randomSalt(16)
    const before = Buffer.from(salt)
    for (let times = 0; times < 1_000; times++) randomSalt(16)
    expect(salt).toEqual(before)
  })

  it('are whole where more is asked for than is fetched ahead', () => {
    const long = randomSalt(5_000)
    expect(long).toHaveLength(5_000)
    expect(long.subarray(4_900)).not.toEqual(Buffer.alloc(100))
  })
})
