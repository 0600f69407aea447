/** What many schedules came to, by kind of trouble. */
import type { Doubt, Outcome } from './checker.js'

/** The schedules of one kind; one with several troubles counts under each. */
export interface Row {
  schedules: number
  calls: number
  /** How the calls ended. */
  ends: Record<string, number>
  /** Violations of each invariant. */
  violations: Record<string, number>
}

export interface Summary {
  schedules: number
  calls: number
  ends: Record<string, number>
  doubts: Record<string, Doubt>
  kinds: Record<string, Row>
  conflicts: number
  deaths: number
  /** How many violated an invariant. */
  violated: number
  /** The first of them. */
  failed: { seed: number; violations: string[] }[]
}

/** More of them help nobody. */
const MOST_FAILED = 100

export const emptySummary = (): Summary => ({
  ...{ schedules: 0, calls: 0, ends: {}, doubts: {}, kinds: {} },
  ...{ conflicts: 0, deaths: 0, violated: 0, failed: [] },
})

type Counts = Record<string, number>

function add(counts: Counts, more: Readonly<Counts>): void {
  for (const [name, times] of Object.entries(more)) counts[name] = (counts[name] ?? 0) + times
}

function rowOf({ kinds }: Summary, kind: string): Row {
  return (kinds[kind] ??= { schedules: 0, calls: 0, ends: {}, violations: {} })
}

function addDoubts(doubts: Summary['doubts'], more: Readonly<Summary['doubts']>): void {
  for (const [reason, { stored, missing }] of Object.entries(more)) {
    const counts = (doubts[reason] ??= { stored: 0, missing: 0 })
    counts.stored += stored
    counts.missing += missing
  }
}

export function count(summary: Summary, outcome: Outcome): void {
  const { seed, kinds, violations, calls, ends, doubts, conflicts, deaths } = outcome
  summary.schedules += 1
  summary.calls += calls
  summary.conflicts += conflicts
  summary.deaths += deaths
  add(summary.ends, ends)
  addDoubts(summary.doubts, doubts)
  const violated: Counts = {}
  for (const violation of violations) add(violated, { [violation.slice(0, 2)]: 1 })
  for (const kind of kinds) {
    const row = rowOf(summary, kind)
    row.schedules += 1
    row.calls += calls
    add(row.ends, ends)
    add(row.violations, violated)
  }
  if (violations.length === 0) return
  summary.violated += 1
  if (summary.failed.length < MOST_FAILED) summary.failed.push({ seed, violations })
}

/** Adds what another worker has counted. */
export function merge(summary: Summary, other: Summary): void {
  summary.schedules += other.schedules
  summary.calls += other.calls
  summary.conflicts += other.conflicts
  summary.deaths += other.deaths
  summary.violated += other.violated
  add(summary.ends, other.ends)
  addDoubts(summary.doubts, other.doubts)
  for (const [kind, { schedules, calls, ends, violations }] of Object.entries(other.kinds)) {
    const row = rowOf(summary, kind)
    row.schedules += schedules
    row.calls += calls
    add(row.ends, ends)
    add(row.violations, violations)
  }
  summary.failed = [...summary.failed, ...other.failed].slice(0, MOST_FAILED)
}

const INVARIANTS = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8'] as const

/** One line for each kind: violations in 1,000 schedules, shares of the calls that ended. */
export function tableOf({ kinds }: Summary): string {
  const columns = ['certain', 'not certain', 'TIMEOUT', 'REJECTED', 'other errors']
  const rows = Object.entries(kinds)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([kind, { schedules, calls, ends, violations }]) => [
      ...[kind, String(schedules), String(calls)],
      ...INVARIANTS.map((name) => perThousand(violations[name] ?? 0, schedules)),
      ...sharesOf(ends),
    ])
  const head = ['kind', 'schedules', 'calls', ...INVARIANTS, ...columns]
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function sharesOf(ends: Readonly<Counts>): string[] {
  const all = Object.values(ends).reduce((sum, times) => sum + times, 0)
  const of = (...names: string[]): number => names.reduce((sum, name) => sum + (ends[name] ?? 0), 0)
  const counted = [
    of('saved', 'unchanged'),
    of('saved?', 'unchanged?'),
    of('TIMEOUT'),
    of('COMMAND_REJECTED'),
  ]
  const rest = all - counted.reduce((sum, times) => sum + times, 0)
  return [...counted, rest].map((times) => `${((100 * times) / Math.max(all, 1)).toFixed(1)} %`)
}

const perThousand = (times: number, schedules: number): string =>
  times === 0 ? '0' : ((1000 * times) / schedules).toFixed(2)

/** For each reason: how often the edits were stored after all. */
export const doubtsOf = ({ doubts }: Summary): string[] =>
  Object.entries(doubts).map(
    ([reason, { stored, missing }]) => `${reason}: ${stored} stored, ${missing} not`,
  )
