import { defineConfig } from 'vitest/config'

/** MSAL settles on one source of managed identities for the life of a process. */
const oneProcessEach = ['src/wire/managed-identity/*.test.ts']
const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/vectors/**/*.test.ts'],
          exclude: oneProcessEach,
          // No test can see a module's state, where there is any: files share a process, and what it has loaded.
          isolate: false,
          restoreMocks: true,
          unstubEnvs: true,
          ...timeouts,
        },
      },
      { test: { name: 'unit-processes', include: oneProcessEach, ...timeouts } },
      {
        test: {
          name: 'system',
          include: ['test/{tools,conformance,e2e,canary,crash,concurrency,faults}/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 240_000,
        },
      },
      {
        // Needs root and loop devices: `npm run test:powercut`.
        test: {
          name: 'powercut',
          include: ['test/powercut/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 240_000,
        },
      },
    ],
    pool: 'forks',
    // More than the two processors that the gate has: many tests wait for time to pass.
    maxWorkers: 3,
  },
})
