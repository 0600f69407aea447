/** The Docs server's licence: whether it is good, its limits, and what is used of them. */
import { answered, isUnanswered } from '../command.js'
import { fail, ok, skipped, warn, type Check, type Finding } from '../finding.js'
import { count, quote } from '../words.js'

/** By `server.resultType`, as the public documentation of the command tells. */
const GOOD = 3
const EXPIRED = new Set([2, 6])

const DAY = 86_400_000
/** From here on the end of a licence is worth a word, days. */
const SOON = 30
/** From this share on a limit is worth a word. */
const NEARLY = 0.9

type Fields = Record<string, unknown>

export const license: Check = {
  name: 'license',
  asks: 'server',
  async run(context) {
    const response = await answered(context, 'license')
    if (isUnanswered(response)) return [skipped('not-told', response.why)]
    return [
      validity(response.license, response.server, context.clock.now()),
      limits(response.license, response.quota, context.clock.now()),
    ]
  },
}

function validity(license: Fields, server: Fields, now: number): Finding {
  const { resultType } = server
  const end = typeof license['end_date'] === 'string' ? Date.parse(license['end_date']) : NaN
  const until = Number.isNaN(end) ? '' : `, until ${new Date(end).toISOString().slice(0, 10)}`
  const kind = license['trial'] === true ? 'a trial licence' : 'the licence'
  if (EXPIRED.has(resultType as number)) {
    const why = 'An expired Docs server opens documents for reading only, or not at all.'
    return fail(
      'expired',
      `${kind} has expired${until.replace(', until', ' on')}`,
      why,
      'renew it, and restart the Docs server',
    )
  }
  if (resultType !== GOOD) {
    const why = 'It says so where a licence file is missing or cannot be read.'
    return warn(
      'not-good',
      `the Docs server is not content with its licence (result ${quote(String(resultType))})`,
      why,
      'see its log',
    )
  }
  if (license['trial'] === true) {
    return warn('trial', `${kind}${until}`, 'Editing ends with it.', 'get another one in time')
  }
  if (end < now) {
    const why =
      'That is so where the date is that of updates only. It does not say which date it is.'
    const what = `the licence's end date has passed${until.replace(', until', ' on')}, and the Docs server calls it good`
    return warn('end-passed', what, why, 'see to it before the Docs server is updated')
  }
  const days = Math.ceil((end - now) / DAY)
  if (days <= SOON) {
    return warn(
      'ends-soon',
      `${kind} ends in ${count(days, 'day')}${until}`,
      'Editing ends with it.',
      'renew it in time',
    )
  }
  return ok('good', `${kind} is good${until}`)
}

function limits(license: Fields, quota: Fields, now: number): Finding {
  const users = numberOf(license['users_count'])
  if (users === 0) {
    const connections = numberOf(license['connections'])
    const what =
      connections === 0
        ? 'no limit is told'
        : `${count(connections, 'editor connection')} at once; how many are in use the Docs server does not tell`
    return ok('connections', what)
  }
  const list: readonly unknown[] = Array.isArray(quota['users']) ? quota['users'] : []
  const used = list.filter((user) => isCurrent(user, now)).length
  const seen = `${used} of ${count(users, 'user')} in use`
  const why = 'Whoever comes beyond the limit cannot edit.'
  const fix = `wait: a place is free again ${count(numberOf(license['users_expire']), 'day')} after its user was there last; or extend the licence`
  if (used >= users) return fail('full', seen, why, fix)
  return used >= users * NEARLY ? warn('nearly-full', seen, why, fix) : ok('users', seen)
}

function isCurrent(user: unknown, now: number): boolean {
  const expire = (user as { expire?: unknown } | null)?.expire
  return typeof expire !== 'string' || !(Date.parse(expire) < now)
}

const numberOf = (value: unknown): number => (typeof value === 'number' && value > 0 ? value : 0)
