/** Runs the checks one after the other, each with its deadline: a fault in one stops no other. */
import { HttpFailure, type Http } from '../client/http.js'
import { startDeadline } from '../client/deadline.js'
import { onAbort } from '../abort.js'
import type { Clock } from '../clock.js'
import { address } from './checks/address.js'
import { bodies } from './checks/bodies.js'
import { callback } from './checks/callback.js'
import { clock as clocks } from './checks/clock.js'
import { commands } from './checks/commands.js'
import { forgotten } from './checks/forgotten.js'
import { installed } from './checks/installed.js'
import { license } from './checks/license.js'
import { links } from './checks/links.js'
import { nodes } from './checks/nodes.js'
import { redis } from './checks/redis.js'
import { reply } from './checks/reply.js'
import { secret } from './checks/secret.js'
import { version } from './checks/version.js'
import { wait } from './checks/wait.js'
import { fail, type Check, type Context, type Finding, type Known } from './finding.js'
import { speaksTls, wrongScheme } from './scheme.js'
import type { Settings } from './settings.js'
import { shown, troubleOf } from './words.js'

/** In the order in which one rests on another. */
const CHECKS: readonly Check[] = [
  ...[address, commands, secret, clocks, version, license, forgotten, nodes, links],
  ...[callback, reply, bodies, wait],
  ...[redis, installed],
]

export interface Examined extends Finding {
  check: string
}

/** Gives the findings of each check as soon as it has ended. */
export async function* examine(
  settings: Settings,
  { http, clock }: { http: Http; clock: Clock },
): AsyncGenerator<Examined[]> {
  const known: Known = { moments: [] }
  for (const check of CHECKS) {
    const deadline = startDeadline(clock, settings.timeout + (check.extra?.(settings) ?? 0))
    const { signal } = deadline
    const context = { settings, known, http, clock, signal }
    // What takes no notice of the signal is left behind.
    const late = new Promise<never>((_resolve, reject) => {
      onAbort(signal, () => setImmediate(() => reject(new HttpFailure('broken', 'timeout'))))
    })
    const findings = await Promise.race([check.run(context), late]).catch(
      async (error: unknown) => [await failed(check, error, context)],
    )
    deadline.release()
    yield findings.map((finding) => ({ check: check.name, ...finding }))
  }
}

/** Why it matters that nobody answers. */
const SILENCE = {
  server: 'No command gets there, so no forcesave is ever confirmed.',
  callback: 'A save that does not get there is not stored: a final one becomes a forgotten file.',
  'nobody else': 'Nothing can be said of it.',
}

async function failed(check: Check, error: unknown, context: Context): Promise<Finding> {
  const { settings, signal } = context
  const late = signal.aborted
  if (late || error instanceof HttpFailure) {
    const failure = error instanceof HttpFailure ? error : new HttpFailure('broken', 'timeout')
    const { code, what, fix } = troubleOf(failure, late)
    const url = check.asks === 'nobody else' ? undefined : settings[check.asks]
    if (url !== undefined && code === 'cut' && (await speaksTls(context, url))) {
      return wrongScheme(url)
    }
    const subject = url === undefined ? check.name : shown(url)
    const patience = late ? ` within ${settings.timeout / 1000} s (--timeout)` : ''
    return fail(code, `${subject} ${what}${patience}`, SILENCE[check.asks], ...fix)
  }
  // Not its message: what it holds is not known.
  const name = error instanceof Error ? error.name : typeof error
  const why = 'That is a fault of the doctor.'
  return fail(
    'accident',
    `this check has failed itself: ${name}`,
    why,
    'report it, with the version of this package',
  )
}
