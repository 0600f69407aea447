/** The ledger of several processes: the same contract, over a real Redis, and what only Redis can do. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Redis } from 'ioredis'
import { onAbort } from '../src/abort.js'
import { systemClock, type Clock } from '../src/clock.js'
import { isDocsError } from '../src/errors.js'
import { silentLogger } from '../src/events.js'
import type { Ledger } from '../src/ledger/ledger.js'
import { createRedisLedger, type RedisLedgerParts } from '../src/ledger/redis.js'
import { subscribeOver } from '../src/ledger/redis-subscribe.js'
import { createRedisStore } from '../src/ledger/redis-store.js'
import { virtualClock } from '../src/testing/index.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { testLedger } from './support/ledger-contract.js'
import { arrivalOf, inWords, RULES, runOf } from './support/story.js'
import { until } from './support/until.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

let server: TestRedis
let redis: Redis
let count = 0
before(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})
after(async () => {
  redis.disconnect()
  await server.stop()
})

const newPrefix = (): string => `t${(count += 1)}`

interface Given extends Pick<RedisLedgerParts, 'clock' | 'rules' | 'perform'> {
  ownTime?: boolean
  /** Hears of no wake-up. */
  deaf?: boolean
  /** Called when it hears of wake-ups from now on, and has looked for those before. */
  onHearing?: () => void
  /** Called with the name of each operation on Redis, when it has ended. */
  onUse?: (operation: 'read' | 'write' | 'versions' | 'list') => void
}

function createLedger(given: Given, prefix = newPrefix()): Ledger {
  const connection = new Redis(server.url)
  const subscriber = new Redis(server.url)
  const { deaf = false, onHearing = () => {}, onUse = () => {}, ...parts } = given
  const store = createRedisStore(connection, prefix)
  const ledger = createRedisLedger({
    ...parts,
    store: {
      ...store,
      read: (...args) => store.read(...args).finally(() => onUse('read')),
      write: (...args) => store.write(...args).finally(() => onUse('write')),
      versions: (...args) => store.versions(...args).finally(() => onUse('versions')),
      openSet: {
        ...store.openSet,
        add: (...args) => store.openSet.add(...args).finally(() => onUse('list')),
      },
    },
    logger: silentLogger,
    subscribe(wake, wakeAll) {
      if (deaf) return
      subscribeOver(
        subscriber,
        store.channel,
        silentLogger,
      )(wake, () => {
        wakeAll()
        onHearing()
      })
    },
  })
  return {
    ...ledger,
    async close() {
      await ledger.close()
      connection.disconnect()
      subscriber.disconnect()
    },
  }
}

testLedger({
  name: 'redis',
  create: (parts) => createLedger({ ...parts, ownTime: true }),
  ioMs: 20,
  manyKeys: 500,
  exempt: {
    'on a key that stays busy, old verdicts expire all the same':
      "Redis's expiry goes by real time, this clock is virtual; see 'everything that is written expires'",
  },
})

