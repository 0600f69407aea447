/** `koa-docs-callback doctor`: the program. What it looks at is in `run.ts`. */
import { createHttp } from '../client/http.js'
import { systemClock } from '../clock.js'
import type { Environment } from '../shell/arguments.js'
import { DONE, FAILED } from '../shell/exit.js'
import { write } from '../shell/output.js'
import { manifest } from './packages.js'
import { countsOf, listed, summary, type Looks } from './report.js'
import { examine, type Examined } from './run.js'
import { readSettings, type Settings } from './settings.js'
import { USAGE } from './usage.js'
import { shown } from './words.js'

/** `args`: what stands behind `doctor`. Resolves with the exit code. @throws UsageError */
export async function doctor(args: readonly string[], environment: Environment): Promise<number> {
  const settings = readSettings(args, environment)
  if (settings === undefined) {
    await write(process.stdout, USAGE)
    return DONE
  }
  const findings = await (settings.json ? asJson(settings) : asList(settings))
  return countsOf(findings).fail > 0 ? FAILED : DONE
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
