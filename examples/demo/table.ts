/** The words of the demo's table. */
import type { Played, PlayedCommand } from '../../test/support/player.js'
import { isFalse } from '../../test/support/verdicts-of.js'
import type { Recording } from '../../test/support/recording.js'

const COLUMNS = [37, 6, 22, 25, 24]

export type Row = readonly string[]

/** One line of the table, at most 120 characters. */
export function line(cells: Row): string {
  return `  ${cells.map((cell, column) => cell.padEnd(COLUMNS[column] ?? 0)).join(' ')}`.trimEnd()
}

/** What each recording shows, in words for someone who sees it for the first time. */
const TITLES: Readonly<Record<string, string>> = {
  'answered-3-then-saved': 'A forcesave is answered 3, and its save comes all the same',
  'final-save-of-the-session-before-comes-last': 'An older final save comes after a newer one',
  'forcesave-after-refused-final-save': 'The storage application has refused the final save',
  'forcesave-between-final-saves': 'The final save is sent again and again',
  'forcesaves-at-once': 'Six forcesaves at once',
  'info-while-final-save-converts': 'The final save takes long to convert',
  'reopened-after-final-save': 'Opened again just after the final save',
  'reopened-while-final-save-converts': 'Opened again before the final save is made',
  'restart-while-converting': 'The Docs server restarts while it converts',
  'restart-while-replying': 'The Docs server restarts before it hears our reply',
  'restart-with-unsaved-edits': 'The Docs server restarts over an unsaved edit',
  'basic-session': 'A plain session: open, type, close',
  'basic-session-without-jwt': 'The same without tokens',
  'conversion-fails': 'The Docs server cannot convert the document',
  'failed-final-save-acknowledged': 'The final save fails, and that failure is acknowledged',
  'failed-final-save-refused': 'The final save fails, and that failure is not acknowledged',
  'forcesave-overlapping-edits': 'Two forced saves of one document at once',
  'forcesave-overtaken-by-close': 'Everybody leaves while a forced save is under way',
  'forcesave-while-in-flight': 'A second forcesave while the first is under way',
  'rejected-commands': 'A document that is not open',
  'replay-after-500': 'The storage application fails once (it answers the callback 5xx)',
  'replay-after-connection-reset': 'The storage application stores, but its answer gets lost',
  'replay-after-error-reply': 'The storage application refuses once (it answers error 1)',
  'userdata-kinds': 'Six kinds of userdata',
}

export function title({ name }: Recording): string {
  return `${TITLES[name] ?? name}  [${name}]`
}

/** The saves that came between the call and its verdict, and whose userdata they bore. */
export function cameBy({ callbacks }: Played, { at, end }: PlayedCommand): string {
  const saves = callbacks.filter(({ body }) => [2, 3, 6, 7].includes(body.status))
  const came = saves.filter((save) => save.at >= at && save.at <= (end?.at ?? Infinity))
  return came
    .map(({ body: { status, userdata } }) =>
      status === 2 || status === 3 ? `${status} (final)` : `${status} ${words(userdata)}`,
    )
    .join(', ')
}

function words(userdata: unknown): string {
  if (userdata === undefined) return '(no userdata)'
  const text = typeof userdata === 'string' ? `"${userdata}"` : JSON.stringify(userdata)
  return text.length <= 14 ? text : `${text.slice(0, 13)}…`
}

/** A verdict in a few words, without the rule and what it rests on. */
export function verdictWords(verdict: string): string {
  const [outcome = '', what = '', trigger] = verdict.split(' ')
  const doubt = /\d+\.\d+ \S/.test(verdict) ? ', not certain' : ''
  if (outcome === 'saved') return `saved${trigger === 'close' ? ' (final save)' : ''}${doubt}`
  if (outcome === 'unchanged') return `unchanged${doubt === '' ? `, ${what}` : doubt}`
  if (outcome === 'info') return what
  return /^\d+$/.test(what) ? `${outcome} ${what}` : outcome
}

/** The clause of `docs/settlement.md` that decided. */
export const ruleIn = (verdict: string): string => /\d+\.\d+/.exec(verdict)?.[0] ?? ''

export type Mark = 'right' | 'false' | 'hangs'

export function mark(command: PlayedCommand): Mark {
  if (command.end === undefined) return 'hangs'
  return isFalse(command) ? 'false' : 'right'
}

/** Later than ours by so much is worth telling, in ms. */
const LATE = 500

/** What the hand-written way said, with its faults marked. `ours`: the same call made with us. */
export function byHandWords(command: PlayedCommand, ours: PlayedCommand): string {
  const { end } = command
  if (end === undefined) return '✗ HANGS for ever'
  if (!end.ok) return end.error instanceof Error ? end.error.message : 'failed'
  const said = String(end.value)
  if (isFalse(command)) return `✗ FALSE: ${said}`
  const late = end.at - (ours.end?.at ?? end.at)
  return late > LATE ? `${said}, ${(late / 1000).toFixed(1)} s later` : said
}
