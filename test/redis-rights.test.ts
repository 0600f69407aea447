/** A Redis that does not permit what is needed, from the start or later, does not take the application down. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { rightsRule } from '../src/backends/redis-rights.js'
import { isDocsError } from '../src/index.js'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type AppOptions } from './support/app.js'
import { freePort, startRedis, startRedisOn } from './support/redis.js'
import { until } from './support/until.js'

const LIMIT = { timeout: 300_000 }

interface Logged {
  level: string
  text: string
}

async function open(
  t: { after: (end: () => unknown) => void },
  redis: string,
  options: Partial<AppOptions> = {},
) {
  const server = await startDocsServer({ secret: SECRET, conversion: { delay: 5 } })
  const logged: Logged[] = []
  const log =
    (level: string) =>
    (_fields: object, text = ''): void =>
      void logged.push({ level, text })
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }
  const { docs, stored, close } = await startApp({ server: server.url, redis, logger, ...options })
  t.after(async () => {
    await close()
    await server.close()
  })
  return { docs, stored, server, logged }
}

async function unreachable(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    (result) => assert.fail(JSON.stringify(result)),
    (reason: unknown) => reason,
  )
  assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
  return error.message
}

/** A Redis with a user of these rights, and a word with it as somebody who may do all. */
async function withUser(t: { after: (end: () => unknown) => void }, ...acl: string[]) {
  const redis = await startRedis()
  const admin = new Redis(redis.url)
  t.after(async () => {
    admin.disconnect()
    await redis.stop()
  })
  const grant = (...rules: string[]): Promise<unknown> =>
    admin.call('ACL', 'SETUSER', 'u', ...rules)
  await grant('reset', 'on', '>pw', ...acl)
  return { admin, grant, url: redis.url.replace('redis://', 'redis://u:pw@') }
}

const ALL = ['~*', '&*', '+@all']

const errorsOf = (logged: readonly Logged[]): string =>
  logged
    .filter(({ level }) => level === 'error')
    .map(({ text }) => text)
    .join('\n')

describe('a Redis user without', LIMIT, () => {
  for (const [right, acl, named] of [
    ['INFO', [...ALL, '-@dangerous'], /grant \+info;/],
    ['scripts', [...ALL, '-@scripting'], /grant \+eval;/],
    ['scripts by their hashes', [...ALL, '-evalsha'], /grant \+evalsha;/],
    ['channels', ['~*', '+@all', 'resetchannels'], /grant &docs:wake;/],
    ['SUBSCRIBE', [...ALL, '-subscribe'], /grant \+subscribe;/],
    ['the keys of the queue', ['&*', '+@all', '~docs:*'], /grant ~\{docs\}:\*;/],
    ['the keys of the ledger', ['&*', '+@all', '~{docs}:*'], /grant ~docs:\*;/],
    ['two commands of scripts', [...ALL, '-xadd', '-zadd'], /grant \+xadd \+zadd;/],
    ['blocking reads', [...ALL, '-@blocking'], /grant \+bzpopmin;/],
  ] as const) {
    it(`${right}: the log names it, calls end UNREACHABLE, the process goes on, and it works once it is given`, async (t) => {
      const { url, grant } = await withUser(t, ...acl)
      const { docs, logged } = await open(t, url)
      assert.match(await unreachable(docs.forcesave('k1', { timeout: 5_000 })), named)
      // Timers run.
      await sleep(100)
      assert.match(errorsOf(logged), named)
      await grant(...ALL)
      await until(async () => {
        const end = await docs.forcesave('k1', { timeout: 5_000 }).catch(() => undefined)
        return end?.outcome === 'unchanged'
      })
    })
  }
})

it(
  'the rule that the log gives is enough, for sweeps too, and no key is left over',
  LIMIT,
  async (t) => {
    const { url, admin } = await withUser(t, ...rightsRule('docs').split(' '))
    const { docs, server } = await open(t, url, { recoverEvery: 60_000 })
    let swept = 0
    docs.on('recovery', () => (swept += 1))
    const editor = await server.open('k', { user: 'u', callbackUrl: docs.callbackUrl('f') })
    editor.type('hello')
    assert.equal((await docs.forcesave('k')).outcome, 'saved')
    await until(() => swept > 0)
    assert.deepEqual(await admin.keys('*rights*'), [])
    assert.doesNotMatch(await admin.info('errorstats'), /WRONGTYPE/)
  },
)

it('a refused password is told as one', LIMIT, async (t) => {
  const { url } = await withUser(t, ...ALL)
  const { docs, logged } = await open(t, url.replace('pw@', 'hunter2@'))
  assert.match(await unreachable(docs.forcesave('k1', { timeout: 5_000 })), /user or password/)
  assert.match(errorsOf(logged), /user or password/)
  assert.doesNotMatch(JSON.stringify(logged), /hunter2/)
})

it('callbacks are answered 503 while it refuses', LIMIT, async (t) => {
  const { url } = await withUser(t, ...ALL, '-@dangerous')
  const { docs, server, stored } = await open(t, url)
  const editor = await server.open('k', { user: 'u', callbackUrl: docs.callbackUrl('f') })
  editor.type('hello')
  void editor.close()
  await until(() =>
    server.log.some((entry) => entry.type === 'reply' && 'status' in entry && entry.status === 503),
  )
  assert.equal(stored.length, 0)
})

