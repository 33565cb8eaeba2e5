/**
 * What the primitives cost on this machine: `node bench/crypto.ts [stream|record|rsa|token]...`
 * Microseconds are of one thread; MB are 10^6 bytes of plaintext.
 */
import { hrtime } from 'node:process'
import { ExtentKey } from '../src/crypto/extent-key.ts'
import { MacKey } from '../src/crypto/mac-key.ts'
import { randomBytes } from '../src/crypto/random.ts'
import { RecordKey } from '../src/crypto/record-key.ts'
import { RootKey } from '../src/crypto/root-key.ts'
import { type RsaBits, RsaKey } from '../src/crypto/rsa-key.ts'
import { segmentsOf } from '../src/crypto/stream.ts'
import { TokenSigner, verifyToken } from '../src/crypto/token.ts'
import { KIB, MIB } from '../src/kernel/units.ts'

const CHUNK_BYTES = 64 * KIB

function seconds(run: () => void): number {
  const started = hrtime.bigint()
  run()
  return Number(hrtime.bigint() - started) / 1e9
}

/** The best of five: what else runs on the machine only ever adds. */
function best(run: () => void): number {
  return Math.min(...Array.from({ length: 5 }, () => seconds(run)))
}

function micros(name: string, times: number, run: () => void): void {
  for (let i = 0; i < times / 10; i++) run()
  const each = best(() => {
    for (let i = 0; i < times; i++) run()
  })
  console.log(`${name.padEnd(44)} ${((each / times) * 1e6).toFixed(2).padStart(9)} µs`)
}

async function microsAsync(name: string, times: number, inFlight: number, run: () => Promise<unknown>) {
  await run()
  const cpu = process.threadCpuUsage()
  const started = hrtime.bigint()
  let left = times
  const lane = async () => {
    while (left-- > 0) await run()
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  const each = Number(hrtime.bigint() - started) / 1e3 / times
  const used = process.threadCpuUsage(cpu)
  const own = (used.user + used.system) / times
  console.log(
    `${`${name}, ${inFlight} in flight`.padEnd(44)} ${each.toFixed(1).padStart(9)} µs, of this thread ${own.toFixed(1)} µs`,
  )
}

function streams(): void {
  const plain = randomBytes(32 * MIB)
  const chunks = Array.from({ length: plain.length / CHUNK_BYTES }, (_, i) =>
    plain.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES),
  )
  for (const segmentBytes of [16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, MIB]) {
    const seal = best(() => {
      const sealer = ExtentKey.generate().sealer('extent', segmentBytes)
      return [...chunks.flatMap((chunk) => [...sealer.push(chunk)]), ...sealer.finish()]
    })
    const key = ExtentKey.generate()
    const sealer = key.sealer('extent', segmentBytes)
    const file = Buffer.concat([
      sealer.header,
      ...chunks.flatMap((c) => [...sealer.push(c)]),
      ...sealer.finish(),
    ])
    const read = (start: number, end: number) => {
      const at = segmentsOf({ start, end }, plain.length, segmentBytes)
      const opener = key.opener('extent', file.subarray(0, 40), plain.length, segmentBytes)
      for (let i = at.first; i <= at.last; i++) {
        opener.openSegment(i, file.subarray(i === 0 ? 40 : i * segmentBytes, (i + 1) * segmentBytes))
      }
    }
    const open = best(() => read(0, plain.length))
    const rate = (each: number) => (plain.length / 1e6 / each).toFixed(0).padStart(5)
    console.log(`stream, segment ${segmentBytes / KIB} KiB: seal ${rate(seal)} MB/s, open ${rate(open)} MB/s`)
    let at = 0
    micros(`  read 4 KiB somewhere`, 2000, () => read((at = (at + 7_654_321) % (31 * MIB)), at + 4 * KIB))
    micros(`  read 64 KiB somewhere`, 2000, () => read((at = (at + 7_654_321) % (31 * MIB)), at + 64 * KIB))
  }
  const small = randomBytes(512)
  micros('stream of 512 B: new key, seal', 20_000, () => {
    const sealer = ExtentKey.generate().sealer('extent')
    return [...sealer.push(small), ...sealer.finish()]
  })
}

function records(): void {
  const key = RecordKey.generate()
  for (const bytes of [64, 1024, 16 * KIB]) {
    const plain = randomBytes(bytes)
    const sealed = key.seal('blob metadata', plain)
    micros(`record of ${bytes} B: seal`, 50_000, () => void key.seal('blob metadata', plain))
    micros(`record of ${bytes} B: open`, 50_000, () => void key.open('blob metadata', sealed))
  }
  const mac = MacKey.generate()
  const part = randomBytes(32)
  micros('mac of 32 B', 50_000, () => void mac.mac('digest', part))
  const root = RootKey.generate()
  const binding = { extentId: 'a'.repeat(32), length: 1, resourceId: 'b'.repeat(36), rootKeyId: root.keyId }
  const extent = ExtentKey.generate()
  const wrapped = root.wrapExtentKey(binding, extent)
  micros('extent key: wrap', 50_000, () => void root.wrapExtentKey(binding, extent))
  micros('extent key: unwrap', 50_000, () => void root.unwrapExtentKey(binding, wrapped))
}

async function rsa(): Promise<void> {
  for (const bits of [2048, 3072, 4096] satisfies RsaBits[]) {
    const key = await RsaKey.generate(bits)
    const cipher = await key.encrypt('RSA-OAEP-256', randomBytes(73))
    const times = bits === 2048 ? 2000 : 300
    await microsAsync(`RSA-${bits} wrap`, 2000, 1, () => key.encrypt('RSA-OAEP-256', randomBytes(73)))
    for (const inFlight of [1, 4, 16]) {
      await microsAsync(`RSA-${bits} unwrap`, times, inFlight, () => key.decrypt('RSA-OAEP-256', cipher))
    }
  }
}

async function tokens(): Promise<void> {
  const signer = await TokenSigner.generate()
  const keys = new Map([[signer.kid, signer]])
  const now = new Date()
  const seconds = Math.floor(now.getTime() / 1000)
  const claims = { aud: 'https://management.azure.com', iss: 'https://sts.windows.net/', oid: 'o', tid: 't' }
  const sign = () => signer.sign({ ...claims, exp: seconds + 3600, nbf: seconds })
  const token = await sign()
  await microsAsync('token: sign', 2000, 1, sign)
  await microsAsync('token: sign', 2000, 4, sign)
  await microsAsync('token: verify', 20_000, 1, () => verifyToken(token, keys, now))
}

const parts = { stream: streams, record: records, rsa, token: tokens }
const wanted = process.argv.slice(2)
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length === 0 || wanted.includes(name)) await run()
}
