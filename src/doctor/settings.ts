/** What the doctor was asked: arguments, environment, files. A secret or password is in no message of this file. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { baseUrl } from '../check-address.js'
import { DEFAULT_PREFIX, isPrefix, PREFIX_RULE } from '../check-prefix.js'
import { isDocsError } from '../errors.js'

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

/** Wrong usage; the message says what is allowed. */
export class UsageError extends Error {}

/** No command was given that there is: what there is has to be said. */
export class NoCommandError extends UsageError {}

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

type Environment = Readonly<Record<string, string | undefined>>

/** `undefined`: help was asked for. @throws UsageError */
export function readSettings(
  args: readonly string[],
  environment: Environment,
): Settings | undefined {
  const { values, positionals } = parse(args)
  if (values.help === true) return undefined
  const [command, ...rest] = positionals
  if (command !== 'doctor') throw new NoCommandError('give the command `doctor`')
  // Not shown: it may be a secret whose option was forgotten.
  if (rest.length > 0) throw new UsageError('there is something more behind `doctor` than options')
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
    redis: redisOf(values.redis ?? (environment['REDIS_URL'] || undefined)),
    timeout: seconds('--timeout', values.timeout, 10, 1, 300),
    wait: seconds('--wait', values.wait, 2, 0.1, LONGEST_WAIT),
    json: values.json ?? false,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch {
    // Node's words hold what was given, which may be a secret.
    throw new UsageError(problemIn(args))
  }
}

/** Names the option, and never its value. */
function problemIn(args: readonly string[]): string {
  const lenient = { strict: false, tokens: true, allowPositionals: true } as const
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, ...lenient })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, value, inlineValue } = token
    if (!isOption(name)) {
      const names = Object.keys(OPTIONS).map((one) => `--${one}`)
      return `there is an option that does not exist; allowed are ${names.join(', ')}`
    }
    const { type } = OPTIONS[name]
    if (type === 'boolean' && value !== undefined) return `--${name}: it takes no value`
    const missing = value === undefined || (!inlineValue && /^-./.test(value))
    if (type === 'string' && missing) {
      return `--${name}: it lacks its value; one that begins with - is written --option=value`
    }
  }
  return 'an option lacks its value, or has one too many'
}

const isOption = (name: string): name is keyof typeof OPTIONS => Object.hasOwn(OPTIONS, name)

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

const lines = (text: string): string[] => text.split(/\r?\n/).filter((line) => line !== '')

function contents(file: string | 0, name: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    throw new UsageError(`${name} cannot be read: ${code}`)
  }
}

function address(name: string, given: string): URL {
  try {
    return new URL(baseUrl(name, given))
  } catch (error) {
    throw isDocsError(error) ? new UsageError(error.message) : error
  }
}

function prefixOf(given: string): string {
  if (isPrefix(given)) return given
  throw new UsageError(`--prefix: ${PREFIX_RULE}`)
}

/** Not shown: it may hold a password. */
function redisOf(given: string | undefined): string | undefined {
  if (given === undefined || (/^rediss?:\/\//.test(given) && URL.canParse(given))) return given
  throw new UsageError(
    '--redis: give a URL like redis://127.0.0.1:6379 or rediss://user:password@host',
  )
}

function seconds(
  name: string,
  given: string | undefined,
  normally: number,
  least: number,
  most: number,
): number {
  const value = given === undefined ? normally : Number(given)
  if (given !== '' && value >= least && value <= most) return value * 1000
  throw new UsageError(`${name}: allowed are ${least} to ${most} seconds`)
}
