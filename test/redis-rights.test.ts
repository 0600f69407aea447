/** A Redis that does not permit what is needed does not take the application down. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { createDocs, isDocsError } from '../src/index.js'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { freePort, startRedis, startRedisOn } from './support/redis.js'
import { until } from './support/until.js'

const LIMIT = { timeout: 60_000 }

interface Logged {
  level: string
  text: string
}

async function open(t: { after: (end: () => unknown) => void }, url: string) {
  const server = await startDocsServer({ secret: SECRET, conversion: { delay: 5 } })
  const logged: Logged[] = []
  const log =
    (level: string) =>
    (_fields: object, text = ''): void =>
      void logged.push({ level, text })
  const docs = createDocs({
    ...{ server: server.url, secret: SECRET, publicUrl: 'http://127.0.0.1:9', redis: url },
    onSave: () => 'stored',
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  })
  t.after(async () => {
    await docs.close()
    await server.close()
  })
  return { docs, server, logged }
}

async function unreachable(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.then(
    (result) => assert.fail(JSON.stringify(result)),
    (reason: unknown) => reason,
  )
  assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
  return error.message
}

describe('a Redis user without', LIMIT, () => {
  for (const [right, acl, named] of [
    ['INFO', ['+@all', '-@dangerous'], /\+info/],
    ['scripts', ['+@all', '-@scripting'], /\+eval/],
    ['channels', ['+@all', 'resetchannels'], /channel/],
  ] as const) {
    it(`${right}: the log names it, calls end UNREACHABLE, the process goes on, and it works once it is given`, async (t) => {
      await using redis = await startRedis()
      const admin = new Redis(redis.url)
      t.after(() => admin.disconnect())
      await admin.call('ACL', 'SETUSER', 'u', 'reset', 'on', '>pw', '~*', '&*', ...acl)
      const url = redis.url.replace('redis://', 'redis://u:pw@')
      const { docs, logged } = await open(t, url)
      assert.match(await unreachable(docs.forcesave('k1', { timeout: 5_000 })), named)
      // Timers run.
      await new Promise((resolve) => setTimeout(resolve, 100))
      const errors = logged.filter(({ level }) => level === 'error')
      assert.match(errors.map(({ text }) => text).join('\n'), named)
      await admin.call('ACL', 'SETUSER', 'u', '+@all', 'allchannels')
      await until(async () => {
        const end = await docs.forcesave('k1', { timeout: 5_000 }).catch(() => undefined)
        return end?.outcome === 'unchanged'
      })
    })
  }
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
