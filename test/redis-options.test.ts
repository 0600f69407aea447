/** The option `redis`: what may be given, what is refused, and what is left behind. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { after, before, describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import type { RedisOption } from '../src/backends/backend.js'
import { lookAtRedis } from '../src/backends/redis-look.js'
import { createDocs } from '../src/docs.js'
import { isDocsError } from '../src/errors.js'
import { silentLogger, type Logger } from '../src/events.js'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type AppOptions } from './support/app.js'
import { again, postSigned } from './support/callbacks.js'
import { freePort, startRedis, startRedisOn, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
/** A callback is to be answered in 2 s while Redis is away; the rest is a slow machine's. */
const ANSWER = 4_000
const WRONG = 'a-password-that-nobody-may-read'

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
    { socketTimeout: 200, replyMapping: 'resp3' },
  ]) {
    it(`a connection, which stays open: made with ${JSON.stringify(options)}`, LIMIT, async (t) => {
      const mine = connect(t, options)
      await saves(mine)
      assert.equal(await mine.ping(), 'PONG')
    })
  }

  it('a connection that is closed: it tells where Redis is', LIMIT, async (t) => {
    const mine = connect(t)
    const ended = once(mine, 'end')
    mine.disconnect()
    await ended
    await saves(mine)
    assert.equal(mine.status, 'end')
  })

  it('a URL with settings of its own: ours win where they matter', LIMIT, async () => {
    await saves(`${redis.url}/0?maxRetriesPerRequest=3&commandTimeout=1&connectionName=mine`)
  })

  it(
    'a connection that gives numbers as text: two processes lose no change of each other',
    LIMIT,
    async (t) => {
      const [one, other] = await Promise.all(
        [1, 2].map(() =>
          startApp({ ...given('numbers'), redis: connect(t, { stringNumbers: true }) }),
        ),
      )
      try {
        const callbackUrl = one!.docs.callbackUrl('file-1')
        const editor = await server.open('numbers', { user: 'u', callbackUrl })
        for (let round = 0; round < 5; round += 1) {
          editor.type('more')
          const calls = Array.from({ length: 20 }, (_, index) =>
            (index % 2 === 0 ? one : other)!.docs.forcesave('numbers', { timeout: 20_000 }),
          )
          // Those that were answered 4 after the save was stored had nothing new.
          const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome)
          assert.ok(outcomes.includes('saved'))
        }
      } finally {
        await Promise.all([one!.close(), other!.close()])
      }
    },
  )
})

const given = (prefix: string): Pick<AppOptions, 'server' | 'prefix' | 'redis'> => ({
  ...{ server: server.url, prefix, redis: redis.url },
})

describe('the connections of a process', () => {
  /** Those of this package, by name; the one on which BullMQ waits for jobs carries a name of BullMQ's. */
  async function connections(admin: Redis): Promise<string[]> {
    const list = (await admin.client('LIST')) as string
    const names = [...list.matchAll(/ name=(\S+)/g)].map(([, name = '']) => name)
    return names.map((name) => (name.startsWith('docs-') ? name : 'blocking')).sort()
  }

  for (const [what, worker, expected] of [
    ['with a worker', undefined, ['blocking', 'docs-ledger', 'docs-queue', 'docs-subscriber']],
    ['worker: false', false, ['docs-ledger', 'docs-queue', 'docs-subscriber']],
  ] as const) {
    it(`${what}: ${expected.length} and no more, all gone after close()`, LIMIT, async (t) => {
      await using own = await startRedis()
      const admin = new Redis(own.url)
      t.after(() => admin.disconnect())
      const app = await startApp({
        ...{ ...given('counted'), redis: own.url },
        ...(worker === undefined ? {} : { worker }),
      })
      const wanted = worker === false ? expected : [...expected, 'docs-worker'].sort()
      await until(async () => (await connections(admin)).length >= wanted.length)
      await app.docs.forcesave('counted').catch(() => {})
      assert.deepEqual(await connections(admin), wanted)
      await app.close()
      await until(async () => (await connections(admin)).length === 0, 'a connection is left')
    })
  }
})

