import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../src/crypto/digest.ts'
import { MacKey } from '../../src/crypto/mac-key.ts'
import { verifySecret } from '../../src/crypto/password.ts'
import { RecordKey } from '../../src/crypto/record-key.ts'
import { type ExtentBinding, RootKey, type RootKeyBinding } from '../../src/crypto/root-key.ts'
import { openStream, sealStream } from '../../src/crypto/stream.ts'
import { StreamLayout, sealedLength } from '../../src/crypto/stream-layout.ts'
import { TinkStream } from '../../src/crypto/tink-stream.ts'
import { bytes, ownVectors, pattern } from './vector-file.ts'

/** Made by strongroom-1.py, a second implementation of docs/format in another language over another library. */
const v = ownVectors<{
  readonly key: string
  readonly otherKey: string
  readonly context: string
  readonly record: { readonly plain: string; readonly sealed: string }
  readonly recordKeyId: string
  readonly wrappedRecordKey: string
  readonly wrappedMacKey: string
  readonly mac: string
  readonly extentBinding: ExtentBinding
  readonly wrappedExtentKey: string
  readonly extentStream: { readonly plain: string; readonly file: string }
  readonly rootBinding: RootKeyBinding
  readonly rootPayload: string
  readonly rootKeyId: string
  readonly secret: string
  readonly secretVerifier: string
  readonly streamExtentId: string
  readonly streams: readonly {
    readonly segmentBytes: number
    readonly length: number
    readonly header: string
    readonly sealedLength: number
    readonly sha256: string
  }[]
}>('strongroom-1.json')

const recordKey = () => RecordKey.fromBytes(bytes(v.key))
const other = () => RecordKey.fromBytes(bytes(v.otherKey))

test('a record sealed elsewhere opens', () => {
  expect(recordKey().open(v.context, bytes(v.record.sealed)).toString('hex')).toBe(v.record.plain)
  expect(recordKey().keyId).toBe(v.recordKeyId)
})

test('wrapped keys made elsewhere open as what they are', () => {
  expect(recordKey().unwrapRecordKey(v.context, bytes(v.wrappedRecordKey)).keyId).toBe(other().keyId)
  const tag = recordKey().unwrapMacKey(v.context, bytes(v.wrappedMacKey)).mac('c', bytes('00'))
  expect(MacKey.fromBytes(bytes(v.otherKey)).verify(tag, 'c', bytes('00'))).toBe(true)
})

test('a MAC made elsewhere is the same', () => {
  const made = MacKey.fromBytes(bytes(v.key)).mac(v.context, Buffer.from('a'), bytes(''), Buffer.from('bc'))
  expect(made.toString('hex')).toBe(v.mac)
})

test('a root key payload made elsewhere is taken, and what its key wrapped opens', () => {
  const root = RootKey.fromPayload(bytes(v.rootPayload), v.rootBinding)
  expect(root.keyId).toBe(v.rootKeyId)
  const extent = root.unwrapExtentKey(v.extentBinding, bytes(v.wrappedExtentKey))
  const { file, plain } = v.extentStream
  const opener = extent.opener(v.streamExtentId, bytes(file).subarray(0, 40), plain.length / 2)
  expect(opener.openSegment(0, bytes(file).subarray(40)).toString('hex')).toBe(plain)
  expect(root.unwrapRecordKey(v.context, bytes(v.wrappedRecordKey)).keyId).toBe(other().keyId)
})

test('a secret verifier made elsewhere is understood', () => {
  expect(verifySecret(v.secret, bytes(v.secretVerifier))).toBe(true)
  expect(verifySecret(`${v.secret} `, bytes(v.secretVerifier))).toBe(false)
})

describe('streams sealed elsewhere', () => {
  test.each(v.streams)('segments of $segmentBytes, $length bytes', (vector) => {
    const plain = pattern(sha256, vector.length, 'plain')
    const shape = { hash: 'sha256', keyBytes: 32, segmentBytes: vector.segmentBytes } as const
    const associated = Buffer.concat([Buffer.from([1]), Buffer.from(v.streamExtentId)])
    const resume = () =>
      TinkStream.resume(shape, createSecretKey(bytes(v.key)), associated, bytes(vector.header))!
    const sealer = sealStream(resume())
    const file = Buffer.concat([sealer.header, ...sealer.push(plain), ...sealer.finish()])
    expect(file.length).toBe(vector.sealedLength)
    expect(sealedLength(vector.length, vector.segmentBytes)).toBe(vector.sealedLength)
    expect(sha256(file).toString('hex')).toBe(vector.sha256)
    const layout = new StreamLayout(vector.length, vector.segmentBytes)
    const opener = openStream(resume(), 'x', vector.length)
    const opened = Array.from({ length: layout.segments }, (_, i) =>
      opener.openSegment(i, file.subarray(layout.fileStart(i), layout.fileEnd(i))),
    )
    expect(Buffer.concat(opened).equals(plain)).toBe(true)
  })
})
