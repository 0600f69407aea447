/**
 * What Redis has to permit before anything is built on it. BullMQ's worker goes round without a pause where
 * one of these is refused, and then no timer of the process runs: so it is started only after all have worked.
 */
import { randomBytes } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { isRefusal } from '../saves/bullmq-refusal.js'
import { nodesOf } from './redis-connections.js'

/** What is missing. */
export interface Missing {
  /** Whether Redis has refused something; else it was not reached. */
  readonly refused: boolean
  /** In words: what was refused, and what needs it. */
  readonly what: string
  /** In words: what to do. */
  readonly fix: string
  readonly cause: unknown
}

export interface RightsAsked {
  redis: Redis | Cluster
  /** Left out: SUBSCRIBE is not tried. */
  subscriber?: Redis | Cluster
  prefix: string
  channel: string
  /** Why there is no connection, as far as it is known. */
  trouble?: () => unknown
}

export const wordsOf = ({ what, fix }: Missing): string => `${what}: ${fix}`

/** The rule of an ACL by which a user has all that is needed and little else. */
export const rightsRule = (prefix: string): string =>
  `~${prefix}:* ~{${prefix}}:* &${prefix}:* +@all -@dangerous +info`

/**
 * What the scripts of the ledger and of BullMQ ask, by the type of the value. The first one writes: a replica and a
 * full Redis refuse it.
 */
const COMMANDS = [
  ...['SET KEY 1 PX 10000', 'GET KEY', 'EXISTS KEY', 'PTTL KEY', 'PERSIST KEY', 'PEXPIRE KEY 9999'],
  ...['INCR KEY', 'TIME', 'DEL KEY'],
  ...['HSET KEY f 1', 'HMSET KEY f 1', 'HGET KEY f', 'HMGET KEY f', 'HGETALL KEY', 'HEXISTS KEY f'],
  ...['HINCRBY KEY f 1', 'HDEL KEY f', 'DEL KEY'],
  ...['LPUSH KEY 1', 'LLEN KEY', 'LRANGE KEY 0 1', 'LINDEX KEY 0', 'RPOPLPUSH KEY KEY'],
  ...['LTRIM KEY 0 1', 'LREM KEY 0 2', 'LPOP KEY', 'DEL KEY'],
  ...['SADD KEY 1', 'SCARD KEY', 'SMEMBERS KEY', 'SREM KEY 1', 'DEL KEY'],
  ...['XADD KEY * f 1', 'XTRIM KEY MAXLEN 1', 'DEL KEY'],
  ...['ZADD KEY 0 1', 'ZCARD KEY', 'ZSCORE KEY 1', 'ZRANGE KEY 0 1', 'ZREVRANGE KEY 0 1'],
  ...['ZRANGEBYSCORE KEY 0 1', 'ZREVRANGEBYSCORE KEY 1 0', 'ZRANGEBYLEX KEY - +'],
  ...[
    'ZREMRANGEBYSCORE KEY 5 6',
    'ZREMRANGEBYRANK KEY 5 6',
    'ZPOPMIN KEY',
    'ZREM KEY 1',
    'DEL KEY',
  ],
]

/** Asks each of them for a key of its own, which is gone afterwards; gives the names of those that are refused. */
const SCRIPT = `local refused = {}
for _, line in ipairs(ARGV) do
  local call = {}
  for word in string.gmatch(line, '%S+') do
    table.insert(call, word == 'KEY' and KEYS[1] or word)
  end
  local answer = redis.pcall(unpack(call))
  local said = type(answer) == 'table' and answer.err
  if said and (string.find(said, 'permission') or string.find(said, 'user executing')) then
    table.insert(refused, string.lower(call[1]))
  elseif said and call[1] == 'SET' then return answer end
end
return refused`

