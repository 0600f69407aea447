/** The doctor as a process of its own, and what it has said. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { environment } from './first-example.js'

const CLI = fileURLToPath(new URL('../../src/doctor/cli.ts', import.meta.url))

export interface Finding {
  check: string
  level: string
  code: string
  what: string
  why?: string
  fix?: string[]
}

export interface Examination {
  code: number | null
  output: string
  errors: string
  /** With `--json`. */
  findings: Finding[]
  /** `<level> <code>` of each finding of a check. */
  of: (check: string) => string[]
}

export interface Asked {
  args: string[]
  env?: Record<string, string>
  /** What it reads from standard input. */
  input?: string
  /** What must not be in its output. */
  hidden?: string[]
}

export function startDoctor({ args, env = {}, input = '' }: Omit<Asked, 'hidden'>) {
  const { DOCS_URL: _url, DOCS_SECRET: _secret, REDIS_URL: _redis, ...rest } = environment()
  const child = spawn(process.execPath, ['--import', 'tsx', CLI, ...args], {
    env: { ...rest, ...env },
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return child
}

/** Runs it to its end. No output ever holds a token or what is hidden. */
export async function runDoctor(asked: Asked): Promise<Examination> {
  const child = startDoctor(asked)
  const ended = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await ended) as [number | null]
  const all = output + errors
  for (const secret of [...(asked.hidden ?? []), 'eyJ']) {
    assert.equal(all.includes(secret), false, `the output holds ${secret}`)
  }
  const findings = asked.args.includes('--json') && output !== '' ? readFindings(output, code) : []
  const of = (check: string): string[] =>
    findings.filter((one) => one.check === check).map(({ level, code }) => `${level} ${code}`)
  return { code, output, errors, findings, of }
}

/** What scripts rest on: the form of the document, and that the exit code says the same. */
function readFindings(output: string, code: number | null): Finding[] {
  const document = JSON.parse(output) as {
    version: string
    server: string
    healthy: boolean
    counts: Record<string, number>
    findings: Finding[]
  }
  const { findings, counts, healthy } = document
  assert.deepEqual(Object.keys(document), ['version', 'server', 'healthy', 'counts', 'findings'])
  for (const level of ['ok', 'warn', 'fail', 'skipped']) {
    assert.equal(counts[level], findings.filter((one) => one.level === level).length, level)
  }
  assert.equal(healthy, counts['fail'] === 0)
  assert.equal(code, healthy ? 0 : 1)
  for (const { level, code, what, why, fix = [] } of findings) {
    const wanting = level === 'warn' || level === 'fail'
    assert.equal(what.length > 0 && wanting === (why !== undefined), true, `${code} says why`)
    assert.equal(fix.length > 0, wanting, `${code} says what to do`)
  }
  return findings
}
