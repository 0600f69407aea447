/** The verdicts, as plain data that crosses processes (`docs/settlement.md` 14). */
import { commandRejected, DocsError, toPlainError, type PlainError } from '../errors.js'
import type { Verdict } from './event.js'
import type { View } from './view.js'
import {
  isFinal,
  type Command,
  type DocumentState,
  type Doubt,
  type Rules,
  type Save,
} from './state.js'

/** A verdict; or until when to wait at the most, and what to note or to ask meanwhile. */
export type Judgement =
  | { verdict: Verdict }
  | { until: number; note?: Partial<Command>; ask?: 'info' | 'forcesave' | 'search' }

/** One command as it stands now. */
export interface Case {
  readonly state: DocumentState
  readonly command: Command
  readonly view: View
  readonly now: number
  readonly rules: Rules
}

export const until = (end: number): { until: number } => ({ until: end })

/** Nothing but an event can change this. */
export const wait = until(Infinity)

export const ask = <What extends 'info' | 'forcesave' | 'search'>(
  what: What,
): { until: number; ask: What } => ({ until: Infinity, ask: what })

const certainty = (
  doubt: Doubt | undefined,
): { certain: true } | { certain: false; doubt: Doubt } =>
  doubt === undefined ? { certain: true } : { certain: false, doubt }

export function saved(rule: string, command: Command, save: Save, doubt?: Doubt): Verdict {
  return {
    outcome: 'saved',
    rule,
    ...certainty(doubt),
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

export const unchanged = (
  rule: string,
  reason: 'no-changes' | 'not-open',
  doubt?: Doubt,
): Verdict => ({ outcome: 'unchanged', rule, reason, ...certainty(doubt) })

/** `saved` where a file was stored since the call, else `unchanged`. */
export function savedOrUnchanged(
  rule: string,
  { command, state }: Case,
  reason: 'no-changes' | 'not-open',
  doubt?: Doubt,
): Verdict {
  const since = state.saves.filter(
    ({ phase, done }) => phase === 'stored' && done !== undefined && done.turn > command.turn,
  )
  const newest = since.reduce<Save | undefined>(
    (last, save) => ((save.sequence ?? 0) >= (last?.sequence ?? 0) ? save : last),
    undefined,
  )
  return newest === undefined ? unchanged(rule, reason, doubt) : saved(rule, command, newest, doubt)
}

export const failed = (rule: string, error: PlainError): Verdict => ({
  outcome: 'failed',
  rule,
  error,
})

export const retryable = (error: PlainError): PlainError => ({ ...error, retryable: true })

export function rejected(rule: string, { kind }: Command, error: number): Verdict {
  return failed(rule, toPlainError(commandRejected(error, kind)))
}

export function timeout(kind: Command['kind']): PlainError {
  const what =
    kind === 'info'
      ? 'the info command has not got both its callback and its response'
      : 'no save has confirmed this forcesave'
  const error = new DocsError(
    'TIMEOUT',
    `${what} by its deadline; a save that comes later is still stored`,
  )
  return toPlainError(error)
}
