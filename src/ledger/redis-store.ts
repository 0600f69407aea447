/**
 * One document in Redis: its state with a version and when it is due, and a key for each verdict. A
 * change is written only if the version is the one it was made from, in one script that also sets
 * the expiry and publishes the wake-up (`architecture.md`, "The Redis side"). A write that loses is
 * answered with what there is, so that nothing need be read before it.
 */
import { randomBytes } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { unreachable } from './redis-error.js'
import { script } from './redis-script.js'
import { readDue, readRecord, readVerdict, writeRecord, writeVerdict } from './redis-record.js'
import { createOpenSet, type OpenSet } from './redis-open-set.js'
import { sha256 } from '../protocol/sha256.js'
import type { Verdict } from '../settlement/event.js'
import { emptyDocument, type DocumentState } from '../settlement/state.js'

export interface StoredDocument {
  /**
   * Never the same twice, and empty where nothing is stored: a number that starts again after Redis
   * was emptied would let an old state pass for the new one.
   */
  version: string
  state: DocumentState
  /** ms since the epoch, Infinity for nothing. */
  dueAt: number
  /** Redis's own time, ms since the epoch: the clocks of the processes do not matter. */
  now: number
  /** In the order of the ids asked for. */
  verdicts: (Verdict | undefined)[]
}

export interface Change {
  /** The one that it was made from. */
  version: string
  state: DocumentState
  dueAt: number
  verdicts: ReadonlyMap<string, Verdict>
  /** How long the document, and how long each verdict is kept, ms. */
  expiry: number
  retention: number
  /** Whether others may be waiting for it. */
  wake: boolean
}

export interface RedisStore {
  /** The name that stands for a key in Redis: a document key never becomes a Redis key as it is. */
  nameOf: (key: string) => string
  /**
   * Where wake-ups are published: `<name> <dueAt> <version>`, and for each verdict that was written two more
   * lines, its id and its text.
   */
  readonly channel: string
  readonly openSet: OpenSet
  read: (key: string, ids?: readonly string[]) => Promise<StoredDocument>
  /** Whether this process has written it: then it knows of it without being woken. */
  isOwn: (version: string) => boolean
  /** Of each of these keys, in their order; much cheaper than reading them. */
  versions: (keys: readonly string[]) => Promise<string[]>
  /** Redis's time when it was written, and its version; or what there is when somebody else was faster. */
  write: (
    key: string,
    change: Change,
  ) => Promise<Pick<StoredDocument, 'now' | 'version'> | { lost: StoredDocument }>
}

/** A longer verdict is read by those who wait for it instead of being sent to every process, bytes. */
const MAX_CARRIED = 2048

const NOW = `local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)`

const READ = `${NOW}
local d = redis.call('HMGET', KEYS[1], 'v', 's', 'd')
local r = { now, d[1], d[2], d[3] }
for i = 2, #KEYS do r[i + 3] = redis.call('GET', KEYS[i]) end
return r`

const WRITE = `${NOW}
if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[1] then
  local d = redis.call('HMGET', KEYS[1], 'v', 's', 'd')
  return { now, d[1], d[2], d[3] }
end
redis.call('HSET', KEYS[1], 'v', ARGV[2], 's', ARGV[3], 'd', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local verdicts = ''
for i = 2, #KEYS do
  local text = ARGV[i + 7]
  local isFirst = redis.call('SET', KEYS[i], text, 'PX', ARGV[6], 'NX')
  if isFirst and #text <= ${MAX_CARRIED} then
    verdicts = verdicts .. '\\n' .. string.match(KEYS[i], '[^:]+$') .. '\\n' .. text
  end
end
if ARGV[8] ~= '' then redis.call('PUBLISH', ARGV[7], ARGV[8] .. verdicts) end
return now`

/** Redis's time, version, state, when it is due, and verdicts. */
type Reply = [now: number, ...texts: (string | null | undefined)[]]

/** Where the processes of a prefix wake each other. */
export const wakeChannel = (prefix: string): string => `${prefix}:wake`

export function createRedisStore(redis: Redis | Cluster, prefix: string): RedisStore {
  const channel = wakeChannel(prefix)
  // One hash tag per document: in a cluster all of it is in one place.
  const documentKey = (key: string): string => `${prefix}:{${sha256(key)}}:document`
  const verdictKey = (key: string, id: string): string => `${prefix}:{${sha256(key)}}:verdict:${id}`
  const own = `${randomBytes(9).toString('base64url')}.`
  let writes = 0
  const read = script(redis, READ)
  const write = script(redis, WRITE)

  function documentOf(key: string, [now, version, state, dueAt]: Reply): StoredDocument {
    const name = documentKey(key)
    return {
      now,
      version: version ?? '',
      state: typeof state === 'string' ? readRecord(state, name) : emptyDocument,
      dueAt: readDue(dueAt, name),
      verdicts: [],
    }
  }

  return {
    nameOf: sha256,
    channel,
    openSet: createOpenSet(redis, prefix),
    async read(key, ids = []) {
      const keys = [documentKey(key), ...ids.map((id) => verdictKey(key, id))]
      const [now, version, state, dueAt, ...verdicts] = (await read(keys, [])) as Reply
      return {
        ...documentOf(key, [now, version, state, dueAt]),
        verdicts: ids.map((id, index) => {
          const verdict = verdicts[index]
          if (typeof verdict !== 'string') return undefined
          return readVerdict(verdict, verdictKey(key, id))
        }),
      }
    },
    isOwn: (version) => version.startsWith(own),
    versions: (keys) =>
      Promise.all(keys.map(async (key) => (await redis.hget(documentKey(key), 'v')) ?? '')).catch(
        (cause: unknown) => {
          throw unreachable(cause)
        },
      ),
    async write(key, { version, state, dueAt, verdicts, expiry, retention, wake }) {
      const next = `${own}${(writes += 1)}`
      const due = dueAt === Infinity ? '' : String(dueAt)
      const entries = [...verdicts]
      const reply = (await write(
        [documentKey(key), ...entries.map(([id]) => verdictKey(key, id))],
        [
          ...[version, next, writeRecord(state), due],
          ...[String(Math.ceil(expiry)), String(Math.ceil(retention))],
          ...[channel, wake ? `${sha256(key)} ${due} ${next}` : ''],
          ...entries.map(([, verdict]) => writeVerdict(verdict)),
        ],
      )) as number | Reply
      if (typeof reply === 'number') return { now: reply, version: next }
      return { lost: documentOf(key, reply) }
    },
  }
}
