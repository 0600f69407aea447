/** What becomes of one process when Redis fails it: calls end, callbacks are answered, and it comes back. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { ForcesaveResult } from '../src/results.js'
import { isDocsError } from '../src/errors.js'
import { editsIn, startDocsServer, type DocsServer, type Editor } from '../src/testing/index.js'
import { SECRET, startApp, type App, type AppOptions } from './support/app.js'
import { postSigned, type Reply } from './support/callbacks.js'
import { startProxy, type Proxy } from './support/proxy.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
/** A callback is to be answered in 2 s while Redis is away; the rest is a slow machine's. */
const ANSWER = 4_000

interface Scene {
  redis: TestRedis
  proxy: Proxy
  /** A connection of the test's own, past the proxy. */
  admin: Redis
  server: DocsServer
  app: App
  editor: Editor
  /** Types, saves, and checks that the edit is in storage by then. */
  save: () => Promise<ForcesaveResult>
  /** A callback of an editor's save button, and how long its answer took. */
  callback: () => Promise<{ reply: Reply; ms: number }>
}

async function open(t: TestContext, options: Partial<AppOptions> = {}): Promise<Scene> {
  const redis = await startRedis()
  const proxy = await startProxy(redis.port)
  const admin = new Redis(redis.url, { retryStrategy: () => 100 }).on('error', () => {})
  const server = await startDocsServer({ secret: SECRET })
  const app = await startApp({
    ...{ server: server.url, redis: `redis://127.0.0.1:${proxy.port}` },
    ...{ timeout: 30_000, grace: 300, nudgeAfter: 500, replyTimeout: 10_000, retries: 1 },
    ...options,
  })
  const callbackUrl = app.docs.callbackUrl('file-1')
  const editor = await server.open('k', { user: 'u', callbackUrl })
  t.after(async () => {
    await server.close()
    await app.close()
    admin.disconnect()
    await proxy[Symbol.asyncDispose]()
    await redis.stop()
  })
  let buttons = 0
  return {
    ...{ redis, proxy, admin, server, app, editor },
    async save() {
      editor.type('more')
      const edits = server.edits('k')
      const result = await app.docs.forcesave('k')
      const newest = app.stored.at(-1)?.text ?? ''
      assert.equal(editsIn(Buffer.from(newest)).length, edits, 'confirmed, and not in storage')
      return result
    },
    async callback() {
      const begun = Date.now()
      buttons += 1
      const reply = await postSigned(callbackUrl, {
        ...{ key: `other-${buttons}`, status: 6, forcesavetype: 1, users: ['u'] },
        url: `${server.url}/cache/files/data/other-${buttons}/output.docx/output.docx`,
      })
      return { reply, ms: Date.now() - begun }
    },
  }
}

/** How a call ends: its outcome, or the code of its error; anything else fails the test. */
async function endOf(call: Promise<ForcesaveResult>): Promise<string> {
  try {
    return (await call).outcome
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error
    assert.ok(isDocsError(error), `not typed: ${String(error)}`)
    return error.code
  }
}

/** Everything works again, by itself: sooner or later one call is confirmed, and then another at once. */
async function worksAgain({ save }: Scene): Promise<void> {
  await until(async () => (await endOf(save())) === 'saved', 'it does not come back')
  assert.equal((await save()).outcome, 'saved')
}

async function refusesSoon({ callback }: Scene): Promise<void> {
  const { reply, ms } = await callback()
  assert.deepEqual(reply, { status: 503, body: { error: 1 } })
  assert.ok(ms < ANSWER, `answered after ${ms} ms`)
}

it('Redis is killed and started again between calls, five times', LIMIT, async (t) => {
  const scene = await open(t)
  for (let time = 0; time < 5; time += 1) {
    await scene.redis.kill()
    await refusesSoon(scene)
    const error: unknown = await scene.save().catch((reason: unknown) => reason)
    assert.ok(isDocsError(error, 'UNREACHABLE') && error.retryable, String(error))
    assert.ok(error.cause instanceof Error, 'with what ioredis says')
    await scene.redis.start()
    await worksAgain(scene)
  }
})

