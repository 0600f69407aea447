#!/usr/bin/env node
/** `koa-docs-callback`: the program. Each command is a file of `commands/`; the doctor is a house of its own. */
import { doctor } from '../doctor/main.js'
import { manifest } from '../doctor/packages.js'
import { NoCommandError, UsageError } from './arguments.js'
import { drop } from './commands/drop.js'
import { forcesave } from './commands/forcesave.js'
import { forgotten } from './commands/forgotten.js'
import { info } from './commands/info.js'
import { license } from './commands/license.js'
import { recover } from './commands/recover.js'
import { sessions } from './commands/sessions.js'
import { version } from './commands/version.js'
import { DONE, FAILED, WRONG_USAGE } from './exit.js'
import { write } from './output.js'
import { runCommand } from './run.js'
import { SIMULATE, simulate } from './simulate.js'
import { usageOfAll } from './usage.js'

const COMMANDS = [forcesave, info, sessions, recover, forgotten, drop, license, version]
const ALL = [
  {
    name: 'doctor',
    summary: 'checks Docs server, callback address and Redis, and says what to do',
  },
  ...COMMANDS,
  SIMULATE,
]

async function main([name = '', ...args]: readonly string[]): Promise<number> {
  if (name === '--version') {
    await write(process.stdout, `${manifest.version}\n`)
    return DONE
  }
  if (name === '--help' || name === '-h') {
    await write(process.stdout, usageOfAll(ALL))
    return DONE
  }
  if (name === 'doctor') return doctor(args, process.env)
  if (name === SIMULATE.name) return simulate(args, process.env)
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return runCommand(command, args, process.env)
  // Not shown: it may be a secret whose option was forgotten.
  throw new NoCommandError('give one of the commands, before its options')
}

async function exitCode(args: readonly string[]): Promise<number> {
  try {
    return await main(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const help =
      error instanceof NoCommandError
        ? `\n${usageOfAll(ALL)}`
        : `koa-docs-callback ${args[0] ?? ''} --help tells all options\n`
    await write(process.stderr, `${error.message}\n${help}`)
    return WRONG_USAGE
  }
}

// Who was reading has gone, `| head` for one.
process.stdout.on('error', () => process.exit(FAILED))
// Deadlines alone would not keep this process waiting for them.
setInterval(() => {}, 60_000)
// Ended at once: a name that is still being looked up would hold it open.
process.exit(await exitCode(process.argv.slice(2)))
