import { once } from 'node:events'
import { openSweepers } from './swept-files.ts'

/** A process to be killed: opens the sweepers of the folder that it is given, says so, and sweeps once it is told to. */
await using sweepers = await openSweepers(process.argv[2] ?? '')
process.stdout.write('ready\n')
await once(process.stdin, 'data')
await sweepers.sweep()
process.stdin.destroy()
