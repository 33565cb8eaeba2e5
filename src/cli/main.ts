#!/usr/bin/env node
import { Command } from 'commander'
import { ConfigError } from '../config/config.ts'
import { upCommand } from './up.ts'

const program = new Command('strongroom').description('Container registry and storage sealed under keys that its customer holds').addCommand(upCommand())
try {
  await program.parseAsync()
} catch (error) {
  console.error(error instanceof ConfigError ? error.message : error)
  process.exitCode = 1
}
