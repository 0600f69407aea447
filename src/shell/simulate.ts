/** `simulate`: the simulated Docs server with its editor, for trying things out without one of one's own. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Failing } from '../testing/controls.js'
import { lines, parse, seconds, UsageError, type Environment } from './arguments.js'
import { DONE, FAILED } from './exit.js'
import { write } from './output.js'

export const SIMULATE = {
  name: 'simulate',
  summary: 'starts a simulated Docs server with an editor, to try things out',
}

const USAGE = `Usage: koa-docs-callback simulate [options]

Starts a simulated Docs server on this machine: a plain text editor for the browser, commands, callbacks,
forgotten files. It keeps everything in memory, and its page sets what fails. Ctrl-C ends it.

  --port PORT         where it listens (8080)
  --delay SECONDS     how long a conversion takes (0.4)
  --fail KIND         conversions that fail: none, forced, final or all (none)
  --help              this

It takes its secret from DOCS_SECRET, or else makes one and prints it.
`

const OPTIONS = {
  port: { type: 'string' },
  delay: { type: 'string' },
  fail: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const FAILING: readonly Failing[] = ['none', 'forced', 'final', 'all']

/** `args`: what stands behind `simulate`. Resolves with the exit code, at SIGINT or SIGTERM. @throws UsageError */
export async function simulate(args: readonly string[], environment: Environment): Promise<number> {
  const { values, positionals } = parse(args, OPTIONS)
  if (values.help === true) {
    await write(process.stdout, USAGE)
    return DONE
  }
  if (positionals.length > 0) {
    throw new UsageError('there is something more behind `simulate` than options')
  }
  const port = portOf(values.port)
  const failing = FAILING.find((kind) => kind === (values.fail ?? 'none'))
  if (failing === undefined) throw new UsageError(`--fail: allowed are ${FAILING.join(', ')}`)
  const delay = seconds('--delay', values.delay, 0.4, 0, 600)
  const [given] = lines(environment['DOCS_SECRET'] ?? '')
  const secret = given ?? randomBytes(32).toString('hex')

  const { failsOf } = await import('../testing/controls.js')
  const { startDocsServer } = await import('../testing/docs-server.js')
  const conversion = { delay, fails: failsOf(failing) }
  let server
  try {
    server = await startDocsServer({ secret, port, conversion })
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    await write(process.stderr, `it cannot listen on port ${port}: ${code}; choose one by --port\n`)
    return FAILED
  }
  const ended = Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)))
  await write(process.stdout, words(server.url, given === undefined ? secret : undefined))
  await ended
  await server.close()
  return DONE
}

function words(url: string, made: string | undefined): string {
  const secret = made === undefined ? 'its secret is that of DOCS_SECRET' : `DOCS_SECRET=${made}`
  return `The simulated Docs server listens. For your application:

  DOCS_URL=${url}
  ${secret}

${url}/simulator sets its delays and what fails.
`
}

function portOf(given: string | undefined): number {
  const port = given === undefined ? 8080 : Number(given)
  if (given !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port
  throw new UsageError('--port: allowed are 0 (any free one) to 65535')
}
