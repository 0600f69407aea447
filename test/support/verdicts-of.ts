/** What a played call ended with, in the words of the table in `wire-verdicts.ts`. */
import { isDocsError } from '../../src/errors.js'
import type { ForcesaveResult, InfoResult } from '../../src/results.js'
import type { PlayedByUs } from './ours.js'
import type { PlayedCommand } from './player.js'

/** The verdict on a `forcesave` or `info`. Throws for what cannot be one: a hang, a foreign error. */
export function verdictOf({ recorded, sent, end }: PlayedCommand, { rules }: PlayedByUs): string {
  const what = `${recorded.c} ${JSON.stringify(recorded.userdata)}`
  if (end === undefined) throw new Error(`${what} never ended`)
  const rule = rules.get(commandId(sent.body.userdata)) ?? ''
  if (!end.ok) {
    const { error } = end
    if (!isDocsError(error)) throw new Error(`${what} ended with a foreign error`, { cause: error })
    const number = error.error === undefined ? '' : ` ${error.error}`
    return `${error.code}${number}${error.retryable ? '' : ' for good'} ${rule}`
  }
  if (recorded.c === 'info') {
    const { status, users } = end.value as InfoResult
    return ['info', status, ...users, rule].join(' ')
  }
  const result = end.value as ForcesaveResult
  const doubt = result.doubt === undefined ? '' : ` ${result.doubt}`
  if (result.outcome === 'unchanged') return `unchanged ${result.reason} ${rule}${doubt}`
  const { conversion } = result.stored as { conversion: string }
  return `saved ${conversion} ${result.trigger} ${rule}${doubt}`
}

/** The id in the userdata that our package puts on the wire, `docs:<id>:<the application's>`. */
export function commandId(userdata: unknown): string {
  return /^docs:([\w-]{22}):/.exec(String(userdata))?.[1] ?? 'none'
}

/**
 * Whether a confirmation was false: the edits that the Docs server had received before the call were
 * not in storage when it ended well, and it did not say that it may be wrong.
 */
export function isFalse({ end, edits }: PlayedCommand): boolean {
  if (end?.ok !== true || end.storedEdits >= edits) return false
  const { certain = true, status } = (end.value ?? {}) as { certain?: boolean; status?: unknown }
  return certain && status === undefined
}
