/** What the doctor was asked: arguments, environment, files. A secret or password is in no message of this file. */
import { DEFAULT_PREFIX, isPrefix, PREFIX_RULE } from '../check-prefix.js'
import {
  address,
  contents,
  lines,
  parse,
  redisUrl,
  seconds,
  UsageError,
  type Environment,
} from '../shell/arguments.js'

export interface Settings {
  server: URL
  /** The first signs; empty: none was given. */
  secrets: readonly string[]
  /** Whether one was an argument, where others can see it. */
  secretInArguments: boolean
  callback: URL | undefined
  /** The option of createDocs() of that name. */
  prefix: string
  prefixGiven: boolean
  /** May hold a password. */
  redis: string | undefined
  /** How long one check may take, ms. */
  timeout: number
  /** How long an unfinished callback is held open, ms. */
  wait: number
  json: boolean
}

/** The application gives a body 30 s to arrive: a longer wait would be ended by itself, not by a proxy. */
const LONGEST_WAIT = 25

const OPTIONS = {
  server: { type: 'string' },
  secret: { type: 'string', multiple: true },
  'secret-file': { type: 'string' },
  callback: { type: 'string' },
  redis: { type: 'string' },
  prefix: { type: 'string' },
  timeout: { type: 'string' },
  wait: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** `args`: what stands behind `doctor`. `undefined`: help was asked for. @throws UsageError */
export function readSettings(
  args: readonly string[],
  environment: Environment,
): Settings | undefined {
  const { values, positionals } = parse(args, OPTIONS)
  if (values.help === true) return undefined
  // Not shown: it may be a secret whose option was forgotten.
  if (positionals.length > 0)
    throw new UsageError('there is something more behind `doctor` than options')
  const server = values.server ?? environment['DOCS_URL']
  if (server === undefined || server === '') {
    throw new UsageError('give the address of the Docs server by --server, or in DOCS_URL')
  }
  return {
    server: address('--server', server),
    ...secretsOf(values, environment),
    callback: values.callback === undefined ? undefined : address('--callback', values.callback),
    prefix: prefixOf(values.prefix ?? DEFAULT_PREFIX),
    prefixGiven: values.prefix !== undefined,
    redis: redisUrl(values.redis ?? (environment['REDIS_URL'] || undefined)),
    timeout: seconds('--timeout', values.timeout, 10, 1, 300),
    wait: seconds('--wait', values.wait, 2, 0.1, LONGEST_WAIT),
    json: values.json ?? false,
  }
}

/** By arguments, `-` for standard input, from a file, or from `DOCS_SECRET`; one a line. */
function secretsOf(
  values: { secret?: string[]; 'secret-file'?: string },
  environment: Environment,
): Pick<Settings, 'secrets' | 'secretInArguments'> {
  const given = values.secret ?? []
  const typed = given.filter((secret) => secret !== '-')
  if (typed.includes('')) throw new UsageError('--secret is empty')
  const file = values['secret-file']
  const asked = [
    ...typed,
    ...(given.includes('-') ? lines(contents(0, 'standard input')) : []),
    ...(file === undefined ? [] : lines(contents(file, '--secret-file'))),
  ]
  const explicit = given.length > 0 || file !== undefined
  const secrets = explicit ? asked : lines(environment['DOCS_SECRET'] ?? '')
  if (explicit && secrets.length === 0)
    throw new UsageError('no secret was found where it was said to be')
  if (secrets.length > 2) {
    throw new UsageError(
      'give one secret, or two while it is being changed: the current one, then the previous one',
    )
  }
  return { secrets, secretInArguments: typed.length > 0 }
}

function prefixOf(given: string): string {
  if (isPrefix(given)) return given
  throw new UsageError(`--prefix: ${PREFIX_RULE}`)
}
