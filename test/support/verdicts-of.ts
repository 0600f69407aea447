/** What a played call ended with, in the words of the table in `wire-verdicts.ts`. */
import { isDocsError } from '../../src/errors.js'
import type { ForcesaveResult, InfoResult } from '../../src/results.js'
import type { PlayedByUs } from './ours.js'
import type { PlayedCommand } from './player.js'
import type { Expected } from './wire-verdicts.js'

/** The verdict on a `forcesave` or `info`. Throws for what cannot be one: a hang, a foreign error. */
export function verdictOf({ recorded, sent, end }: PlayedCommand, { rules }: PlayedByUs): Expected {
  const what = `${recorded.c} ${JSON.stringify(recorded.userdata)}`
  if (end === undefined) throw new Error(`${what} never ended`)
  const rule = rules.get(commandId(sent.body.userdata)) ?? ''
  if (!end.ok) {
    const { error } = end
    if (!isDocsError(error)) throw new Error(`${what} ended with a foreign error`, { cause: error })
    const number = error.error === undefined ? {} : { error: error.error }
    return { outcome: 'failed', rule, code: error.code, ...number, retryable: error.retryable }
  }
  if (recorded.c === 'info') {
    const { status, users } = end.value as InfoResult
    return { outcome: 'info', rule, status, users }
  }
  const result = end.value as ForcesaveResult
  if (result.outcome === 'unchanged') {
    const { outcome, reason, certain } = result
    return { outcome, rule, reason, certain }
  }
  const { outcome, stored, trigger, certain } = result
  const { conversion } = stored as { conversion: string }
  return { outcome, rule, conversion, trigger, certain }
}

/** The id in the userdata that our package puts on the wire, `docs:<id>:<the application's>`. */
export function commandId(userdata: unknown): string {
  return /^docs:([\w-]{22}):/.exec(String(userdata))?.[1] ?? 'none'
}

/**
 * Whether a confirmation was false: the edits that the Docs server had received before the call were
 * not in storage when it ended well. Told by the recording alone, whoever confirmed.
 */
export function isFalse({ end, edits }: PlayedCommand): boolean {
  return end?.ok === true && end.storedEdits < edits
}
