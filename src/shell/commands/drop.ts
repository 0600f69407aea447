/** `drop KEY`: disconnects editors. */
import type { Command } from '../command.js'
import { DONE } from '../exit.js'
import { entry } from '../words.js'

export const drop: Command = {
  name: 'drop',
  summary: 'disconnects everybody, or some users, from a document',
  usage: `Usage: koa-docs-callback drop KEY [--user ID]…

Disconnects those who edit the document. What they have typed is saved by the Docs server as ever.

  --user ID           only this user; give it once for each
  --timeout SECONDS   how long the Docs server may take to accept it (15)`,
  needsRedis: false,
  keys: 'one',
  takesUsers: true,
  async run({ docs, settings: { keys, users, timeout }, output }) {
    const [key = ''] = keys
    await docs.drop(key, users.length > 0 ? users : undefined, { timeout })
    const who = users.length > 0 ? users.join(', ') : 'everybody'
    await output.line(entry('done', key, `${who} will be disconnected`))
    return { exit: DONE, document: { key, users: users.length > 0 ? users : null } }
  },
}
