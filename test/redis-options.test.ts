/** The option `redis`: what may be given, what is refused, and what is left behind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Redis } from 'ioredis'
import type { RedisOption } from '../src/backends/backend.js'
import { lookAtRedis } from '../src/backends/redis-look.js'
import { createDocs } from '../src/docs.js'
import { isDocsError } from '../src/errors.js'
import { silentLogger, type Logger } from '../src/events.js'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type AppOptions } from './support/app.js'
import { freePort, startRedis, type TestRedis } from './support/redis.js'

/** Against hangs only. */
const LIMIT = { timeout: 60_000 }

let redis: TestRedis
let server: DocsServer
let count = 0
before(async () => {
  redis = await startRedis()
  server = await startDocsServer({ secret: SECRET })
})
after(async () => {
  await server.close()
  await redis.stop()
})

/** One forcesave from the command to the stored file, with a prefix of its own. */
async function saves(option: RedisOption, options: Partial<AppOptions> = {}): Promise<string> {
  count += 1
  const prefix = `o${count}`
  const app = await startApp({ server: server.url, redis: option, prefix, ...options })
  try {
    const callbackUrl = app.docs.callbackUrl('file-1')
    const editor = await server.open(prefix, { user: 'u', callbackUrl })
    editor.type('hello')
    assert.equal((await app.docs.forcesave(prefix, { timeout: 20_000 })).outcome, 'saved')
    return prefix
  } finally {
    await app.close()
  }
}

function connect(t: TestContext, options: object = {}): Redis {
  const connection = new Redis(redis.url, options)
  t.after(() => connection.disconnect())
  return connection
}

describe('redis may be', () => {
  it('a URL', LIMIT, async () => {
    await saves(redis.url)
  })

  it('options of ioredis', LIMIT, async () => {
    await saves({ host: '127.0.0.1', port: redis.port })
  })

  for (const options of [
    {},
    { maxRetriesPerRequest: 3, commandTimeout: 500 },
    { lazyConnect: true, enableOfflineQueue: true },
  ]) {
    it(`a connection, which stays open: made with ${JSON.stringify(options)}`, LIMIT, async (t) => {
      const mine = connect(t, options)
      await saves(mine)
      assert.equal(await mine.ping(), 'PONG')
    })
  }
})

describe('redis is refused', () => {
  for (const [what, option] of [
    ['options with a keyPrefix', () => ({ keyPrefix: 'mine:' })],
    ['a URL with a keyPrefix', () => 'redis://127.0.0.1/?keyPrefix=mine:'],
    [
      'a connection with a keyPrefix',
      (t: TestContext) => {
        const connection = new Redis({ keyPrefix: 'mine:', lazyConnect: true })
        t.after(() => connection.disconnect())
        return connection
      },
    ],
  ] as [string, (t: TestContext) => RedisOption][]) {
    it(`${what}: BAD_OPTION, when the docs are made`, (t) => {
      assert.throws(
        () =>
          createDocs({ server: server.url, secret: SECRET, onSave: () => null, redis: option(t) }),
        (error) =>
          isDocsError(error, 'BAD_OPTION') && /redis\.keyPrefix.*prefix/.test(error.message),
      )
    })
  }
})

describe('redis that cannot be used', () => {
  for (const [what, option] of [
    ['a port on which nobody listens', async () => `redis://127.0.0.1:${await freePort()}`],
    ['a wrong password', () => `redis://user:wrong@127.0.0.1:${redis.port}`],
  ] as [string, () => string | Promise<string>][]) {
    it(`${what}: calls fail typed, and close() works`, LIMIT, async () => {
      const warnings: unknown[] = []
      const logger: Logger = { ...silentLogger, warn: (details) => void warnings.push(details) }
      const app = await startApp({ server: server.url, redis: await option(), logger })
      const calls = await Promise.all(
        [app.docs.forcesave('k'), app.docs.info('k'), app.docs.startForcesave('k')].map((call) =>
          call.catch((error: unknown) => error),
        ),
      )
      for (const error of calls) assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
      assert.ok(warnings.length > 0, 'the log says so')
      await app.close()
    })

    it(`${what}: close() at once works as well`, LIMIT, async () => {
      const docs = createDocs({
        ...{ server: server.url, secret: SECRET, logger: silentLogger, onSave: () => null },
        redis: await option(),
      })
      await docs.close()
    })
  }
})

