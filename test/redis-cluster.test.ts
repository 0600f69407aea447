/** A Redis Cluster of three nodes: the same promises, with the keys of one document in one place. */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Cluster } from 'ioredis'
import { systemClock } from '../src/clock.js'
import { isDocsError } from '../src/errors.js'
import { silentLogger } from '../src/events.js'
import type { Ledger } from '../src/ledger/ledger.js'
import { createRedisLedger, type RedisLedgerParts } from '../src/ledger/redis.js'
import { subscribeOver } from '../src/ledger/redis-subscribe.js'
import { createRedisStore } from '../src/ledger/redis-store.js'
import type { RunnableSave } from '../src/settlement/event.js'
import type { ForcesaveResult } from '../src/results.js'
import { createBullmqQueue } from '../src/saves/bullmq-queue.js'
import { editsIn, startDocsServer, type DocsServer, type Editor } from '../src/testing/index.js'
import { SECRET, startApp, type App, type AppOptions } from './support/app.js'
import { postSigned, again } from './support/callbacks.js'
import { testLedger } from './support/ledger-contract.js'
import { testQueue } from './support/queue-contract.js'
import { startCluster, type ClusterNode, type TestCluster } from './support/redis-cluster.js'
import { RULES } from './support/story.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }
/** A callback is to be answered in 2 s while Redis is away; the rest is a slow machine's. */
const ANSWER = 4_000

let cluster: TestCluster
let server: DocsServer
let count = 0
before(async () => {
  cluster = await startCluster()
  server = await startDocsServer({ secret: SECRET })
})
after(async () => {
  await server.close()
  await cluster.stop()
})

const newPrefix = (): string => `c${(count += 1)}`

/** An application with a connection of its own, which is still open when the test ends. */
async function open(
  t: TestContext,
  prefix: string,
  options: Partial<AppOptions> = {},
): Promise<App & { connection: Cluster }> {
  const connection = cluster.connect()
  const app = await startApp({
    ...{
      server: server.url,
      redis: connection,
      prefix,
      timeout: 30_000,
      grace: 300,
      replyTimeout: 10_000,
    },
    ...options,
  })
  t.after(async () => {
    await app.close()
    assert.equal(await connection.ping(), 'PONG', 'what the application passed in stays open')
    connection.disconnect()
  })
  return { ...app, connection }
}

/** One process that takes callbacks and runs no `onSave`, one that calls, and one that runs it. */
async function openThree(t: TestContext): Promise<Record<'web' | 'caller' | 'worker', App>> {
  const prefix = newPrefix()
  const [web, caller, worker] = await Promise.all([
    open(t, prefix, { worker: false }),
    open(t, prefix, { worker: false }),
    open(t, prefix),
  ])
  return { web, caller, worker }
}

/** Types, saves, and checks that the edit is in storage by then. */
async function save(key: string, calls: App, stores: App): Promise<ForcesaveResult> {
  const edits = server.edits(key)
  const result = await calls.docs.forcesave(key)
  const newest = stores.stored.findLast((file) => file.key === key)?.text ?? ''
  assert.ok(editsIn(Buffer.from(newest)).length >= edits, 'confirmed, and not in storage')
  return result
}

/** How a call ends: its outcome, or the code of its error; anything else fails the test. */
async function endOf(call: Promise<ForcesaveResult>): Promise<string> {
  try {
    return (await call).outcome
  } catch (error) {
    if (!isDocsError(error)) throw error
    return error.code
  }
}

