/** `recover`: forgotten files go through the `onSave` of the application. */
import { isDocsError } from '../../errors.js'
import type { Recovery, RecoveryResult } from '../../recovery/forgotten.js'
import type { Command } from '../command.js'
import { DONE, FAILED, NOT_CERTAIN } from '../exit.js'
import { entry, plain, summary, wordsForError } from '../words.js'

export const recover: Command = {
  name: 'recover',
  summary: 'stores the final saves that nobody took, and deletes them in the Docs server',
  usage: `Usage: koa-docs-callback recover

Hands each forgotten file to the running application, and deletes it in the Docs server once it is stored.
A file whose ref no callback has told is left, unless --options has \`refOf\`.

  --timeout SECONDS   how long all of it may take (no limit)`,
  needsRedis: true,
  keys: 'none',
  async run({ docs, settings: { timeout }, output }) {
    const results: object[] = []
    let lines = Promise.resolve()
    const onResult = (result: RecoveryResult): void => {
      results.push(result.outcome === 'failed' ? { ...result, error: plain(result.error) } : result)
      lines = lines.then(() => output.line(lineOf(result)))
      output.progress(`${results.length} looked at`)
    }
    let counts: Recovery
    try {
      counts = await docs.forgotten.recover({ timeout, onResult })
    } catch (error) {
      if (!isDocsError(error)) throw error
      await lines
      await output.line(`✗ ${wordsForError(error)}`)
      return { exit: FAILED, document: { results, error: plain(error) } }
    }
    await lines
    const words = summary({ ...counts })
    await output.line(words === '' ? 'there is no forgotten file' : words)
    const exit = counts.failed > 0 ? FAILED : counts.left > 0 ? NOT_CERTAIN : DONE
    return { exit, document: { counts, results } }
  },
}

function lineOf(result: RecoveryResult): string {
  const { key, outcome } = result
  if (outcome === 'failed') return entry('failed', key, wordsForError(result.error))
  if (outcome === 'left') return entry('unsure', key, `left (${result.reason})`)
  return entry('done', key, outcome)
}
