/** Findings for people: a list with a sign for each, and what to do below those that want something. */
import { styleText } from 'node:util'
import type { Level } from './finding.js'
import type { Examined } from './run.js'
import { count } from './words.js'

const SIGNS = { ok: '✓', warn: '!', fail: '✗', skipped: '-' } as const
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'gray' } as const

/** Columns before the text: two, a sign, a blank, and the name of the check. */
const INDENT = 4
const NAME = 11
const WIDEST = 100

export interface Looks {
  colours: boolean
  /** Columns of the terminal. */
  width: number
}

export type Counts = Record<Level, number>

export function countsOf(findings: readonly Examined[]): Counts {
  const counts: Counts = { ok: 0, warn: 0, fail: 0, skipped: 0 }
  for (const { level } of findings) counts[level] += 1
  return counts
}

/** The findings of one check, with a line end. */
export function listed(findings: readonly Examined[], looks: Looks): string {
  return findings.map((finding, index) => entry(finding, index === 0, looks)).join('')
}

function entry(
  { level, check, what, why, fix = [] }: Examined,
  first: boolean,
  looks: Looks,
): string {
  const sign = coloured(SIGNS[level], COLOURS[level], looks)
  const name = (first ? check : '').padEnd(NAME)
  const lines = wrapped(what, looks)
  const shade = (line: string): string =>
    level === 'skipped' ? coloured(line, 'gray', looks) : line
  const details = [
    ...(why === undefined ? [] : wrapped(why, looks).map((line) => coloured(line, 'gray', looks))),
    ...fix.flatMap((step) =>
      wrapped(step, looks, 'fix: '.length).map((line, index) =>
        index === 0 ? coloured('fix: ', 'bold', looks) + line : ' '.repeat('fix: '.length) + line,
      ),
    ),
  ]
  const left = ' '.repeat(INDENT + NAME)
  return [
    `  ${sign} ${name}${shade(lines[0] ?? '')}`,
    ...lines.slice(1).map((line) => left + shade(line)),
    ...details.map((line) => left + line),
  ]
    .map((line) => `${line}\n`)
    .join('')
}

/** The last line. */
export function summary(counts: Counts, looks: Looks): string {
  const text = [
    counts.fail === 0 ? '' : count(counts.fail, 'problem'),
    counts.warn === 0 ? '' : count(counts.warn, 'warning'),
    `${counts.ok} fine`,
    counts.skipped === 0 ? '' : `${counts.skipped} not looked at`,
  ]
  const level = counts.fail > 0 ? 'fail' : counts.warn > 0 ? 'warn' : 'ok'
  return `\n${coloured(text.filter((part) => part !== '').join(', '), COLOURS[level], looks)}\n`
}

function wrapped(text: string, { width }: Looks, hanging = 0): string[] {
  const room = Math.max(Math.min(width, WIDEST) - INDENT - NAME - hanging, 30)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function coloured(
  text: string,
  style: Parameters<typeof styleText>[0],
  { colours }: Looks,
): string {
  return colours ? styleText(style, text) : text
}