describe('several processes over a cluster', () => {
  it(
    'save many documents, command in one, callback in another, onSave in a third',
    LIMIT,
    async (t) => {
      const { web, caller, worker } = await openThree(t)
      const keys = Array.from({ length: 40 }, (_, index) => `many-${index}`)
      for (const key of keys) {
        const callbackUrl = web.docs.callbackUrl(`file of ${key}`)
        const editor = await server.open(key, { user: 'u', callbackUrl })
        editor.type('hello')
      }
      const results = await Promise.all(keys.map((key) => save(key, caller, worker)))
      assert.deepEqual(
        results.map(({ outcome }) => outcome),
        keys.map(() => 'saved'),
      )
      assert.deepEqual(
        [web.stored.length, caller.stored.length, worker.stored.length],
        [0, 0, keys.length],
      )
    },
  )

  it('outcome() tells it in every process, before the verdict and after it', LIMIT, async (t) => {
    const { web, caller, worker } = await openThree(t)
    const all = [web, caller, worker]
    const callbackUrl = web.docs.callbackUrl('file-1')
    for (const key of ['outcome-1', 'outcome-2', 'outcome-3', 'outcome-4']) {
      const editor = await server.open(key, { user: 'u', callbackUrl })
      editor.type('hello')
      const { id } = await caller.docs.startForcesave(key)
      const early = await Promise.all(all.map(({ docs }) => docs.outcome(id)))
      const late = await Promise.all(all.map(({ docs }) => docs.outcome(id)))
      for (const { outcome } of [...early, ...late]) assert.equal(outcome, 'saved')
    }
  })

  it(
    'keep each document in one slot, different ones on every node, and the queue in one',
    LIMIT,
    async (t) => {
      const prefix = newPrefix()
      const app = await open(t, prefix)
      const callbackUrl = app.docs.callbackUrl('file-1')
      const keys = Array.from({ length: 20 }, (_, index) => `${prefix}-${index}`)
      for (const key of keys) {
        const editor = await server.open(key, { user: 'u', callbackUrl })
        // Two, so that there is more than one verdict.
        for (const edit of ['one', 'two']) {
          editor.type(edit)
          assert.equal((await save(key, app, app)).outcome, 'saved')
        }
      }
      const { nameOf } = createRedisStore(app.connection, prefix)
      const nodes = new Set<ClusterNode>()
      for (const key of keys) {
        const mine = await cluster.keys(`${prefix}:{${nameOf(key)}}:*`)
        assert.equal(mine.length, 3, `the document and two verdicts: ${mine.join()}`)
        const slots = new Set(await Promise.all(mine.map((name) => cluster.slotOf(name))))
        assert.equal(slots.size, 1)
        nodes.add(await cluster.ownerOf([...slots][0]!))
      }
      assert.equal(nodes.size, cluster.nodes.length)

      const others = await cluster.keys(`{${prefix}}:saves:*`)
      assert.ok(others.length > 0, 'BullMQ has written something')
      const slots = new Set(await Promise.all(others.map((name) => cluster.slotOf(name))))
      assert.equal(slots.size, 1)
    },
  )

  for (const options of [
    { lazyConnect: true },
    { enableOfflineQueue: false, clusterRetryStrategy: () => null },
    { redisOptions: { maxRetriesPerRequest: 5, commandTimeout: 300, stringNumbers: true } },
  ]) {
    it(`take a connection made with ${Object.keys(options).join()}`, LIMIT, async (t) => {
      const connection = cluster.connect(options)
      const app = await startApp({ server: server.url, redis: connection, prefix: newPrefix() })
      t.after(() => app.close())
      const key = `made-${count}`
      const editor = await server.open(key, {
        user: 'u',
        callbackUrl: app.docs.callbackUrl('file-1'),
      })
      editor.type('hello')
      assert.equal((await save(key, app, app)).outcome, 'saved')
      await subscribed(`c${count}:wake`, 1)
    })
  }
})

/** How many subscribers the nodes have for a channel, all together. */
async function subscribed(channel: string, number: number): Promise<void> {
  await until(async () => {
    const counts = await Promise.all(
      cluster.nodes.map(({ admin }) => admin.pubsub('NUMSUB', channel)),
    )
    return counts.reduce((sum, [, some]) => sum + Number(some), 0) >= number
  }, `nobody listens on ${channel}`)
}

type Given = Pick<RedisLedgerParts, 'clock' | 'rules' | 'perform'> & { ownTime?: boolean }

