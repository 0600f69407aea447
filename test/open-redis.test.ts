/** `docs.open()` over Redis: whichever process is asked, those who open a file meet in one session. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import { startDocsServer, type DocsServer, type Editor } from '../src/testing/index.js'
import { startBalancer } from './processes/balancer.js'
import { SECRET, startApp, type App } from './support/app.js'
import { LIMIT } from './support/callbacks.js'
import { failure } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

const config = { document: { fileType: 'docx', url: 'http://app/report.docx' } }

let redis: TestRedis
before(async () => {
  redis = await startRedis()
})
after(() => redis.stop())

let count = 0

interface Scene {
  server: DocsServer
  start: () => Promise<App>
  enter: (app: App, user: string) => Promise<Editor>
}

async function startScene(t: TestContext): Promise<Scene> {
  const server = await startDocsServer({ secret: SECRET })
  // One address for all of them: a callback comes to whichever is there.
  const balancer = await startBalancer()
  const prefix = `open-${(count += 1)}`
  const apps: App[] = []
  t.after(async () => {
    await server.close()
    await Promise.all(apps.map((app) => app.close()))
    await balancer[Symbol.asyncDispose]()
  })
  return {
    server,
    async start() {
      const publicUrl = balancer.url
      const app = await startApp({ server: server.url, redis: redis.url, prefix, publicUrl })
      apps.push(app)
      balancer.targets.push(app.url)
      return app
    },
    async enter({ docs }, user) {
      const { document, editorConfig } = await docs.open('report.docx', config)
      return server.open(document.key, { user, callbackUrl: editorConfig.callbackUrl })
    },
  }
}

const keyOf = async ({ docs }: App): Promise<string> =>
  (await docs.open('report.docx', config)).document.key

describe('several processes', { timeout: 60_000 }, () => {
  it('give one key to all who open a file at once', async (t) => {
    const { start } = await startScene(t)
    const apps = await Promise.all([start(), start(), start()])
    const keys = await Promise.all(apps.flatMap((app) => [keyOf(app), keyOf(app), keyOf(app)]))
    assert.equal(new Set(keys).size, 1)
  })
  it('give one new key to all who open a file at once when its session is over', async (t) => {
    const { start, enter, server } = await startScene(t)
    const [one, other] = await Promise.all([start(), start()])
    const editor = await enter(one, 'ann')
    editor.type('hello')
    await editor.close()
    await server.idle()
    const keys = await Promise.all([one, other, one, other].map(keyOf))
    assert.equal(new Set(keys).size, 1)
    assert.notEqual(keys[0], editor.key)
  })
  it('keep the key when all of them are replaced, while somebody edits', async (t) => {
    const { start, enter } = await startScene(t)
    const first = await start()
    const editor = await enter(first, 'ann')
    editor.type('hello')
    await first.close()
    const second = await start()
    const again = await enter(second, 'bob')
    assert.equal(again.key, editor.key)
    const { outcome } = await second.docs.forcesave(again.key)
    assert.equal(outcome, 'saved')
  })
  it('change the key after a session that another process has seen', async (t) => {
    const { start, enter, server } = await startScene(t)
    const [one, other] = await Promise.all([start(), start()])
    const editor = await enter(one, 'ann')
    editor.type('hello')
    await editor.close()
    await server.idle()
    await one.close()
    const again = await enter(other, 'bob')
    assert.notEqual(again.key, editor.key)
    assert.equal(again.viewOnly, false)
  })
})

describe('a Redis that is away', LIMIT, () => {
  it('gives no config, for a guessed key could split a session', async (t) => {
    const own = await startRedis()
    t.after(() => own.stop())
    const server = await startDocsServer({ secret: SECRET })
    t.after(() => server.close())
    const app = await startApp({ server: server.url, redis: own.url, commandTimeout: 1_000 })
    t.after(() => app.close())
    const key = await keyOf(app)
    await own.kill()
    await failure(keyOf(app), 'UNREACHABLE')
    await own.start()
    let found: string | undefined
    await until(async () => {
      found = await keyOf(app).catch(() => undefined)
      return found !== undefined
    })
    assert.equal(found, key)
  })
})