it('Redis is killed and started again while a call waits, three times', LIMIT, async (t) => {
  const scene = await open(t)
  for (let time = 0; time < 3; time += 1) {
    scene.server.conversion.delay = 1_000
    const saving = endOf(scene.save())
    await until(() => scene.server.log.filter(({ type }) => type === 'response').length > 0)
    await sleep(100)
    await scene.redis.kill()
    await scene.redis.start()
    const end = await saving
    assert.ok(['saved', 'UNREACHABLE', 'TIMEOUT'].includes(end), end)
    scene.server.conversion.delay = 0
    await worksAgain(scene)
  }
})

it(
  'Redis dies while onSave runs: what it stored is reported once Redis is back, and not run again',
  LIMIT,
  async (t) => {
    let begun = 0
    let finish = (): void => {}
    const finished = new Promise<void>((resolve) => (finish = resolve))
    const texts: string[] = []
    const scene = await open(t, {
      async onSave(save) {
        begun += 1
        texts.push(await new Response((await save.download()).stream).text())
        await finished
        return {}
      },
    })
    scene.editor.type('more')
    const saving = scene.app.docs.forcesave('k')
    await until(() => begun === 1)
    await scene.redis.kill()
    finish()
    await sleep(1_500)
    await scene.redis.start()
    assert.equal((await saving).outcome, 'saved')
    assert.equal(begun, 1)
  },
)

it('Redis is frozen for 5 s', LIMIT, async (t) => {
  const scene = await open(t)
  const saving = endOf(scene.save())
  scene.redis.freeze()
  const frozen = sleep(5_000)
  await refusesSoon(scene)
  const error: unknown = await scene.app.docs.forcesave('k2').catch((reason: unknown) => reason)
  assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
  await frozen
  scene.redis.thaw()
  const end = await saving
  assert.ok(['saved', 'UNREACHABLE', 'TIMEOUT'].includes(end), end)
  await worksAgain(scene)
})

it('its connections are killed, one after the other and all', LIMIT, async (t) => {
  const scene = await open(t)
  const { admin, server, save } = scene
  const mine = async (name: string): Promise<string[]> => {
    const list = (await admin.client('LIST')) as string
    const lines = list.split('\n').filter((line) => line.includes(`name=docs-${name}`))
    return lines.map((line) => / ?id=(\d+)/.exec(line)?.[1] ?? '')
  }
  for (const name of ['subscriber', 'worker', 'ledger', 'queue', '']) {
    server.conversion.delay = 500
    const saving = endOf(save())
    const ids = await mine(name)
    assert.ok(ids.length > 0, `none is named docs-${name}`)
    for (const id of ids) await admin.client('KILL', 'ID', id).catch(() => {})
    const end = await saving
    assert.ok(['saved', 'UNREACHABLE', 'TIMEOUT'].includes(end), `${name}: ${end}`)
    server.conversion.delay = 0
    await worksAgain(scene)
  }
})

for (const [what, spoil, mend] of [
  [
    'out of memory',
    (admin) => admin.config('SET', 'maxmemory', '1'),
    (admin) => admin.config('SET', 'maxmemory', '0'),
  ],
  [
    'read-only',
    (admin) => admin.replicaof('127.0.0.1', 1),
    (admin) => admin.replicaof('NO', 'ONE'),
  ],
] as [string, (admin: Redis) => Promise<unknown>, (admin: Redis) => Promise<unknown>][]) {
  it(`Redis is ${what}`, LIMIT, async (t) => {
    const scene = await open(t)
    scene.server.conversion.delay = 500
    const saving = endOf(scene.save())
    await until(() => scene.server.log.some(({ type }) => type === 'response'))
    await spoil(scene.admin)
    await refusesSoon(scene)
    const error: unknown = await scene.app.docs.forcesave('k2').catch((reason: unknown) => reason)
    assert.ok(isDocsError(error, 'UNREACHABLE'), String(error))
    await mend(scene.admin)
    const end = await saving
    assert.ok(['saved', 'UNREACHABLE', 'TIMEOUT'].includes(end), end)
    scene.server.conversion.delay = 0
    await worksAgain(scene)
  })
}

