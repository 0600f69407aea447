/** The verdicts, as plain data that crosses processes. */
import { commandRejected, DocsError, toPlainError, type PlainError } from '../errors.js'
import type { Verdict } from './event.js'
import { isFinal, type Command, type DocumentState, type Rules, type Save } from './state.js'

/** A verdict; or until when to wait at the most, and what to note or do meanwhile. */
export type Judgement =
  | { verdict: Verdict }
  | { until: number; note?: Partial<Command>; nudge?: true; search?: true; look?: true }

export interface Case {
  readonly state: DocumentState
  readonly command: Command
  readonly now: number
  readonly rules: Rules
}

export function saved(
  command: Command,
  save: Save,
  { rule, certain }: { rule: number; certain: boolean },
): Verdict {
  return {
    outcome: 'saved',
    rule,
    certain,
    save: save.name,
    final: isFinal(save),
    trigger: save.trigger,
    ...(save.lastSave === undefined ? {} : { lastSave: save.lastSave }),
    ...(save.facts.filetype === undefined ? {} : { filetype: save.facts.filetype }),
    users: save.facts.users,
    ...(command.userdata === undefined ? {} : { userdata: command.userdata }),
    stored: save.stored ?? null,
  }
}

export function unchanged(facts: {
  rule: number
  certain: boolean
  reason: 'no-changes' | 'not-open'
}): Verdict {
  return { outcome: 'unchanged', ...facts }
}

export const failed = (rule: number, error: PlainError): Verdict => ({
  outcome: 'failed',
  rule,
  error,
})

export function rejected(rule: number, command: Command, error: number): Verdict {
  const name = command.kind === 'info' ? 'info' : 'forcesave'
  return failed(rule, toPlainError(commandRejected(error, name)))
}

export function timedOut(command: Command): Verdict {
  const what =
    command.kind === 'info'
      ? 'the info command has not got both its callback and its response'
      : 'no save has confirmed this forcesave'
  const error = new DocsError(
    'TIMEOUT',
    `${what} by its deadline; a save that comes later is still stored`,
  )
  return failed(15, toPlainError(error))
}
