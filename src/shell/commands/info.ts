/** `info KEY…`: who edits. */
import { isDocsError } from '../../errors.js'
import type { Command } from '../command.js'
import { DONE, FAILED } from '../exit.js'
import { entry, plain, wordsForError } from '../words.js'

export const info: Command = {
  name: 'info',
  summary: 'says who edits a document',
  usage: `Usage: koa-docs-callback info KEY…

Asks the Docs server who edits each document. \`not-known\`: it knows no open document under this key.

  --timeout SECONDS   how long one document may take (15)`,
  needsRedis: true,
  keys: 'some',
  async run({ docs, settings: { keys, timeout }, output }) {
    const results: object[] = []
    let exit = DONE
    for (const key of keys) {
      try {
        const result = await docs.info(key, { timeout })
        results.push(result)
        const { status, users } = result
        const who = users.length > 0 ? ` by ${users.join(', ')}` : ''
        const what =
          status === 'editing' && who === '' ? 'nobody edits, and edits are held' : status
        await output.line(entry('done', key, what + who))
      } catch (error) {
        if (!isDocsError(error)) throw error
        if (error.error === 1) {
          results.push({ key, status: 'not-known', users: [] })
          await output.line(entry('done', key, 'not-known'))
          continue
        }
        exit = FAILED
        results.push({ key, error: plain(error) })
        await output.line(entry('failed', key, wordsForError(error)))
      }
    }
    return { exit, document: { results } }
  },
}
