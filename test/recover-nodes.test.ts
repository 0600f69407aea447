/** Forgotten files of several Docs servers behind one address, which routes by `?shardkey=` (the option `nodes`). */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { RecoveryResult } from '../src/index.js'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type App, type AppOptions } from './support/app.js'
import { startFront } from './support/front.js'
import { leaveBehind } from './support/left-behind.js'
import { failure } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'

const LIMIT = { timeout: 300_000 }

interface Stage {
  app: App
  servers: readonly [DocsServer, DocsServer]
  leaveOn: (node: 0 | 1, ...keys: string[]) => Promise<void>
  results: () => Promise<RecoveryResult[]>
}

/** The balancer sends a request to the node that the last digit of its key says, and one without to the first. */
async function start(t: TestContext, options: Partial<AppOptions> = {}): Promise<Stage> {
  const servers = [
    await startDocsServer({ secret: SECRET }),
    await startDocsServer({ secret: SECRET }),
  ] as const
  const front = await startFront(servers[0].url, async ({ request, response, path, pass }) => {
    const key = new URL(path, 'http://x').searchParams.get('shardkey') ?? '0'
    if (Number(key.at(-1)) % 2 === 0) return pass()
    const body = await text(request)
    const { authorization } = request.headers
    const answer = await fetch(servers[1].url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body,
    })
    response.writeHead(answer.status).end(await answer.text())
  })
  const app = await startApp({
    server: front.url,
    nodes: servers.map(({ url }) => url),
    refOf: (key) => `ref of ${key}`,
    nudgeAfter: 50,
    ...options,
  })
  t.after(async () => {
    await app.close()
    await front[Symbol.asyncDispose]()
    for (const server of servers) await server.close()
  })
  const others = [await leaveBehind(t, servers[0]), await leaveBehind(t, servers[1])] as const
  return {
    app,
    servers,
    leaveOn: (node, ...keys) => others[node].leave(...keys),
    async results() {
      const results: RecoveryResult[] = []
      await app.docs.forgotten.recover({ onResult: (result) => results.push(result) })
      return results
    },
  }
}

const commandsOf = ({ log }: DocsServer, name: string): number =>
  log.filter((entry) => entry.type === 'command' && (entry.body as { c: string }).c === name).length

function testNodes(backend: 'memory' | 'redis'): void {
  let redis: TestRedis | undefined
  let count = 0
  before(async () => {
    if (backend === 'redis') redis = await startRedis()
  })
  after(() => redis?.stop())
  const stage = (t: TestContext, options: Partial<AppOptions> = {}): Promise<Stage> =>
    start(t, {
      ...(redis && { redis: redis.url, prefix: `n${(count += 1)}` }),
      ...options,
    })

  it('are recovered from every node, and each is deleted where it was', async (t) => {
    const { app, servers, leaveOn, results } = await stage(t)
    await leaveOn(0, 'key-2')
    // The second is where the balancer would not look for it: the number of nodes has changed since.
    await leaveOn(1, 'key-1', 'key-4')
    assert.deepEqual((await app.docs.forgotten.list()).sort(), ['key-1', 'key-2', 'key-4'])
    assert.deepEqual(
      (await results()).sort((a, b) => (a.key < b.key ? -1 : 1)),
      ['key-1', 'key-2', 'key-4'].map((key) => ({ key, outcome: 'recovered' })),
    )
    assert.deepEqual(app.stored.map((file) => `${file.key}: ${file.text.trim()}`).sort(), [
      'key-1: 1 u1 the text of key-1',
      'key-2: 1 u1 the text of key-2',
      'key-4: 1 u1 the text of key-4',
    ])
    assert.deepEqual([...servers[0].forgotten, ...servers[1].forgotten], [])
    assert.equal(commandsOf(servers[0], 'deleteForgotten'), 1)
    assert.equal(commandsOf(servers[1], 'deleteForgotten'), 2)
  })

  it('under the same key on two nodes: listed once, and the one that was not taken stays', async (t) => {
    const { app, servers, leaveOn, results } = await stage(t)
    await leaveOn(0, 'key-1')
    await leaveOn(1, 'key-1')
    assert.deepEqual(await app.docs.forgotten.list(), ['key-1'])
    assert.deepEqual(await results(), [{ key: 'key-1', outcome: 'recovered' }])
    assert.deepEqual([servers[0].forgotten, servers[1].forgotten], [[], ['key-1']])
  })

  it('of those that answer are recovered where one does not, and the call says which', async (t) => {
    const { app, servers, leaveOn } = await stage(t)
    await leaveOn(1, 'key-1')
    await servers[0].close()
    const results: RecoveryResult[] = []
    const onResult = (result: RecoveryResult) => results.push(result)
    const error = await failure(app.docs.forgotten.recover({ onResult }), 'UNREACHABLE')
    assert.ok(error.message.includes(servers[0].url), error.message)
    assert.deepEqual(results, [{ key: 'key-1', outcome: 'recovered' }])
    assert.equal(app.stored.length, 1)
    await failure(app.docs.forgotten.list(), 'UNREACHABLE')
  })
}

describe('forgotten files of several nodes, without Redis', LIMIT, () => {
  testNodes('memory')

  it('have a link and are deleted on the node that has them', async (t) => {
    const { app, servers, leaveOn } = await start(t)
    await leaveOn(1, 'key-4')
    const { forgotten } = app.docs
    assert.ok((await forgotten.url('key-4'))?.startsWith(servers[1].url))
    assert.equal(await forgotten.url('key-5'), undefined)
    assert.equal(await forgotten.delete('key-5'), false)
    assert.equal(await forgotten.delete('key-4'), true)
    assert.deepEqual(servers[1].forgotten, [])
  })

  it('cannot be said to be none, nor deleted, while a node does not answer', async (t) => {
    const { app, servers, leaveOn } = await start(t)
    await leaveOn(1, 'key-4')
    await servers[0].close()
    const { forgotten } = app.docs
    assert.ok(await forgotten.url('key-4'))
    await failure(forgotten.url('key-5'), 'UNREACHABLE')
    await failure(forgotten.delete('key-4'), 'UNREACHABLE')
    assert.deepEqual(servers[1].forgotten, ['key-4'])
  })

  it('are told by a sweep, with the error of the node that does not answer', async (t) => {
    const { app, servers, leaveOn } = await start(t)
    await leaveOn(0, 'key-2')
    await servers[1].close()
    const other = await startApp({
      ...{ server: servers[0].url, nodes: servers.map(({ url }) => url) },
      ...{ refOf: (key: string) => key, recoverEvery: 60_000, nudgeAfter: 50 },
    })
    t.after(() => other.close())
    const told = await new Promise<object>((resolve) => void other.docs.on('recovery', resolve))
    assert.equal(app.stored.length, 0)
    assert.deepEqual(
      { ...told, error: 'error' in told && String(told.error).includes(servers[1].url) },
      {
        ...{ recovered: 1, left: 0, gone: 0, failed: 0 },
        error: true,
      },
    )
  })
})

describe('forgotten files of several nodes, with Redis', LIMIT, () => testNodes('redis'))