function createLedger(given: Given, prefix: string, connection: Cluster): Ledger {
  const store = createRedisStore(connection, prefix)
  const subscriber = connection.duplicate()
  const ledger = createRedisLedger({
    ...{ ...given, store, logger: silentLogger },
    subscribe: subscribeOver(subscriber, store.channel, silentLogger),
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
  name: 'redis cluster',
  create: (parts) => createLedger({ ...parts, ownTime: true }, newPrefix(), cluster.connect()),
  ioMs: 20,
  manyKeys: 500,
  exempt: {
    'on a key that stays busy, old verdicts expire all the same':
      "Redis's expiry goes by real time, this clock is virtual; see ledger-redis.test.ts",
  },
})

const patient = { redisOptions: { maxRetriesPerRequest: null } }
const elsewhere = 'as over one Redis: see queue-bullmq.test.ts'
testQueue({
  name: 'bullmq over a cluster',
  create(parts) {
    const [connection, workerConnection] = [cluster.connect(), cluster.connect(patient)]
    // What the ledger would have.
    const saves = new Map<string, RunnableSave>()
    const queue = createBullmqQueue({
      wanted: (key, name, sequence) => Promise.resolve(saves.get([key, name, sequence].join(' '))),
      ...{ ...parts, prefix: `{${newPrefix()}}`, connection, workerConnection },
    })
    return {
      add(key, save) {
        saves.set([key, save.name, save.sequence].join(' '), save)
        queue.add(key, save)
      },
      async close() {
        await queue.close()
        connection.disconnect()
        workerConnection.disconnect()
      },
    }
  },
  ioMs: 20,
  limitMs: 60_000,
  exempt: {
    'the same name under another key is another save': elsewhere,
    'tries a failed save again, after pauses that grow, and counts the attempts': elsewhere,
    'a save whose pause was cut short is reported with what went wrong, and its attempts':
      elsewhere,
  },
})

it(
  'a wake-up arrives whichever node the document is on, and whichever one listens',
  LIMIT,
  async () => {
    const prefix = newPrefix()
    const never = { ...systemClock, after: () => () => {} }
    // Nothing is polled and nothing is due: only what is published can end a wait.
    const open = (node: ClusterNode): Ledger =>
      createLedger(
        { clock: never, rules: RULES, perform: () => {} },
        prefix,
        // It listens on the node where it begins.
        cluster.connect().duplicate([{ host: '127.0.0.1', port: node.redis.port }]),
      )
    const ledgers = cluster.nodes.map(open)
    try {
      await subscribed(`${prefix}:wake`, ledgers.length)
      const nodes = new Set<ClusterNode>()
      const { nameOf } = createRedisStore(cluster.connect(), prefix)
      for (let index = 0; index < 12; index += 1) {
        const key = `k${index}`
        nodes.add(await cluster.ownerOf(await cluster.slotOf(`{${nameOf(key)}}`)))
        const [writer] = ledgers
        const deadline = Date.now() + 60_000
        await writer!.apply(key, { type: 'registered', id: 'a', kind: 'forcesave', deadline })
        const waiting = ledgers.map((ledger) => ledger.settled(key, 'a'))
        // They have looked once, and found nothing.
        await Promise.all(ledgers.map((ledger) => ledger.read(key)))
        await writer!.apply(key, { type: 'answered', id: 'a', answer: { error: 6 } })
        for (const verdict of await Promise.all(waiting)) assert.equal(verdict?.outcome, 'failed')
      }
      assert.equal(nodes.size, cluster.nodes.length)
    } finally {
      for (const ledger of ledgers) await ledger.close()
    }
  },
)

describe('when the cluster changes', () => {
  it(
    'the slot of a document and that of the queue move to another node meanwhile',
    LIMIT,
    async (t) => {
      const { web, caller, worker } = await openThree(t)
      const prefix = `c${count}`
      const editor = await server.open('moved', {
        ...{ user: 'u', callbackUrl: web.docs.callbackUrl('file-1') },
      })
      const { nameOf } = createRedisStore(cluster.connect(), prefix)
      const slots = await Promise.all(
        [`{${nameOf('moved')}}`, `{${prefix}}`].map((tag) => cluster.slotOf(tag)),
      )
      const moves = { done: false }
      const moving = (async () => {
        for (const target of [1, 2, 0, 1]) {
          for (const slot of slots) await cluster.move(slot, cluster.nodes[target]!)
        }
      })().finally(() => (moves.done = true))
      let saved = 0
      while (!moves.done || saved === 0) {
        editor.type('more')
        assert.equal((await save('moved', caller, worker)).outcome, 'saved')
        saved += 1
      }
      await moving
      editor.type('the last')
      assert.equal((await save('moved', caller, worker)).outcome, 'saved')
    },
  )

  for (const index of [0, 1, 2]) {
    it(`node ${index} is killed and started again: everything works again`, LIMIT, async (t) => {
      const node = cluster.nodes[index]!
      const { web, caller, worker } = await openThree(t)
      const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `away-${index}-${name}`)
      const editors = new Map<string, Editor>()
      for (const key of keys) {
        const callbackUrl = web.docs.callbackUrl(`file of ${key}`)
        editors.set(key, await server.open(key, { user: 'u', callbackUrl }))
      }
      const type = (): void => {
        for (const editor of editors.values()) editor.type('more')
      }
      type()
      await Promise.all(keys.map((key) => save(key, caller, worker)))
      type()
      await node.redis.kill()

      const ends = await Promise.all(
        keys.map((key) => endOf(caller.docs.forcesave(key, { timeout: 5_000 }))),
      )
      assert.ok(ends.includes('UNREACHABLE'), ends.join())
      await cluster.down()
      const begun = Date.now()
      const replies = await Promise.all(
        keys.map((key) =>
          postSigned(web.docs.callbackUrl('file-1'), {
            ...{ key: `${key}-callback`, status: 6, forcesavetype: 1, users: ['u'] },
            url: `${server.url}/cache/files/data/x/output.docx/output.docx`,
          }),
        ),
      )
      const ms = Date.now() - begun
      for (const reply of replies) assert.deepEqual(reply, again)
      assert.ok(ms < ANSWER, `answered after ${ms} ms`)

      await node.redis.start()
      await cluster.well()
      for (const [key, editor] of editors) {
        await until(async () => {
          editor.type('again')
          return (await endOf(save(key, caller, worker))) === 'saved'
        }, `${key} does not come back`)
      }
      await subscribed(`c${count}:wake`, 3)
    })
  }
})
