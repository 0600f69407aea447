/**
 * What is written to Redis of a document and of a verdict, as text with the number of its format. Processes of two
 * versions of this package share a Redis while an application is updated: what this one cannot read it leaves alone.
 */
import { DocsError } from '../errors.js'
import { attempt } from '../harmless.js'
import type { Verdict } from '../settlement/event.js'
import type { DocumentState } from '../settlement/state.js'
import { upgradeState, upgradeVerdict } from './upgrade.js'

/** Of what this version writes. Version 0.1.0 wrote none, which is 1. */
const FORMAT = 2

/**
 * What makes the state of today of that of an older format. Nothing may be lost by it: what the older state does not
 * tell has to become a doubt.
 */
const UPGRADES: Readonly<Record<number, (older: never) => DocumentState>> = { 1: upgradeState }

/** `name` is that of the Redis key, for whoever has to look at it. */
export function readRecord(text: string, name: string): DocumentState {
  const record = parsed(text, name)
  const format = checkFormat(record['format'], name)
  const state = format === FORMAT ? record['state'] : record
  if (!isState(state)) throw broken(name, `is no record of format ${format}`)
  return UPGRADES[format]?.(state as never) ?? state
}

// The state has a place of its own: version 0.1.0 finds none in such a record, fails, and writes nothing over it.
export const writeRecord = (state: DocumentState): string =>
  JSON.stringify({ format: FORMAT, state })

export function readVerdict(text: string, name: string): Verdict {
  const { format, ...verdict } = parsed(text, name)
  checkFormat(format, name)
  const { outcome, rule } = verdict
  if (OUTCOMES.has(outcome) && typeof rule === 'string') return verdict as unknown as Verdict
  if (OUTCOMES.has(outcome) && Number.isInteger(rule)) return upgradeVerdict(verdict as never)
  throw broken(name, 'is no verdict')
}

export const writeVerdict = (verdict: Verdict): string =>
  JSON.stringify({ format: FORMAT, ...verdict })

/** Empty: nothing is due. */
export function readDue(text: string | null | undefined, name: string): number {
  if (text === undefined || text === null || text === '') return Infinity
  const due = Number(text)
  if (Number.isFinite(due)) return due
  throw broken(name, 'has a time that is none')
}

const OUTCOMES: ReadonlySet<unknown> = new Set(['saved', 'unchanged', 'failed', 'info'])

function parsed(text: string, name: string): Record<string, unknown> {
  const value = attempt<unknown>(() => JSON.parse(text), undefined)
  if (isObject(value)) return value
  throw broken(name, 'is not JSON')
}

function checkFormat(format: unknown = 1, name: string): number {
  if (format === FORMAT || (typeof format === 'number' && format in UPGRADES)) return format
  if (typeof format === 'number' && format > FORMAT) {
    throw badRecord(
      `a newer version of koa-docs-callback has written ${name} (format ${format}, this one reads up to ${FORMAT}): update this process`,
    )
  }
  throw broken(name, 'has a format that is no number')
}

function isState(value: unknown): value is DocumentState {
  if (!isObject(value)) return false
  const { turn, sequence, joined, joinedAt, touchedAt, users, commands, saves } = value
  return (
    [turn, sequence, joined, joinedAt, touchedAt].every(Number.isFinite) &&
    (users === null || Array.isArray(users)) &&
    [commands, saves].every((list) => Array.isArray(list) && list.every(isObject))
  )
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const broken = (name: string, what: string): DocsError =>
  badRecord(
    `what Redis holds as ${name} ${what}, and is left as it is: find out who has written it; deleting it forgets what was known of this document`,
  )

const badRecord = (message: string): DocsError => new DocsError('BAD_RECORD', message)
