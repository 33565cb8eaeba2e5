/* The layers of the project, held as errors: who may import whom. */
const only = (layer, ...allowed) => ({
  name: `${layer}-imports-only-${['itself', ...allowed].join('-')}`,
  severity: 'error',
  from: { path: `^src/${layer}/`, pathNot: '\\.(test|contract)\\.ts$' },
  to: { path: '^src/', pathNot: `^src/(${[layer, ...allowed].join('|')})/` },
})
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    only('kernel'),
    only('observe', 'kernel'),
    only('config', 'kernel'),
    only('crypto', 'kernel'),
    only('http', 'kernel', 'observe'),
    only('store', 'kernel', 'observe', 'crypto'),
    only('services', 'kernel', 'observe', 'crypto', 'store'),
    only('wire', 'kernel', 'observe', 'http', 'services'),
    {
      name: 'protocols-are-strangers',
      severity: 'error',
      from: { path: '^src/wire/([^/]+)/' },
      to: { path: '^src/wire/', pathNot: '^src/wire/(shared|$1)/' },
    },
    {
      name: 'drivers-are-wired-in-server-only',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(server|cli)/|\\.test\\.ts$|^src/store/' },
      to: { path: '^src/store/(records/sqlite|bytes/files)/' },
    },
    {
      name: 'crypto-primitives-live-in-crypto',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/crypto/|\\.test\\.ts$|/testing/' },
      to: { path: '^(node:)?crypto$|node_modules/(jose|@noble|@peculiar|asn1js)' },
    },
    {
      name: 'sql-lives-in-store',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(kysely|pg)|^(node:)?sqlite$' },
    },
    {
      name: 'environment-is-read-in-config',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(config|cli|server)/|\\.test\\.ts$' },
      to: { path: '^(node:)?process$' },
    },
    {
      name: 'no-tests-in-code',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.(test|contract)\\.ts$' },
      to: { path: '^(test|bench)/|\\.(test|contract)\\.ts$' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
}