it(
  'Redis is emptied while a call waits: the call is told to it again, and ends saved',
  LIMIT,
  async (t) => {
    const scene = await open(t)
    scene.server.conversion.delay = 8_000
    const saving = endOf(scene.save())
    await until(() => scene.server.log.some(({ type }) => type === 'response'))
    await scene.admin.flushall()
    assert.equal(await saving, 'saved')
    scene.server.conversion.delay = 0
    await worksAgain(scene)
  },
)

it('Redis is emptied, also of its scripts, between calls', LIMIT, async (t) => {
  const scene = await open(t)
  for (let time = 0; time < 3; time += 1) {
    assert.equal((await scene.save()).outcome, 'saved')
    await scene.admin.flushall()
    await scene.admin.script('FLUSH')
  }
  await worksAgain(scene)
})

it('what was answered 4 is not certain in a ledger that has lost the saves', LIMIT, async (t) => {
  const scene = await open(t, { grace: 3_000 })
  assert.equal((await scene.save()).outcome, 'saved')
  const call = scene.app.docs.forcesave('k')
  await until(
    () =>
      scene.server.log.filter(
        (entry) => entry.type === 'response' && (entry.body as { error?: number }).error === 4,
      ).length === 1,
  )
  await scene.admin.flushall()
  const { certain, doubt } = await call
  assert.deepEqual([certain, doubt], [false, 'ledger-lost'])
})

it('the way to Redis is slow', LIMIT, async (t) => {
  const scene = await open(t)
  scene.proxy.delay = 100
  assert.equal((await scene.save()).outcome, 'saved')
  scene.proxy.delay = 3_000
  await refusesSoon(scene)
  scene.proxy.delay = 0
  await worksAgain(scene)
})

it('the way to Redis is cut, for a moment and for a while', LIMIT, async (t) => {
  const scene = await open(t)
  scene.proxy.cut()
  await worksAgain(scene)
  scene.proxy.cut('refuse')
  await refusesSoon(scene)
  assert.equal(await endOf(scene.save()), 'UNREACHABLE')
  scene.proxy.accept()
  await worksAgain(scene)
})

it('the connections to Redis are half open', LIMIT, async (t) => {
  const scene = await open(t)
  scene.proxy.halfOpen()
  await refusesSoon(scene)
  await worksAgain(scene)
})

it(
  'a call that close() cuts off while it is being registered leaves nobody else in doubt',
  LIMIT,
  async (t) => {
    const { redis, proxy, server, app, editor } = await open(t, {
      ...{ otherSaves: false, timeout: 60_000, commandTimeout: 3_000, worker: false },
    })
    await using other = await startApp({
      ...{
        server: server.url,
        redis: redis.url,
        otherSaves: false,
        timeout: 20_000,
        commandTimeout: 3_000,
      },
    })
    const callbackUrl = other.docs.callbackUrl('file-1')
    await server.open('k', { user: 'v', callbackUrl })
    editor.type('more')
    assert.equal((await other.docs.forcesave('k')).outcome, 'saved')

    proxy.delay = 300
    const calls = Array.from({ length: 3 }, () => endOf(app.docs.forcesave('k')))
    await app.docs.close()
    assert.deepEqual(new Set(await Promise.all(calls)), new Set(['CLOSED']))
    // Answered 4: it waits for every command of which the answer is not known.
    assert.equal(await endOf(other.docs.forcesave('k')), 'unchanged')
  },
)

it(
  'Redis goes away while a call waits, and stays away: the call ends by its deadline',
  LIMIT,
  async (t) => {
    const scene = await open(t)
    assert.equal((await scene.save()).outcome, 'saved')
    scene.server.conversion.delay = 500
    scene.editor.type('more')
    const before = scene.server.log.length
    const call = endOf(scene.app.docs.forcesave('k', { timeout: 3_000 }))
    await until(() => scene.server.log.slice(before).some(({ type }) => type === 'response'))
    await scene.redis.kill()
    const ended = await Promise.race([call, sleep(30_000, 'it hangs', { ref: false })])
    assert.equal(ended, 'TIMEOUT')
    await scene.redis.start()
    await worksAgain(scene)
  },
)
