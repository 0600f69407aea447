/** The doctor as a process of its own, or in this one, and what it has said. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { createHttp } from '../../src/client/http.js'
import { systemClock } from '../../src/clock.js'
import { examine } from '../../src/doctor/run.js'
import { readSettings } from '../../src/doctor/settings.js'
import { startDocsServer, type DocsServerOptions } from '../../src/testing/index.js'
import { SECRET, startApp, type AppOptions } from './app.js'
import { environment } from './first-example.js'
import { startFront, type Exchange } from './front.js'

const CLI = fileURLToPath(new URL('../../src/shell/cli.ts', import.meta.url))

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
  nothingOf(asked.hidden ?? [], output + errors)
  const findings = asked.args.includes('--json') && output !== '' ? readFindings(output, code) : []
  return { code, output, errors, findings, of: byCheck(findings) }
}

/** The same checks in this process, which is quicker: without the program around them. */
export async function examineHere({
  args,
  env = {},
  hidden,
}: Asked): Promise<Pick<Examination, 'findings' | 'of'>> {
  const settings = readSettings(args, env)
  assert.ok(settings, 'help was asked for')
  const http = createHttp()
  const findings: Finding[] = []
  for await (const some of examine(settings, { http, clock: systemClock })) findings.push(...some)
  await http.close()
  checkForm(findings)
  nothingOf(hidden ?? [], JSON.stringify(findings))
  return { findings, of: byCheck(findings) }
}

const byCheck =
  (findings: readonly Finding[]) =>
  (check: string): string[] =>
    findings.filter((one) => one.check === check).map(({ level, code }) => `${level} ${code}`)

/** Nor a token. */
function nothingOf(hidden: readonly string[], text: string): void {
  for (const secret of [...hidden, 'eyJ']) {
    assert.equal(text.includes(secret), false, `the output holds ${secret}`)
  }
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
  checkForm(findings)
  return findings
}

function checkForm(findings: readonly Finding[]): void {
  for (const { level, code, what, why, fix = [] } of findings) {
    const wanting = level === 'warn' || level === 'fail'
    assert.equal(what.length > 0 && wanting === (why !== undefined), true, `${code} says why`)
    assert.equal(fix.length > 0, wanting, `${code} says what to do`)
  }
}

/** A Docs server and an application, each behind something, or bare. */
export async function scene(
  t: TestContext,
  options: {
    server?: DocsServerOptions
    app?: Partial<AppOptions>
    atServer?: (exchange: Exchange) => void | Promise<void>
    atApp?: (exchange: Exchange) => void | Promise<void>
  } = {},
) {
  const server = await startDocsServer({ secret: SECRET, ...options.server })
  const app = await startApp({ server: server.url, ...options.app })
  const [there, here] = await Promise.all([
    options.atServer && startFront(server.url, options.atServer),
    options.atApp && startFront(app.url, options.atApp),
  ])
  t.after(async () => {
    await Promise.all([there?.[Symbol.asyncDispose](), here?.[Symbol.asyncDispose]()])
    await Promise.all([server.close(), app.close()])
  })
  const appUrl = here?.url ?? app.url
  return {
    server,
    url: there?.url ?? server.url,
    route: `${appUrl}/docs/callback`,
    callback: app.docs.callbackUrl('report').replace(app.url, appUrl),
    app,
  }
}
