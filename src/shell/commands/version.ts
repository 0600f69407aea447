/** `version`: that of the Docs server; `--version` prints that of this package. */
import type { Command } from '../command.js'
import { DONE } from '../exit.js'

export const version: Command = {
  name: 'version',
  summary: 'prints the version of the Docs server',
  usage: `Usage: koa-docs-callback version

Prints the version of the Docs server. \`koa-docs-callback --version\` prints that of this package.

  --timeout SECONDS   how long the Docs server may take (15)`,
  needsRedis: false,
  keys: 'none',
  async run({ docs, settings: { timeout }, output }) {
    const found = await docs.version({ timeout })
    await output.line(found.version)
    return { exit: DONE, document: { version: found.version } }
  },
}
