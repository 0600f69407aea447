/** Results in words, for people. */
import { quote } from '../doctor/words.js'
import { toPlainError, type DocsError } from '../errors.js'
import type { ForcesaveResult } from '../results.js'

export const SIGNS = { done: '✓', unsure: '?', failed: '✗' } as const

export type Ending = keyof typeof SIGNS

/** `✓ key-1  saved` and what belongs to it. */
export const entry = (ending: Ending, key: string, what: string): string =>
  `${SIGNS[ending]} ${quote(key)}  ${what}`

export function wordsFor(result: ForcesaveResult): { ending: Ending; what: string } {
  const what =
    result.outcome === 'saved'
      ? `saved${result.stored === null ? '' : ` ${quote(JSON.stringify(result.stored))}`}`
      : `nothing to save (${result.reason})`
  if (result.certain) return { ending: 'done', what }
  return { ending: 'unsure', what: `${what}, not certain: ${result.doubt ?? 'no proof'}` }
}

/** For a line, and for a JSON document. */
export const wordsForError = (error: DocsError): string =>
  `${error.code}: ${error.message}${causeOf(error)}${error.retryable ? ' (try again)' : ''}`

function causeOf(error: DocsError): string {
  const { cause } = toPlainError(error)
  return cause === undefined || cause.message === '' ? '' : ` [${quote(cause.message)}]`
}

export function plain(error: DocsError): object {
  const { code, message, retryable } = toPlainError(error)
  return { code, message, retryable }
}

/** Those that are none are left out. */
export const summary = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
