/** What `--help` says. */
import type { Command } from './command.js'

const SHARED = `  --server URL        where this machine reaches the Docs server; else DOCS_URL
  --json              one JSON document instead of lines
  --options FILE      a module with what the application gives to createDocs(): nodes, tokens, refOf and the like
  --help              this`

const REDIS = `  --redis URL         the Redis of the application; else REDIS_URL
  --prefix NAME       its option prefix (docs)`

const EXIT = `The secret is read from DOCS_SECRET: one, or two lines while it is being changed.
Exit code: 0 done; 1 something failed; 2 wrong usage; 3 nothing failed, but not all of it is certain.
`

export const usageOf = ({ usage, needsRedis }: Command): string =>
  `${usage}\n${needsRedis ? `${REDIS}\n` : ''}${SHARED}\n\n${EXIT}`

const WIDTH = 11

export function usageOfAll(commands: readonly Pick<Command, 'name' | 'summary'>[]): string {
  const list = commands.map(({ name, summary }) => `  ${name.padEnd(WIDTH)} ${summary}`)
  return `Usage: koa-docs-callback COMMAND [options]

${list.join('\n')}

  koa-docs-callback COMMAND --help tells the options of one
  koa-docs-callback --version prints the version of this package
`
}
