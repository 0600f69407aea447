/** What a command was asked: arguments, environment, and a file of options. No message of this file holds a secret. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isRecord } from '../check.js'
import type { DocsOptions } from '../options.js'
import {
  address,
  lines,
  parse,
  redisUrl,
  seconds,
  UsageError,
  type Environment,
} from './arguments.js'

export interface Settings {
  docs: Omit<DocsOptions, 'onSave' | 'worker' | 'redis'>
  redis: DocsOptions['redis'] | undefined
  /** Document keys. */
  keys: readonly string[]
  all: boolean
  /** Ids of users; empty: everybody. */
  users: readonly string[]
  /** ms; undefined: as long as the call takes by itself. */
  timeout: number | undefined
  json: boolean
}

/** What a command takes. */
export interface Takes {
  name: string
  /** Whether it needs the ledger of the application. */
  needsRedis: boolean
  /** Which document keys it takes. */
  keys: 'none' | 'one' | 'some' | 'any'
  takesAll?: boolean
  takesUsers?: boolean
}

const OPTIONS = {
  server: { type: 'string' },
  redis: { type: 'string' },
  prefix: { type: 'string' },
  options: { type: 'string' },
  all: { type: 'boolean' },
  user: { type: 'string', multiple: true },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/** A day. */
const LONGEST = 86_400

/**
 * What the ledger forgets goes by whoever writes: as a guest in the application's ledger a command must not forget
 * sooner than the application does, whose `retention` it may not know. A week, ms.
 */
const RETENTION = 7 * 24 * 3_600_000

/** `undefined`: help was asked for. @throws UsageError */
export async function readSettings(
  command: Takes,
  args: readonly string[],
  environment: Environment,
): Promise<Settings | undefined> {
  const { values, positionals: keys } = parse(args, optionsOf(command))
  if (values.help === true) return undefined
  checkKeys(command, keys, values.all === true)
  const file = values.options === undefined ? {} : await optionsIn(values.options)
  const server = values.server ?? file.server ?? environment['DOCS_URL']
  if (server === undefined || server === '') {
    throw new UsageError('give the address of the Docs server by --server, or in DOCS_URL')
  }
  const redis =
    redisUrl(values.redis) ?? file.redis ?? redisUrl(environment['REDIS_URL'] || undefined)
  if (command.needsRedis && redis === undefined) {
    throw new UsageError(
      `give --redis, or REDIS_URL: ${command.name} needs the Redis of the application, which knows what is saved`,
    )
  }
  const { onSave: _onSave, worker: _worker, recoverEvery: _every, logger: _logger, ...rest } = file
  const { redis: _redis, ...given } = rest
  return {
    docs: {
      retention: RETENTION,
      ...given,
      ...(values.prefix === undefined ? {} : { prefix: values.prefix }),
      server: address('--server', server).href,
      secret: secretOf(file, environment),
    },
    redis,
    keys: [...new Set(keys)],
    all: values.all ?? false,
    users: values.user ?? [],
    timeout:
      values.timeout === undefined
        ? undefined
        : seconds('--timeout', values.timeout, 0, 0.1, LONGEST),
    json: values.json ?? false,
  }
}

/** `all` and `user` are there for the commands that take them. */
function optionsOf({ takesAll, takesUsers }: Takes): typeof OPTIONS {
  const { all, user, ...rest } = OPTIONS
  const allowed = { ...rest, ...(takesAll && { all }), ...(takesUsers && { user }) }
  return allowed as typeof OPTIONS
}

function checkKeys({ name, keys }: Takes, given: readonly string[], all: boolean): void {
  // Not shown: it may be a secret whose option was forgotten.
  if (keys === 'none' && given.length > 0) {
    throw new UsageError(`there is something more behind \`${name}\` than options`)
  }
  if (all && given.length > 0) throw new UsageError('--all: give it, or keys, and not both')
  if (keys === 'some' && given.length === 0 && !all) {
    const or = name === 'forcesave' ? ', or --all' : ''
    throw new UsageError(`give the document keys behind \`${name}\`${or}`)
  }
  if (keys === 'one' && given.length !== 1) {
    throw new UsageError(`give one document key behind \`${name}\``)
  }
}

/** What the application gives to `createDocs()`: the default export of a module, or its `options`. */
async function optionsIn(path: string): Promise<Partial<DocsOptions>> {
  let module: unknown
  try {
    module = await import(pathToFileURL(resolve(path)).href)
  } catch (error) {
    // Not its message, which may be anything.
    const { code, name } = error as NodeJS.ErrnoException
    throw new UsageError(`--options: the module cannot be loaded: ${code ?? name}`)
  }
  const found = isRecord(module) ? (module['default'] ?? module['options']) : undefined
  if (isRecord(found)) return found
  throw new UsageError(
    '--options: the module has to export the options of createDocs(), by default or as `options`',
  )
}

function secretOf(
  { secret }: Partial<DocsOptions>,
  environment: Environment,
): DocsOptions['secret'] {
  if (secret !== undefined) return secret
  const secrets = lines(environment['DOCS_SECRET'] ?? '')
  if (secrets.length > 0) return secrets
  throw new UsageError(
    "set DOCS_SECRET to the Docs server's secret; a second line is the previous one, while it is being changed",
  )
}
