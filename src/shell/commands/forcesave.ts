/** `forcesave KEY…` and `forcesave --all`: resolves when the application has stored it, or says why not. */
import type { Command } from '../command.js'
import { DONE, FAILED, NOT_CERTAIN } from '../exit.js'
import { entry, plain, summary, wordsFor, wordsForError } from '../words.js'

export const forcesave: Command = {
  name: 'forcesave',
  summary: 'saves documents, or all that are open, and waits until the application has stored them',
  usage: `Usage: koa-docs-callback forcesave KEY… | --all

Asks the Docs server to save each document, and waits until the running application has stored it.
--all are those that are open by the callbacks so far, and those whose final save is not stored yet.

  --all               all documents instead of some
  --timeout SECONDS   how long one document may take (60)`,
  needsRedis: true,
  keys: 'some',
  takesAll: true,
  async run({ docs, settings, output }) {
    const { keys, all, timeout } = settings
    const results: object[] = []
    const counts = { saved: 0, unchanged: 0, uncertain: 0, failed: 0 }
    const items = docs.forcesaveAll({ timeout, ...(all ? {} : { keys }) })
    for await (const { key, result, error, done, total } of items) {
      if (error === undefined) {
        const { ending, what } = wordsFor(result)
        counts[result.outcome] += 1
        if (!result.certain) counts.uncertain += 1
        results.push(result)
        await output.line(entry(ending, key, what))
      } else {
        counts.failed += 1
        results.push({ key, error: plain(error) })
        await output.line(entry('failed', key, wordsForError(error)))
      }
      output.progress(total === undefined ? `${done} done` : `${done} of about ${total}`)
    }
    const { uncertain, ...others } = counts
    const words = summary({ ...others, 'not certain': uncertain })
    await output.line(words === '' ? 'nothing is open' : words)
    const exit = counts.failed > 0 ? FAILED : uncertain > 0 ? NOT_CERTAIN : DONE
    return { exit, document: { counts, results } }
  },
}