const ADVICE: [said: RegExp, what: string, fix: string][] = [
  [/^READONLY/, 'it is a replica', 'give the address of the master'],
  [/^OOM/, 'it is full', 'raise its maxmemory, or free some'],
  [/^MISCONF/, 'it cannot write to its disk', 'see to its disk, and to its log'],
  [/^(NOAUTH|WRONGPASS)/, 'it refuses user or password', 'correct them in the option redis'],
  [/^(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN)/, 'it is not ready', 'see to its log'],
]

/** One thing that is tried, and what a user has to be granted for it: the command, and what it is for. */
interface Step {
  what: string
  command: string
  on?: string
  try: () => Promise<unknown>
}

/** What is missing; undefined: nothing. */
export async function missingRight(asked: RightsAsked): Promise<Missing | undefined> {
  const { redis, prefix, trouble } = asked
  if (redis.status !== 'ready') return inWords(trouble?.())
  for (const step of stepsOf(asked)) {
    try {
      await step.try()
    } catch (cause) {
      // A script that is not known: it was allowed to be asked for.
      if (cause instanceof Error && cause.message.startsWith('NOSCRIPT')) continue
      return inWords(cause, step, prefix)
    }
  }
  return undefined
}

function stepsOf({ redis, subscriber, prefix, channel }: RightsAsked): Step[] {
  const random = randomBytes(6).toString('base64url')
  const places = [`${prefix}:{rights}`, `{${prefix}}:saves:rights`, `{${prefix}}:recovery:rights`]
  const blocking = `{${prefix}}:saves:rights:${random}`
  const scripts = places.map((place): Step => {
    const on = `~${place.replace(/:.*/, ':*')}`
    return {
      ...{ what: `a script on keys ${on.slice(1)}`, command: '+eval', on },
      async try() {
        const refused = (await redis.eval(SCRIPT, 1, `${place}:${random}`, ...COMMANDS)) as string[]
        if (refused.length > 0) throw new RefusedInScript(refused)
      },
    }
  })
  return [
    ...scripts,
    {
      ...{ what: 'a script by its hash', command: '+evalsha' },
      try: () => redis.evalsha('0'.repeat(40), 1, `${places[0]}:${random}`),
    },
    {
      ...{ what: 'a blocking read', command: '+bzpopmin', on: `~{${prefix}}:*` },
      try: () => redis.bzpopmin(blocking, 0.01),
    },
    {
      ...{ what: 'PUBLISH', command: '+publish', on: `&${channel}` },
      try: () => redis.publish(channel, ''),
    },
    {
      ...{ what: 'SUBSCRIBE', command: '+subscribe', on: `&${channel}` },
      try: async () => subscriber?.subscribe(channel),
    },
    {
      ...{ what: 'INFO', command: '+info' },
      try: () => Promise.all(nodesOf(redis).map((node) => node.info())),
    },
  ]
}

class RefusedInScript extends Error {
  readonly commands: readonly string[]
  constructor(commands: readonly string[]) {
    super(`NOPERM a script was refused ${commands.join(', ')}`)
    this.commands = commands
  }
}

function inWords(cause: unknown, step?: Step, prefix?: string): Missing {
  const said = cause instanceof Error ? cause.message : 'there is no connection yet'
  const refused = isRefusal(cause)
  const known = ADVICE.find(([pattern]) => pattern.test(said))
  if (step !== undefined && prefix !== undefined && said.startsWith('NOPERM')) {
    const which =
      cause instanceof RefusedInScript
        ? cause.commands.map((command) => `+${command}`).join(' ')
        : /keys|channels/.test(said)
          ? (step.on ?? step.command)
          : step.command
    const rule = `ACL SETUSER <user> ${rightsRule(prefix)}`
    return {
      refused,
      cause,
      what: `${said} (${step.what})`,
      fix: `grant ${which}; for all that is needed: ${rule}`,
    }
  }
  const [, what = '', fix = ''] = known ?? [
    undefined,
    refused ? `${step?.what ?? 'it'} does not work` : 'it is not reached',
    refused ? 'see to its log' : 'see that it runs, and that the option redis is right',
  ]
  return { refused, cause, what: `${said}: ${what}`, fix }
}
