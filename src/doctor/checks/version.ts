/** The Docs server's version, and what it means for this package (`docs-server.md`). */
import { answered, isUnanswered } from '../command.js'
import { ok, skipped, warn, type Check, type Finding } from '../finding.js'
import { quote } from '../words.js'

/** What came with which version, the newest first. */
const STEPS: [major: number, minor: number, lacks: string][] = [
  [
    9,
    0,
    'a final save that could not be stored is not sent again, and is kept as a forgotten file at once',
  ],
  [8, 3, 'drop() without users disconnects nobody'],
  [8, 2, 'there is no /command, and info() learns the users from its callback only'],
]

export const version: Check = {
  name: 'version',
  asks: 'server',
  async run(context) {
    const response = await answered(context, 'version')
    if (isUnanswered(response)) return [skipped('not-told', response.why)]
    return [judge(quote(response.version))]
  },
}

function judge(text: string): Finding {
  const [, major = NaN, minor = NaN] = (/^(\d+)\.(\d+)/.exec(text) ?? []).map(Number)
  // The number that builds from source bear, whatever they are (`test/wire/basic-session.jsonl`).
  if (text.startsWith('4.1.2') || Number.isNaN(major)) {
    return warn(
      'untold',
      `it calls itself ${text}, as builds from source do`,
      'So what it can do is not known by its version.',
      'if it is not built from a source of 9.0 or later, update it',
    )
  }
  const lacking = STEPS.filter(([a, b]) => major < a || (major === a && minor < b)).map(
    ([a, b, lacks]) => `before ${a}.${b} ${lacks}`,
  )
  if (lacking.length === 0) return ok('current', `${text} has all that this package makes use of`)
  const why = `It works, but ${lacking.join('; ')}.`
  const needs =
    'until then set recoverEvery, so that forgotten files are stored without anybody looking'
  return warn('older', `${text} is older than 9.0`, why, 'update the Docs server', needs)
}
