/** `license`: as the Docs server tells it. */
import type { Command } from '../command.js'
import { DONE } from '../exit.js'

export const license: Command = {
  name: 'license',
  summary: 'prints the licence of the Docs server, its limits, and how it is used',
  usage: `Usage: koa-docs-callback license

  --timeout SECONDS   how long the Docs server may take (15)`,
  needsRedis: false,
  keys: 'none',
  async run({ docs, settings: { timeout }, output }) {
    const found = await docs.license({ timeout })
    for (const [part, fields] of Object.entries(found) as [string, Record<string, unknown>][]) {
      for (const [name, value] of Object.entries(fields)) {
        await output.line(`${part}.${name}: ${JSON.stringify(value)}`)
      }
    }
    return { exit: DONE, document: { ...found } }
  },
}
