import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { type PromiseEntry, later, promises } from './promises-list.ts'

/**
 * `node test/promises.ts` writes docs/promises.md from the reports of the last test run; with `--check` it fails when a
 * promise is not proven, or when the page is not what it would write.
 */
const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/promises.md')

interface Proof {
  readonly file: string
  readonly title: string
  readonly status: string
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[]
  }[]
}

const proofs = await readProofs()
const problems = [...strangers(proofs), ...promises.flatMap((entry) => problemsOf(entry, proofs))]
const text = pageOf(proofs)
if (process.argv.includes('--check')) {
  const written = await readFile(page, 'utf8').catch(() => '')
  if (written !== text) problems.push('docs/promises.md is out of date: type `node test/promises.ts`')
} else {
  await mkdir(join(root, 'docs'), { recursive: true })
  await writeFile(page, text)
}
for (const problem of problems) console.error(problem)
console.log(`${promises.length - unproven(proofs)} of ${promises.length} promises proven`)
process.exitCode = problems.length > 0 ? 1 : 0

/** By promise: a title begins with the ids of what it proves, `A12` or `A12, A13`. */
async function readProofs(): Promise<ReadonlyMap<string, readonly Proof[]>> {
  const found = new Map<string, Proof[]>()
  for (const project of ['unit', 'system']) {
    const { testResults } = await readReport(project)
    for (const { name, assertionResults } of testResults) {
      for (const { title, status } of assertionResults) {
        const ids = /^[AB]\d\d(?:, [AB]\d\d)*(?= )/.exec(title)?.[0].split(', ') ?? []
        for (const id of ids) {
          const proof = { file: relative(root, name), title: title.replace(/^\S+ /, ''), status }
          found.set(id, [...(found.get(id) ?? []), proof])
        }
      }
    }
  }
  return found
}

async function readReport(project: string): Promise<Report> {
  const file = join(root, 'test-results', `${project}.json`)
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Report
  } catch (cause) {
    throw new Error(`${file} is not there or not whole: run \`npm test\` first`, { cause })
  }
}

function strangers(proofs: ReadonlyMap<string, readonly Proof[]>): string[] {
  const known = new Set(promises.map(({ id }) => id))
  return [...proofs.entries()]
    .filter(([id]) => !known.has(id))
    .map(([id, [proof]]) => `${proof?.file ?? ''}: ${id} is not in test/promises-list.ts`)
}

/** A test that was skipped, for a program that this machine cannot run, proves nothing and breaks nothing. */
function problemsOf({ id, promise }: PromiseEntry, proofs: ReadonlyMap<string, readonly Proof[]>): string[] {
  const all = proofs.get(id) ?? []
  const failed = all.filter(({ status }) => status === 'failed')
  if (failed.length > 0) return failed.map(({ file, title }) => `${id} failed: ${file}: ${title}`)
  return isProven(all) ? [] : [`${id} is not proven: ${promise}`]
}

function isProven(all: readonly Proof[]): boolean {
  return all.some(({ status }) => status === 'passed') && all.every(({ status }) => status !== 'failed')
}

function unproven(proofs: ReadonlyMap<string, readonly Proof[]>): number {
  return promises.filter(({ id }) => !isProven(proofs.get(id) ?? [])).length
}

function pageOf(proofs: ReadonlyMap<string, readonly Proof[]>): string {
  const rows = promises.map(({ id, promise, note }) => {
    const all = [...(proofs.get(id) ?? [])].sort((a, b) => compare(a.file + a.title, b.file + b.title))
    const by = all.map(({ file, title }) => `[${fileName(file)}](../${file}): ${title}`).join('<br>')
    const words = note === undefined ? promise : `${promise}<br>_${note}_`
    return [id, words, by, isProven(all) ? 'passed' : 'not proven']
  })
  const table = [['', 'promise', 'proved by', 'result'], ['-', '-', '-', '-'], ...rows]
  const cells = table.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  const rest = later.map(({ ids, what }) => `- ${ids}: ${what}`)
  return `# Promises, and the tests that prove them

Azure's documents on registries (A) and storage accounts (B) with customer-managed keys promise what stands here, in our words.
Each is proven by tests that drive a started server with clients as they are: az, Docker, skopeo, buildah, rclone, Microsoft's SDKs. In italics: where the
line that is typed today is another than the document's, or the answer is our choice. This page is made from the results of
the tests (\`node test/promises.ts\`); \`npm test\` fails when it is out of date or a promise is not proven.

${cells.join('\n')}

Not kept yet:

${rest.join('\n')}
`
}

function fileName(file: string): string {
  return file.split('/').at(-1) ?? file
}

/** By code unit: the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
