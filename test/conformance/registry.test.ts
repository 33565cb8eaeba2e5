import { afterAll, expect, it } from 'vitest'
import { openRegistryBench, serveRegistry } from '../support/registry-bench.ts'
import { registryConformance } from './registry-conformance.ts'
import { plainTarget } from './registry-target.ts'

const bench = await openRegistryBench()
const served = await serveRegistry(bench)
afterAll(async () => {
  await served.close()
  await bench[Symbol.asyncDispose]()
})

registryConformance('the registry on the real pipeline and stores', async () => plainTarget(served.url))

it('met nothing that nobody foresaw', () => {
  expect(served.bugs).toEqual([])
})
