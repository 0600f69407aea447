/** `forgotten` lists the final saves that nobody took; `forgotten KEY…` gives their links. */
import { isDocsError } from '../../errors.js'
import type { Command } from '../command.js'
import { DONE, FAILED } from '../exit.js'
import { entry, plain, wordsForError } from '../words.js'

export const forgotten: Command = {
  name: 'forgotten',
  summary: 'lists the final saves that nobody took, or gives the links to some',
  usage: `Usage: koa-docs-callback forgotten [KEY…]

Lists the keys of all forgotten files, those of other applications included. With keys it gives the link to each:
whoever has it can read the file for 15 minutes.

  --timeout SECONDS   how long one question may take (15)`,
  needsRedis: false,
  keys: 'any',
  async run({ docs, settings: { keys, timeout }, output }) {
    if (keys.length === 0) {
      const found = await docs.forgotten.list({ timeout })
      for (const key of found) await output.line(key)
      if (found.length === 0) await output.line('there is no forgotten file')
      return { exit: DONE, document: { keys: found } }
    }
    const files: object[] = []
    let exit = DONE
    for (const key of keys) {
      try {
        const url = await docs.forgotten.url(key, { timeout })
        if (url === undefined) exit = FAILED
        files.push({ key, url: url ?? null })
        // Not quoted: a link without its query leads nowhere.
        await output.line(url ?? entry('failed', key, 'there is no forgotten file of this key'))
      } catch (error) {
        if (!isDocsError(error)) throw error
        exit = FAILED
        files.push({ key, error: plain(error) })
        await output.line(entry('failed', key, wordsForError(error)))
      }
    }
    return { exit, document: { files } }
  },
}