it('worker: false runs no onSave: another process does', LIMIT, async () => {
  const prefix = 'shared'
  const web = await startApp({ server: server.url, redis: redis.url, prefix, worker: false })
  const worker = await startApp({ server: server.url, redis: redis.url, prefix })
  try {
    const callbackUrl = web.docs.callbackUrl('file-1')
    const editor = await server.open('shared', { user: 'u', callbackUrl })
    for (const edit of ['one', 'two', 'three']) {
      editor.type(edit)
      assert.equal((await web.docs.forcesave('shared')).outcome, 'saved')
    }
    assert.deepEqual([web.stored.length, worker.stored.length], [0, 3])
  } finally {
    await web.close()
    await worker.close()
  }
})

it('what is left in Redis expires, but for the bookkeeping of BullMQ', LIMIT, async (t) => {
  const admin = connect(t)
  const prefix = await saves(redis.url)
  const keys = await admin.keys(`*${prefix}*`)
  const lasting: string[] = []
  for (const key of keys) if ((await admin.pttl(key)) < 0) lasting.push(key)
  const ours = keys.filter((key) => key.startsWith(`${prefix}:`))
  assert.ok(ours.length >= 2, 'the document and its verdict')
  assert.deepEqual(
    lasting.filter((key) => !key.startsWith(`{${prefix}}:saves:`)),
    [],
  )
})

describe('the look at Redis at the start', () => {
  async function warningsWith(t: TestContext, ...settings: string[]): Promise<string[]> {
    const server = await startRedis(...settings)
    const connection = new Redis(server.url)
    t.after(async () => {
      connection.disconnect()
      await server.stop()
    })
    const told: string[] = []
    lookAtRedis(connection, {
      ...silentLogger,
      warn: (_details, message) => void told.push(message),
    })
    // Commands of one connection are answered in order: by then it has looked.
    await connection.ping()
    await new Promise(setImmediate)
    return told
  }

  it('says nothing of one that is set up well', async (t) => {
    assert.deepEqual(await warningsWith(t), [])
  })
  it('warns of an eviction policy, and names the fix', async (t) => {
    const [warning, ...others] = await warningsWith(t, '--maxmemory-policy', 'allkeys-lru')
    assert.match(warning!, /set maxmemory-policy to noeviction/)
    assert.deepEqual(others, [])
  })
  it('warns of one that forgets when it restarts, and names the fix', async (t) => {
    const [warning, ...others] = await warningsWith(t, '--appendonly', 'no')
    assert.match(warning!, /set appendonly yes/)
    assert.deepEqual(others, [])
  })
})

describe('a process of its own', () => {
  /** Runs a module and gives what it printed; it has to end by itself. */
  function run(code: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const args = ['--import', 'tsx', '--input-type=module', '--eval', code]
      execFile(process.execPath, args, { timeout: 45_000 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trim())
        else reject(new Error(`it did not end well: ${stderr.slice(-500)}`, { cause: error }))
      })
    })
  }
  const docs = JSON.stringify(new URL('../src/docs.ts', import.meta.url).href)
  const create = (option: string): string => `
    const { createDocs } = await import(${docs})
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    const docs = createDocs({ server: 'http://127.0.0.1:1', secret: ${JSON.stringify(SECRET)},
      publicUrl: 'http://127.0.0.1:2', logger, onSave: () => null, ${option} })`
  const loaded = `
    const { createRequire } = await import('node:module')
    const names = Object.keys(createRequire(${docs}).cache)
    console.log(['ioredis', 'bullmq'].filter((name) =>
      names.some((file) => file.includes('/node_modules/' + name + '/'))).join())`

  it('without redis loads neither ioredis nor bullmq', LIMIT, async () => {
    assert.equal(await run(`${create('')}; await docs.close(); ${loaded}`), '')
  })

  it('with redis loads both, and after close() it ends by itself', LIMIT, async () => {
    const open = create(`redis: ${JSON.stringify(redis.url)}`)
    const used = `await docs.forcesave('k', { timeout: 200 }).catch(() => {})`
    assert.equal(await run(`${open}; ${used}; await docs.close(); ${loaded}`), 'ioredis,bullmq')
  })

  for (const [what, used] of [
    ['', ''],
    [', and a call was made', `await docs.forcesave('k').catch(() => {});`],
  ] as const) {
    it(
      `after close() it ends by itself also when Redis was never there${what}`,
      LIMIT,
      async () => {
        const open = create(`redis: 'redis://127.0.0.1:${await freePort()}'`)
        assert.equal(
          await run(`${open}; ${used} await docs.close(); console.log('closed')`),
          'closed',
        )
      },
    )
  }
})
