/** Which ioredis and which BullMQ are installed: both majors of ioredis work, an old BullMQ is refused. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { Cluster as Cluster5, Redis as Redis5 } from 'ioredis-5'
import type { RedisOption } from '../src/backends/backend.js'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET, startApp } from './support/app.js'
import { install, type Installed, type Libraries } from './support/installed.js'
import { startCluster, type TestCluster } from './support/redis-cluster.js'
import { startRedis, type TestRedis } from './support/redis.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }

let redis: TestRedis
let cluster: TestCluster
let server: DocsServer
let count = 0
before(async () => {
  redis = await startRedis()
  cluster = await startCluster()
  server = await startDocsServer({ secret: SECRET })
})
after(async () => {
  await server.close()
  await cluster.stop()
  await redis.stop()
})

/** Forcesaves from the command to the stored file; the command goes out in one process, another runs `onSave`. */
async function saves(option: RedisOption): Promise<void> {
  count += 1
  const given = { server: server.url, redis: option, prefix: `l${count}`, timeout: 30_000 }
  const web = await startApp({ ...given, worker: false })
  const worker = await startApp(given)
  try {
    const callbackUrl = web.docs.callbackUrl('file-1')
    const editor = await server.open(`key-${count}`, { user: 'u', callbackUrl })
    for (const edit of ['one', 'two', 'three']) {
      editor.type(edit)
      assert.equal((await web.docs.forcesave(`key-${count}`)).outcome, 'saved')
    }
    assert.equal(worker.stored.length, 3)
  } finally {
    await web.close()
    await worker.close()
  }
}

describe('an application with an ioredis 5 of its own, beside the ioredis 6 of the package', () => {
  it('passes in a connection, which stays open', LIMIT, async (t: TestContext) => {
    const mine = new Redis5(redis.url)
    t.after(() => mine.disconnect())
    await saves(mine)
    assert.equal(await mine.ping(), 'PONG')
  })

  it('passes in a cluster, which stays open', LIMIT, async (t: TestContext) => {
    const mine = new Cluster5([...cluster.startup])
    t.after(() => mine.disconnect())
    await saves(mine)
    assert.equal(await mine.ping(), 'PONG')
  })
})

describe('ioredis 5 as the only one that is installed', () => {
  let application: Installed
  before(async () => {
    // BullMQ is copied too: from a link it would find the ioredis of this repository.
    application = await install({ ioredis: 'ioredis-5', bullmq: 'bullmq', 'ioredis-5': null })
  })
  after(() => application[Symbol.asyncDispose]())

  for (const [what, option] of [
    ['a URL', () => JSON.stringify(redis.url)],
    ['options', () => JSON.stringify({ host: '127.0.0.1', port: redis.port })],
    ['a connection', () => `new Redis(${JSON.stringify(redis.url)})`],
    ['a cluster', () => `new Cluster(${JSON.stringify(cluster.startup)})`],
  ] as const) {
    it(`${what}: a forcesave from the command to the stored file`, LIMIT, async () => {
      count += 1
      const printed = await application.run(`
        import { createRequire } from 'node:module'
        import { Cluster, Redis } from 'ioredis'
        import { SECRET, startApp } from './test/support/app.ts'
        import { startDocsServer } from './src/testing/index.ts'
        const server = await startDocsServer({ secret: SECRET })
        const redis = ${option()}
        const given = { server: server.url, redis, prefix: 'l${count}', timeout: 30_000 }
        const [web, worker] = [await startApp({ ...given, worker: false }), await startApp(given)]
        const editor = await server.open('k', { user: 'u', callbackUrl: web.docs.callbackUrl('f') })
        editor.type('hello')
        const { outcome } = await web.docs.forcesave('k')
        for (const app of [web, worker]) await app.close()
        await server.close()
        redis.disconnect?.()
        const require = createRequire(process.cwd() + '/an-application.js')
        const major = require('ioredis/package.json').version.split('.')[0]
        const copies = Object.keys(require.cache).filter((file) => file.endsWith('/built/Redis.js'))
        console.log([outcome, worker.stored.length, major, copies.length].join())
      `)
      assert.equal(printed, 'saved,1,5,1')
    })
  }
})

describe('what is installed is looked at when the docs are made:', () => {
  /** What `createDocs` throws there. */
  async function refusal(libraries: Libraries): Promise<string> {
    await using application = await install(libraries)
    return await application.run(`
      import { createDocs } from './src/docs.ts'
      try {
        createDocs({ server: 'http://127.0.0.1:1', secret: ${JSON.stringify(SECRET)},
          onSave: () => null, redis: 'redis://127.0.0.1:1' })
      } catch (error) {
        console.log(error.code + ': ' + error.message)
      }
    `)
  }

  for (const version of ['6.2.0', '6.3.2', '5.79.1']) {
    it(`bullmq ${version} is refused, with what to install`, LIMIT, async () => {
      const told = await refusal({ bullmq: { version } })
      assert.match(told, /^BAD_OPTION: redis: bullmq /)
      assert.ok(told.includes(version) && told.includes('install bullmq@^6.3.3'), told)
    })
  }

  for (const missing of [['bullmq'], ['ioredis'], ['ioredis', 'bullmq']]) {
    it(`without ${missing.join(' and ')}: it says what to install`, LIMIT, async () => {
      const told = await refusal(Object.fromEntries(missing.map((name) => [name, null])))
      assert.ok(told.startsWith(`BAD_OPTION: redis: ${missing[0]} is not installed`), told)
      assert.ok(told.endsWith('npm install bullmq@^6.3.3 ioredis'), told)
    })
  }

  it('the first version that is good enough is taken', LIMIT, async () => {
    assert.equal(await refusal({ bullmq: { version: '6.3.3' } }), '')
  })
})