describe('a right that is lost later:', LIMIT, () => {
  const lose = async (
    t: { after: (end: () => unknown) => void },
    rules: string[],
    named: RegExp,
  ): Promise<void> => {
    const { url, admin, grant } = await withUser(t, ...ALL)
    let store = (): void => {}
    let storing = (): void => {}
    const begun = new Promise<void>((resolve) => (storing = resolve))
    const stored = new Promise<void>((resolve) => (store = resolve))
    const onSave = (): Promise<void> => (storing(), stored)
    const { docs, server, logged } = await open(t, url, { onSave, worker: { concurrency: 1 } })
    const save = async (key: string): Promise<string> => {
      const callbackUrl = docs.callbackUrl(`file-${key}`)
      const editor = await server.open(key, { user: 'u', callbackUrl })
      editor.type('x')
      return (await docs.forcesave(key, { timeout: 50_000 })).outcome
    }
    const saving = Promise.all(['k1', 'k2', 'k3'].map(save))
    // A worker that has just had a job asks for the next one at once; one that waits for its first is quiet anyway.
    await begun
    await until(async () => (await admin.llen('{docs}:saves:wait')) === 2)
    await grant(...rules)
    store()
    await until(() => named.test(errorsOf(logged)), `the log does not say ${named.source}`)
    const before = await refusals(admin)
    await sleep(3_000)
    const refused = (await refusals(admin)) - before
    assert.ok(refused < 60, `Redis refused ${refused} times in 3 s`)
    assert.equal(errorsOf(logged).match(new RegExp(named, 'g'))?.length, 1, 'it is said once')
    await grant(...ALL)
    assert.deepEqual(await saving, ['saved', 'saved', 'saved'])
    assert.equal(await save('k4'), 'saved')
    await until(() => JSON.stringify(logged).includes('permits all that is needed again'))
  }

  it('channels, by which Redis closes a connection: the process goes on', (t) =>
    lose(t, ['resetchannels'], /&docs:wake/))
  it('keys', (t) => lose(t, ['resetkeys'], /grant ~/))
  it('the keys of the queue', (t) => lose(t, ['resetkeys', '~docs:*'], /grant ~\{docs\}/))
  it('scripts', (t) => lose(t, ['-@scripting'], /\+eval/))
  it('blocking reads', (t) => lose(t, ['-@blocking'], /\+bzpopmin/))
})

/** How often Redis has refused anything. */
const refusals = async (admin: Redis): Promise<number> =>
  [...(await admin.info('errorstats')).matchAll(/count=(\d+)/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  )

it('a connection that may not PING is kept', LIMIT, async (t) => {
  const { url, admin } = await withUser(t, ...ALL, '-ping')
  const { docs } = await open(t, url)
  await until(async () => (await docs.forcesave('k').catch(() => undefined)) !== undefined)
  const ids = async (): Promise<string[]> =>
    String(await admin.client('LIST'))
      .split('\n')
      .filter((line) => line.includes('docs-ledger'))
      .map((line) => line.split(' ')[0] ?? '')
  const before = await ids()
  assert.equal(before.length, 1)
  await sleep(14_000)
  assert.deepEqual(await ids(), before)
})

it('a replica is told as one', LIMIT, async (t) => {
  await using master = await startRedis()
  await using replica = await startRedis('--replicaof', '127.0.0.1', new URL(master.url).port)
  const { docs } = await open(t, replica.url)
  assert.match(await unreachable(docs.forcesave('k1', { timeout: 5_000 })), /master/)
})

it('a full Redis is told as one', LIMIT, async (t) => {
  await using redis = await startRedis('--maxmemory', '1mb', '--maxmemory-policy', 'noeviction')
  const { docs } = await open(t, redis.url)
  assert.match(await unreachable(docs.forcesave('k1', { timeout: 5_000 })), /memory/)
})

it(
  'a Redis that is gone at the start: the application goes on, and it works once Redis is there',
  LIMIT,
  async (t) => {
    const port = await freePort()
    const { docs } = await open(t, `redis://127.0.0.1:${port}`)
    await unreachable(docs.forcesave('k1', { timeout: 5_000 }))
    const redis = await startRedisOn(port)
    t.after(() => redis[Symbol.asyncDispose]())
    await until(async () => {
      const end = await docs.forcesave('k1', { timeout: 5_000 }).catch(() => undefined)
      return end?.outcome === 'unchanged'
    })
  },
)

it('close() ends it while Redis still refuses', LIMIT, async (t) => {
  await using redis = await startRedis()
  const admin = new Redis(redis.url)
  t.after(() => admin.disconnect())
  await admin.call('ACL', 'SETUSER', 'u', 'reset', 'on', '>pw', '~*', '&*', '+@all', '-@dangerous')
  const { docs } = await open(t, redis.url.replace('redis://', 'redis://u:pw@'))
  await unreachable(docs.forcesave('k1', { timeout: 5_000 }))
  await docs.close()
})