describe('the ledger in Redis', () => {
  /** On real time, as in an application. */
  function open(
    prefix: string,
    clock: Clock = systemClock,
    more: Partial<Given> = {},
  ): Ledger & AsyncDisposable {
    const ledger = createLedger({ clock, rules: RULES, perform: () => {}, ...more }, prefix)
    return { ...ledger, [Symbol.asyncDispose]: () => ledger.close() }
  }
  const register = (ledger: Ledger, id: string, timeout = 60_000): Promise<void> =>
    ledger.apply('k', {
      ...{ type: 'registered', id, kind: 'forcesave' },
      deadline: systemClock.now() + timeout,
    })
  const reject = (ledger: Ledger, id: string): Promise<void> =>
    ledger.apply('k', { type: 'answered', id, answer: { error: 6 } })

  async function expiries(pattern: string): Promise<Map<string, number>> {
    const keys = await redis.keys(pattern)
    return new Map(
      await Promise.all(keys.map(async (key) => [key, await redis.pttl(key)] as const)),
    )
  }

  it('everything that is written expires, at the latest the retention time after its end', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix)
    await register(ledger, 'a')
    await reject(ledger, 'a')
    await ledger.apply('k', { type: 'arrived', save: arrivalOf('A', Date.now()) })
    const run = runOf(await ledger.read('k'), 'A')
    await ledger.apply('k', { type: 'stored', ...run, stored: null })
    const written = await expiries(`${prefix}:{*`)
    assert.equal(written.size, 2, 'the document and one verdict')
    for (const [key, ms] of written) assert.ok(ms > 0 && ms <= RULES.retention, `${key}: ${ms}`)
  })

  it('on a key that stays busy, a verdict keeps its time', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix)
    await register(ledger, 'busy', 5 * RULES.retention)
    await register(ledger, 'a')
    await reject(ledger, 'a')
    const [verdict] = await redis.keys(`${prefix}:*:verdict:a`)
    const [document] = await redis.keys(`${prefix}:*:document`)
    await redis.pexpire(verdict!, 60_000)
    await register(ledger, 'b')
    await reject(ledger, 'b')
    assert.ok((await redis.pttl(verdict!)) <= 60_000, 'what is written later does not prolong it')
    for (const [key, ms] of await expiries(`${prefix}:*:verdict:b`)) {
      assert.ok(ms > 0 && ms <= RULES.retention, `${key}: ${ms}`)
    }
    assert.ok((await redis.pttl(document!)) > RULES.retention, 'what is unfinished stays')
  })

  it('what is unfinished stays until it is due, and the retention time after that', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix)
    // Without an answer, nothing but the deadline is due.
    await register(ledger, 'a', 3 * RULES.retention)
    const [ms = 0] = (await expiries(`${prefix}:*`)).values()
    assert.ok(ms > 3 * RULES.retention && ms <= 4 * RULES.retention, `${ms}`)
  })

  it('a verdict that has expired is unknown, also while the command is remembered', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix)
    await register(ledger, 'a')
    await reject(ledger, 'a')
    await redis.del(await redis.keys(`${prefix}:*:verdict:a`))
    assert.equal(await ledger.settled('k', 'a', AbortSignal.timeout(10_000)), undefined)
  })

  it('deadlines go by the time of Redis: a process whose clock is wrong settles nothing early', async () => {
    const prefix = newPrefix()
    const hour = 3_600_000
    const ahead: Clock = { ...systemClock, now: () => systemClock.now() + hour }
    await using wrong = open(prefix, ahead)
    await using right = open(prefix)
    await wrong.apply('k', {
      ...{ type: 'registered', id: 'a', kind: 'forcesave' },
      deadline: ahead.now() + 300,
    })
    const verdicts = await Promise.all([
      right.settled('k', 'a', AbortSignal.timeout(10_000)),
      wrong.settled('k', 'a', AbortSignal.timeout(10_000)),
    ])
    for (const verdict of verdicts) assert.equal(verdict && inWords(verdict), 'TIMEOUT')
  })

  it('what a process wrote before Redis was emptied does not come back over what others wrote since', async () => {
    const prefix = newPrefix()
    await using one = open(prefix)
    await using other = open(prefix)
    await register(one, 'a')
    await redis.del(await redis.keys(`${prefix}:*`))
    await register(other, 'b')
    await register(one, 'c')
    const { commands } = await other.read('k')
    assert.deepEqual(
      commands.map(({ id }) => id),
      ['b', 'c'],
    )
  })

  it('serves on when Redis was emptied of its scripts', async () => {
    await using ledger = open(newPrefix())
    await register(ledger, 'a')
    await redis.script('FLUSH')
    await reject(ledger, 'a')
    assert.equal((await ledger.settled('k', 'a'))?.outcome, 'failed')
  })

  it('an error of Redis is UNREACHABLE, with what ioredis says as its cause', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix)
    await register(ledger, 'a')
    const [document] = await redis.keys(`${prefix}:*:document`)
    await redis.set(document!, 'not a hash')
    for (const attempt of [register(ledger, 'b'), ledger.read('k')]) {
      await assert.rejects(attempt, (error) => {
        assert.ok(isDocsError(error, 'UNREACHABLE') && error.retryable)
        assert.match(String(error.cause), /WRONGTYPE/)
        return true
      })
    }
  })

  it('who waits and hears of no wake-up finds the verdict by looking every few seconds', async () => {
    const prefix = newPrefix()
    const clock = virtualClock()
    await using other = open(prefix)
    await using ledger = open(prefix, clock, { deaf: true, ownTime: true })
    await register(ledger, 'a')
    const waiting = ledger.settled('k', 'a')
    await reject(other, 'a')
    await clock.advance(5_000)
    const verdict = await waiting
    assert.equal(verdict && inWords(verdict), 'COMMAND_REJECTED 6, for good')
  })

  it('who waits for what it has written itself reads nothing, and later only whether it has changed', async () => {
    const used: string[] = []
    const clock = virtualClock()
    const onUse = (operation: string): void => void used.push(operation)
    let hears = false
    const onHearing = (): void => void (hears = true)
    await using ledger = open(newPrefix(), clock, { onUse, onHearing, ownTime: true })
    await until(() => hears)
    await register(ledger, 'a')
    used.length = 0
    const waiting = ledger.settled('k', 'a')
    for (let time = 0; time < 3; time += 1) {
      const looked = used.length
      // One poll is left out while the one before is on its way.
      await until(async () => {
        if (used.length === looked) await clock.advance(5_000)
        return used.length > looked
      })
    }
    assert.deepEqual(used, ['versions', 'versions', 'versions'])
    await reject(ledger, 'a')
    await waiting
    assert.deepEqual(used.slice(3), ['write'], 'and its own write needs no reading either')
  })

  it('a command is written without reading first: a new one, and the next one of its key', async () => {
    const used: string[] = []
    await using ledger = open(newPrefix(), systemClock, {
      onUse: (operation) => used.push(operation),
      ownTime: true,
    })
    await register(ledger, 'a')
    await reject(ledger, 'a')
    await register(ledger, 'b')
    await reject(ledger, 'b')
    assert.deepEqual(used, ['write', 'write', 'write', 'write'])
    assert.deepEqual(
      (await ledger.read('k')).commands.map(({ id }) => id),
      ['a', 'b'],
    )
  })

  it('a write that begins from what is no longer the last state is made again from that, unread', async () => {
    const prefix = newPrefix()
    const used: string[] = []
    const more = { deaf: true, ownTime: true }
    await using first = open(prefix, systemClock, more)
    await using second = open(prefix, systemClock, {
      ...more,
      onUse: (operation) => used.push(operation),
    })
    await register(first, 'a')
    await reject(first, 'a')
    // It knows nothing of the key, and then only what it has written itself.
    await register(second, 'b')
    await reject(second, 'b')
    await register(first, 'c')
    await reject(first, 'c')
    await register(second, 'd')
    assert.deepEqual(used, ['write', 'write', 'write', 'write', 'write'])
    const { commands } = await first.read('k')
    assert.deepEqual(
      commands.map(({ id, answer }) => [id, answer?.error]),
      [
        ['a', 6],
        ['b', 6],
        ['c', 6],
        ['d', undefined],
      ],
    )
  })

  it('who waits in another process is told the verdict by the wake-up, and reads nothing', async () => {
    const prefix = newPrefix()
    const used: string[] = []
    let hears = false
    const onHearing = (): void => void (hears = true)
    await using other = open(prefix)
    await using ledger = open(prefix, systemClock, {
      onUse: (operation) => used.push(operation),
      onHearing,
    })
    await until(() => hears)
    await register(other, 'a')
    const waiting = ledger.settled('k', 'a')
    await until(() => used.length === 1)
    await reject(other, 'a')
    const verdict = await waiting
    assert.equal(verdict && inWords(verdict), 'COMMAND_REJECTED 6, for good')
    assert.deepEqual(used, ['read'], 'only to learn that the command is known')
  })

  it('who begins to wait after a look that found something new does not go by what was written before', async () => {
    const prefix = newPrefix()
    const clock = virtualClock()
    await using other = open(prefix)
    await using ledger = open(prefix, clock, { deaf: true, ownTime: true })
    // The last one is under way still when all else is over.
    for (const id of ['a', 'b', 'c']) await register(ledger, id)
    const first = ledger.settled('k', 'a')
    await reject(other, 'a')
    await reject(other, 'b')
    await clock.advance(5_000)
    await first
    const limit = AbortSignal.timeout(10_000)
    const verdict = await ledger.settled('k', 'b', limit)
    assert.equal(verdict && inWords(verdict), 'COMMAND_REJECTED 6, for good')
  })

  it('who begins to wait between the ends of two others is woken all the same', async () => {
    const prefix = newPrefix()
    await using other = open(prefix)
    await using ledger = open(prefix)
    await ledger.apply('k', { type: 'registered', id: 'a', kind: 'forcesave', deadline: Infinity })
    const ending = new AbortController()
    const wait = (signal: AbortSignal) => ledger.settled('k', 'a', signal)
    const first = wait(ending.signal)
    const limit = AbortSignal.timeout(10_000)
    // In a turn of its own between those of the two waits.
    const between = new Promise((resolve, reject) => {
      onAbort(ending.signal, () => {
        queueMicrotask(() => void wait(limit).then(resolve, reject))
      })
    })
    const second = wait(ending.signal)
    const looked = Promise.allSettled([first, second])
    // What they and the third look up at once has come back by then.
    for (let time = 0; time < 2; time += 1) await ledger.read('k')
    ending.abort()
    await looked
    for (let time = 0; time < 2; time += 1) await ledger.read('k')
    await reject(other, 'a')
    assert.ok(await between, 'no verdict')
  })

  it('a command that is gone since Redis was emptied is missed at the next write of its key', async () => {
    const prefix = newPrefix()
    await using ledger = open(prefix, virtualClock(), { deaf: true, ownTime: true })
    await register(ledger, 'a')
    const waiting = ledger.settled('k', 'a')
    await redis.flushall()
    await register(ledger, 'b')
    assert.equal(await waiting, undefined)
  })

  describe('the list of open documents', () => {
    const presence = { type: 'presence', status: 1, users: ['u'], joined: ['u'], left: [] } as const
    const join = (ledger: Ledger, key = 'k'): Promise<void> => ledger.apply(key, presence)
    const leave = (ledger: Ledger, key = 'k'): Promise<void> =>
      ledger.apply(key, { ...presence, status: 4, users: [], joined: [], left: ['u'] })
    const listed = async (ledger: Ledger): Promise<string[]> => {
      const keys: string[] = []
      for await (const { key } of (await ledger.open()).documents) keys.push(key)
      return keys
    }
    /** What stands in the list, true or not. */
    async function entries(prefix: string): Promise<string[]> {
      const lists = await redis.keys(`${prefix}:open:*`)
      return (await Promise.all(lists.map((list) => redis.zrange(list, '0', '-1')))).flat()
    }
    /** Callbacks 4 count at once, with no time for one of the session before. */
    const openAtOnce = (prefix: string): Ledger & AsyncDisposable => {
      const rules = { ...RULES, grace: 0 }
      const ledger = createLedger({ clock: systemClock, rules, perform: () => {} }, prefix)
      return { ...ledger, [Symbol.asyncDispose]: () => ledger.close() }
    }

    it('outlives the processes', async () => {
      const prefix = newPrefix()
      {
        await using first = openAtOnce(prefix)
        for (const key of ['k1', 'k2', 'k3']) await join(first, key)
        await leave(first, 'k2')
      }
      await using second = openAtOnce(prefix)
      assert.deepEqual(await listed(second), ['k1', 'k3'])
      await leave(second, 'k1')
      assert.deepEqual(await listed(second), ['k3'])
    })

    it('is written when a document opens or closes, and not by what happens in between', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      await join(ledger)
      await until(async () => (await entries(prefix)).length === 1)
      await redis.del(await redis.keys(`${prefix}:open:*`))
      await join(ledger)
      await register(ledger, 'a')
      await ledger.apply('k', { type: 'arrived', save: arrivalOf('A', Date.now()) })
      const run = runOf(await ledger.read('k'), 'A')
      await ledger.apply('k', { type: 'stored', ...run, stored: null })
      assert.deepEqual(await entries(prefix), [])
    })

    it('has no entry left of what is closed', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      const keys = Array.from({ length: 50 }, (_, index) => `k${index}`)
      await Promise.all(keys.map((key) => join(ledger, key)))
      await Promise.all(keys.map((key) => leave(ledger, key)))
      await until(async () => (await entries(prefix)).length === 0)
    })

    it('is right when documents open and close in two processes at once, many times over', async () => {
      const prefix = newPrefix()
      await using one = openAtOnce(prefix)
      await using other = openAtOnce(prefix)
      const keys = Array.from({ length: 40 }, (_, index) => `k${index}`)
      const churn = async (ledger: Ledger, key: string, first: number): Promise<void> => {
        for (let times = first; times < first + 5; times += 1) {
          await (times % 2 === 0 ? join : leave)(ledger, key)
          if (times % 2 === 0) await listed(ledger)
        }
      }
      await Promise.all(
        keys.flatMap((key, index) => [churn(one, key, index), churn(other, key, index >> 1)]),
      )
      const isOpen = await Promise.all(
        keys.map(async (key) => (await one.read(key)).session !== undefined),
      )
      const expected = keys.filter((_key, index) => isOpen[index]).sort()
      await until(async () => (await entries(prefix)).sort().join() === expected.join())
    })

    it('loses what its document does not bear out when it is read: a process died in between', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      await join(ledger, 'k1')
      const [list] = await redis.keys(`${prefix}:open:*`)
      await redis.zadd(list!, '0', 'k0', '0', 'k2')
      assert.deepEqual(await listed(ledger), ['k1'])
      await until(async () => (await entries(prefix)).join() === 'k1')
    })

    it('names a document before that is written, so that no death in between leaves it out', async () => {
      const used: string[] = []
      const onUse = (operation: string): void => void used.push(operation)
      await using ledger = open(newPrefix(), systemClock, { onUse })
      await join(ledger)
      await until(() => used.filter((operation) => operation === 'list').length === 2)
      const order = used.filter((operation) => operation !== 'read')
      assert.deepEqual(order, ['list', 'write', 'list'])
    })

    it('expires, and the state of what is open outlives the retention time', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      await join(ledger)
      const week = 7 * 86_400_000
      for (const [key, ms] of await expiries(`${prefix}:*`)) {
        const most = key.includes(':open:') ? 2 * week : week
        assert.ok(ms > most - 60_000 && ms <= most, `${key}: ${ms}`)
      }
      await leave(ledger)
      const [ms = 0] = (await expiries(`${prefix}:{*`)).values()
      assert.ok(ms > 0 && ms <= RULES.retention, `closed: ${ms}`)
    })

    it('of 10,000 is read a page at a time', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      const keys = Array.from({ length: 10_000 }, (_, index) => `k${10_000 + index}`)
      await join(ledger, keys[0])
      // The others as copies of it, which is faster.
      const [list = '', document = ''] = (await redis.keys(`${prefix}:*`)).sort()
      const stored = await redis.hgetall(document)
      const nameOf = (key: string): string => createHash('sha256').update(key).digest('base64url')
      const others = redis.pipeline()
      for (const key of keys) {
        others.hset(`${prefix}:{${nameOf(key)}}:document`, stored).zadd(list, '0', key)
      }
      await others.exec()
      const { count, documents } = await ledger.open()
      assert.equal(count, 10_000)
      const alive: WeakRef<object>[] = []
      let most = 0
      let seen = 0
      for await (const { key, state } of documents) {
        assert.equal(key, keys[seen])
        alive.push(new WeakRef(state))
        seen += 1
        if (seen % 1_000 !== 0) continue
        await new Promise(setImmediate)
        collect()
        most = Math.max(most, alive.filter((ref) => ref.deref() !== undefined).length)
      }
      assert.equal(seen, 10_000)
      assert.equal(most <= 300, true, `${most} states were held at once`)
    })

    it('cannot be read while Redis does not answer as it should: UNREACHABLE', async () => {
      const prefix = newPrefix()
      await using ledger = openAtOnce(prefix)
      await join(ledger)
      const [list] = await redis.keys(`${prefix}:open:*`)
      await redis.set(list!, 'not a sorted set')
      await assert.rejects(listed(ledger), (error) => isDocsError(error, 'UNREACHABLE'))
    })
  })
})
