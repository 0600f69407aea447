#!/usr/bin/env node
/** `koa-docs-callback doctor`: the program. What it looks at is in `run.ts`. */
import { createHttp } from '../client/http.js'
import { systemClock } from '../clock.js'
import { manifest } from './packages.js'
import { countsOf, listed, summary, type Looks } from './report.js'
import { examine, type Examined } from './run.js'
import { NoCommandError, readSettings, UsageError, type Settings } from './settings.js'
import { USAGE } from './usage.js'
import { shown } from './words.js'

const FAILED = 1
const WRONG_USAGE = 2
const HINT = 'koa-docs-callback doctor --help tells all options\n'

async function main(): Promise<number> {
  let settings: Settings | undefined
  try {
    settings = readSettings(process.argv.slice(2), process.env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const help = error instanceof NoCommandError ? `\n${USAGE}` : HINT
    await write(process.stderr, `${error.message}\n${help}`)
    return WRONG_USAGE
  }
  if (settings === undefined) {
    await write(process.stdout, USAGE)
    return 0
  }
  const findings = await (settings.json ? asJson(settings) : asList(settings))
  return countsOf(findings).fail > 0 ? FAILED : 0
}

async function asList(settings: Settings): Promise<Examined[]> {
  const { isTTY, columns } = process.stdout
  const looks: Looks = isTTY
    ? { colours: !process.env['NO_COLOR'], width: columns }
    : { colours: false, width: Infinity }
  await write(
    process.stdout,
    `koa-docs-callback ${manifest.version}, Docs server ${shown(settings.server)}\n\n`,
  )
  const all: Examined[] = []
  for await (const findings of examination(settings)) {
    all.push(...findings)
    await write(process.stdout, listed(findings, looks))
  }
  await write(process.stdout, summary(countsOf(all), looks))
  return all
}

async function asJson(settings: Settings): Promise<Examined[]> {
  const findings: Examined[] = []
  for await (const some of examination(settings)) findings.push(...some)
  const counts = countsOf(findings)
  const document = {
    version: manifest.version,
    server: shown(settings.server),
    healthy: counts.fail === 0,
    counts,
    findings,
  }
  await write(process.stdout, `${JSON.stringify(document, undefined, 2)}\n`)
  return findings
}

const examination = (settings: Settings): AsyncGenerator<Examined[]> =>
  examine(settings, { http: createHttp(), clock: systemClock })

/** Resolves when it is out: the process is ended after it. */
function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()))
}

// Who was reading has gone, `| head` for one.
process.stdout.on('error', () => process.exit(FAILED))
// Deadlines alone would not keep this process waiting for them.
setInterval(() => {}, 60_000)
// Ended at once: a name that is still being looked up would hold it open.
process.exit(await main())
