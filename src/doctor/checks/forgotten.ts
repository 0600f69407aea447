/** Whether final saves lie in the Docs server that no application took. */
import { answered, isUnanswered } from '../command.js'
import { fail, ok, skipped, warn, type Check } from '../finding.js'
import { count } from '../words.js'

/** `docs-server.md`, "Commands". */
const UNKNOWN_COMMAND = 5

export const forgotten: Check = {
  name: 'forgotten',
  asks: 'server',
  async run(context) {
    const response = await answered(context, 'getForgottenList')
    if (isUnanswered(response) && response.error === UNKNOWN_COMMAND) {
      return [
        fail(
          'too-old',
          'the Docs server knows no commands for forgotten files',
          'A final save that nobody took cannot be got back.',
          'update the Docs server',
        ),
      ]
    }
    if (isUnanswered(response)) return [skipped('not-told', response.why)]
    context.known.forgotten = response.keys
    const { length } = response.keys
    if (length === 0) return [ok('none', 'no final save waits for somebody to take it')]
    return [
      warn(
        'some',
        `${count(length, 'final save')} that no application took ${length === 1 ? 'lies' : 'lie'} in the Docs server`,
        'Their edits are in no storage yet, unless they were stored after all; and whatever turned them away may still do so.',
        'mend what else is told here, then docs.forgotten.recover(), or the option recoverEvery',
      ),
    ]
  },
}