describe('two applications in one process never meet', () => {
  for (const [what, differ] of [
    ['over two Redis servers, with one prefix', (other: TestRedis) => ({ redis: other.url })],
    ['over one Redis, with two prefixes', () => ({ prefix: 'apart-2' })],
  ] as const) {
    it(`${what}: the same key, and nothing of the other one's`, LIMIT, async () => {
      await using otherRedis = await startRedis()
      const one = await startApp(given('apart'))
      await using otherServer = await startDocsServer({ secret: SECRET })
      const two = await startApp({
        ...{ ...given('apart'), server: otherServer.url },
        ...differ(otherRedis),
      })
      const apps = [one, two] as const
      try {
        const key = `same-${what.length}`
        const editor = await server.open(key, {
          ...{ user: 'u', callbackUrl: one.docs.callbackUrl('file-1') },
        })
        editor.type('hello')
        const { id } = await one.docs.startForcesave(key)
        assert.equal((await one.docs.outcome(id)).outcome, 'saved')
        const told = await two.docs.outcome(id).catch((error: unknown) => error)
        assert.ok(isDocsError(told, 'BAD_OPTION') && /no command of this id/.test(told.message))
        assert.deepEqual([one.stored.length, two.stored.length], [1, 0])
        // The other one has the same key, on a Docs server of its own: each hears of its own save only.
        const theirs = await otherServer.open(key, {
          ...{ user: 'u', callbackUrl: two.docs.callbackUrl('file-2') },
        })
        for (const each of [editor, theirs]) each.type('more')
        const results = await Promise.all(apps.map(({ docs }) => docs.forcesave(key)))
        for (const { outcome } of results) assert.equal(outcome, 'saved')
        assert.deepEqual(
          apps.map(({ stored }) => stored.map(({ ref }) => ref).join()),
          ['file-1,file-1', 'file-2'],
        )
      } finally {
        for (const app of apps) await app.close()
      }
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

describe('bad input 38: redis that cannot be used', () => {
  for (const [what, option] of [
    ['a port on which nobody listens', async () => `redis://127.0.0.1:${await freePort()}`],
    ['a wrong password', () => `redis://user:${WRONG}@127.0.0.1:${redis.port}`],
  ] as [string, () => string | Promise<string>][]) {
    it(`${what}: calls fail typed, and close() works`, LIMIT, async () => {
      const warnings: unknown[] = []
      const tell = (...told: unknown[]): void => void warnings.push(told)
      const logger: Logger = { ...silentLogger, debug: tell, warn: tell, error: tell }
      const app = await startApp({ server: server.url, redis: await option(), logger })
      const calls = await Promise.all(
        [app.docs.forcesave('k'), app.docs.info('k'), app.docs.startForcesave('k')].map((call) =>
          call.catch((error: unknown) => error),
        ),
      )
      for (const error of calls) assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
      const begun = Date.now()
      const reply = await postSigned(app.docs.callbackUrl('file-1'), {
        ...{ key: 'k', status: 6, forcesavetype: 1, users: ['u'] },
        url: `${server.url}/cache/files/data/k/output.docx/output.docx`,
      })
      assert.deepEqual(reply, again)
      assert.ok(Date.now() - begun < ANSWER, `answered after ${Date.now() - begun} ms`)
      await until(() => warnings.length > 0, 'the log says nothing')
      const told = inspect([warnings, calls], { depth: null, showHidden: true })
      assert.ok(!told.includes(WRONG), `a password is told: ${told}`)
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
  // Not every key that has the prefix in it: a random id may hold it by chance.
  const [ours, bullmq] = [await admin.keys(`${prefix}:*`), await admin.keys(`{${prefix}}:*`)]
  const keys = [...ours, ...bullmq]
  const lasting: string[] = []
  for (const key of keys) if ((await admin.pttl(key)) < 0) lasting.push(key)
  assert.ok(ours.length >= 2, 'the document and its verdict')
  assert.deepEqual(
    lasting.filter((key) => !key.startsWith(`{${prefix}}:saves:`)),
    [],
  )
})

/** Says of itself that it is Redis of this version, set up well, and can do nothing else. */
async function oldRedis(t: TestContext, version: string): Promise<string> {
  const sockets = new Set<Socket>()
  const info = `redis_version:${version}\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n`
  const listener = createServer((socket) => {
    sockets.add(socket)
    socket.on('data', (data: Buffer) => {
      for (const [, name = ''] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        const command = name.toLowerCase()
        if (command === 'info') socket.write(`$${info.length}\r\n${info}\r\n`)
        else socket.write(command === 'ping' ? '+PONG\r\n' : `-ERR unknown command '${name}'\r\n`)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  return `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`
}

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
  for (const [version, warned] of [
    ['5.0.14', true],
    ['6.0.16', true],
    ['6.2.0', false],
    ['7.2.4', false],
    ['10.0.0', false],
  ] as const) {
    it(`${warned ? 'warns of' : 'says nothing of'} Redis ${version}`, async (t) => {
      const connection = new Redis(await oldRedis(t, version))
      t.after(() => connection.disconnect())
      const told: string[] = []
      lookAtRedis(connection, {
        ...silentLogger,
        warn: (_details, message) => void told.push(message),
      })
      await connection.ping()
      await new Promise(setImmediate)
      assert.deepEqual(told, warned ? ['Redis is older than 6.2: update it'] : [])
    })
  }

  it('also when Redis comes only after the start', LIMIT, async (t) => {
    const port = await freePort()
    const told: string[] = []
    const logger: Logger = { ...silentLogger, warn: (_details, message) => void told.push(message) }
    const docs = createDocs({
      ...{ server: server.url, secret: SECRET, logger, onSave: () => null },
      redis: `redis://127.0.0.1:${port}`,
    })
    // By then the first connections have been given up.
    await docs.forcesave('k').catch(() => {})
    const late = await startRedisOn(port, '--appendonly', 'no')
    t.after(async () => {
      await docs.close()
      await late.stop()
    })
    await until(() => told.some((message) => message.includes('set appendonly yes')))
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

  it(
    'after close() it ends by itself also when Redis has gone away meanwhile',
    LIMIT,
    async (t) => {
      const own = await startRedis()
      t.after(() => own.stop())
      const open = create(`redis: '${own.url}'`)
      const used = `
      const { setTimeout: sleep } = await import('node:timers/promises')
      await docs.forcesave('k', { timeout: 200 }).catch(() => {})
      await sleep(500)
      const { Redis } = await import('ioredis')
      const admin = new Redis('${own.url}', { retryStrategy: () => null })
      admin.on('error', () => {})
      await admin.shutdown('NOSAVE').catch(() => {})
      await sleep(500)`
      assert.equal(
        await run(`${open}; ${used}; await docs.close(); console.log('closed')`),
        'closed',
      )
    },
  )
})
