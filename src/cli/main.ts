#!/usr/bin/env node
/*
 * Only the check of Node's version may be imported before it has passed: an older one stops at the syntax of the rest with a
 * message that helps nobody.
 */
const NODE_MAJOR = 26

const major = Number(process.versions.node.split('.')[0])
if (major === NODE_MAJOR) {
  const { run } = await import('./program.ts')
  process.exitCode = await run(process.argv.slice(2))
} else {
  process.stderr.write(
    `strongroom: this is Node ${process.versions.node}, and Node ${NODE_MAJOR} is needed. ` +
      'It comes with the project: type `npm ci`, then `npm start`, or `npm run strongroom -- <command>`\n',
  )
  process.exitCode = 1
}
