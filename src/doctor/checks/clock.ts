/** Whether this machine's clock and the Docs server's agree well enough for tokens. */
import { TOKEN_DEFAULTS } from '../../check-token.js'
import { differenceOf } from '../clocks.js'
import { fail, ok, skipped, warn, type Check } from '../finding.js'
import { duration } from '../words.js'

/** From here on somebody should see to it, ms. */
const WORTH_A_WORD = 5_000
/** The application refuses callbacks that were signed in its future by more than this, ms. */
const TOLERANCE = TOKEN_DEFAULTS.clockTolerance * 1000
/** A callback's token is good for 5 minutes (`docs-server.md`, "Callbacks"), ms. */
const LIFETIME = 300_000

export const clock: Check = {
  name: 'clock',
  asks: 'server',
  run: ({ known }) => Promise.resolve([judge(differenceOf(known.moments))]),
}

function judge(difference: ReturnType<typeof differenceOf>) {
  if (difference === undefined) return skipped('no-date', 'not compared: no answer told its time')
  const { least, most } = difference
  // Only what is certain counts.
  const ahead = Math.max(least, 0)
  const behind = Math.max(-most, 0)
  const apart = Math.max(ahead, behind)
  const seen = `the Docs server's clock is ${duration(apart)} ${ahead > 0 ? 'ahead of' : 'behind'} ours, or more, by the Date of its answers`
  const fix = 'set both clocks by NTP'
  if (ahead > TOLERANCE) {
    const why = `A token from more than ${duration(TOLERANCE)} in the future is refused: every callback is answered 403.`
    return fail('apart', seen, why, fix)
  }
  if (behind > TOLERANCE + LIFETIME) {
    return fail(
      'apart',
      seen,
      'Its tokens have expired when they come: every callback is answered 403.',
      fix,
    )
  }
  if (apart > WORTH_A_WORD) {
    const why = `Tokens still pass: ${duration(TOLERANCE)} are allowed for. What differs by seconds today often differs by minutes later.`
    return warn('drifting', seen, why, fix)
  }
  return ok(
    'agree',
    `it agrees with ours, as far as whole seconds tell (${duration(most - least)})`,
  )
}
