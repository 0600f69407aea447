/** `sessions`: the documents that are open. */
import type { Session } from '../../sessions/sessions.js'
import type { Command } from '../command.js'
import { DONE, NOT_CERTAIN } from '../exit.js'
import { entry } from '../words.js'

export const sessions: Command = {
  name: 'sessions',
  summary: 'lists the documents that are open, and who edits them',
  usage: `Usage: koa-docs-callback sessions

Lists the documents that are open by the callbacks so far. The Docs server is asked about those of
which nothing was heard for long.

  --timeout SECONDS   how long one question to the Docs server may take (15)`,
  needsRedis: true,
  keys: 'none',
  async run({ docs, settings: { timeout }, output }) {
    const found: Session[] = []
    for await (const session of docs.sessions({ timeout })) {
      found.push(session)
      const { key, ref = 'unknown', users, since, certain } = session
      const who = users.length > 0 ? ` by ${users.join(', ')}` : ''
      const what = `${ref}  since ${since.toISOString()}${who}`
      await output.line(
        entry(certain ? 'done' : 'unsure', key, certain ? what : `${what}, may have ended`),
      )
    }
    if (found.length === 0) await output.line('nothing is open')
    const exit = found.every(({ certain }) => certain) ? DONE : NOT_CERTAIN
    return { exit, document: { sessions: found } }
  },
}
