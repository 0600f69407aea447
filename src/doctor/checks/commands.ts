/** At which address the command service answers: `/command`, or the one from before Docs 8.2. */
import { COMMAND_PATHS } from '../../client/commands.js'
import { isHtml, redirection, redirectOf, type Answer } from '../ask.js'
import { errorOf, sendCommand, UNSIGNED } from '../command.js'
import { fail, ok, skipped, warn, type Check, type Finding } from '../finding.js'
import { shown } from '../words.js'

export const commands: Check = {
  name: 'commands',
  asks: 'server',
  async run(context) {
    const { settings, known } = context
    if (known.reached !== true) return [skipped('not-reached', 'not asked: see address')]
    const base = settings.server.href.replace(/\/$/, '')
    const current = new URL(base + COMMAND_PATHS.current)
    const first = await sendCommand(context, current, 'version', UNSIGNED)
    if (errorOf(first) !== undefined) {
      known.commands = current
      return [ok('current', `${COMMAND_PATHS.current} answers, and is what this package uses`)]
    }
    const older = new URL(base + COMMAND_PATHS.older)
    const second = await sendCommand(context, older, 'version', UNSIGNED)
    if (errorOf(second) === undefined) {
      known.method = 'GET'
      const third = await sendCommand(context, older, 'version', UNSIGNED)
      if (errorOf(third) === undefined) {
        known.method = 'POST'
        return [neither(first, current)]
      }
      known.commands = older
      return [getOnly(first)]
    }
    if (first.status === 404) {
      known.commands = older
      return [
        warn(
          'older-only',
          `${COMMAND_PATHS.current} is not there (HTTP 404), and ${COMMAND_PATHS.older} answers: this package uses that`,
          'A Docs server before 8.2 has only the older one; a newer one has both, and then a proxy hides the first.',
          `update the Docs server, or let ${COMMAND_PATHS.current} through`,
        ),
      ]
    }
    return [
      fail(
        'current-hidden',
        `${COMMAND_PATHS.current} is answered with HTTP ${first.status}, and ${COMMAND_PATHS.older} by a Docs server`,
        'This package takes the older address only where the other one is answered with 404.',
        `let POST ${COMMAND_PATHS.current} through to the Docs server`,
      ),
    ]
  },
}

function getOnly({ status }: Answer): Finding {
  return warn(
    'get-only',
    `POST is refused (HTTP ${status}), and a GET of ${COMMAND_PATHS.older} is answered by a Docs server`,
    'A Docs server before 4.2 takes commands by GET only; in front of a newer one something refuses POST.',
    "set commandMethod: 'GET' in createDocs() if the Docs server is that old; tokens and keys are then in the access logs of what stands in between",
    `else let POST ${COMMAND_PATHS.current} through to it`,
  )
}

function neither(answer: Answer, url: URL): Finding {
  const why = 'Every forcesave is such a POST.'
  const target = redirectOf(answer, url)
  if (target !== undefined) {
    const { what, fix } = redirection(url, target)
    return fail(
      'redirected',
      `${shown(url)} is redirected (HTTP ${answer.status}) ${what}`,
      why,
      fix,
    )
  }
  const page = isHtml(answer) ? ' and a web page' : ''
  return fail(
    'none',
    `no command service answers: POST ${shown(url)} gets HTTP ${answer.status}${page}`,
    why,
    'correct --server, which may need a path',
    'let POST through to it, without a log-in',
  )
}
