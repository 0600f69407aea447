/** `forgotten.recover()` over real HTTP, with and without Redis (issue "Nothing lost", 5). */
import assert from 'node:assert/strict'
import { after, before, describe, it, type TestContext } from 'node:test'
import type { Save } from '../src/index.js'
import { RejectSave, type RecoveryResult } from '../src/index.js'
import { createHttp, type Http } from '../src/client/http.js'
import { startApp, type App, type AppOptions } from './support/app.js'
import { gate } from './support/callbacks.js'
import { leaveBehind } from './support/left-behind.js'
import { failure, startPair, type Pair } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'
import { linesIn } from './support/lines-in.js'

/** Against hangs only. */
const LIMIT = { timeout: 300_000 }

let redis: TestRedis
let count = 0
before(async () => {
  redis = await startRedis()
})
after(() => redis.stop())

interface Stage extends Pair {
  /** What `onSave` has stored, as `<trigger> <key> <ref> <text>`. */
  stored: string[]
  /** Leaves forgotten files of which no callback has told us. */
  leave: (...keys: string[]) => Promise<void>
  /** Opens a document whose callbacks go to somebody else. */
  openUnheard: (key: string, user: string) => ReturnType<Pair['open']>
  /** Another process of the same application. */
  another: (options?: Partial<AppOptions>) => Promise<App>
  /** Recovers, and gives the results, by key. */
  results: (docs?: App['docs']) => Promise<RecoveryResult[]>
}

type Options = Omit<Partial<AppOptions>, 'server'> & {
  /** Called before each save is stored. */
  storing?: (save: Save) => unknown
}

const refOf = (key: string): string => `ref of ${key}`

function testRecover(backend: 'memory' | 'redis'): void {
  async function start(t: TestContext, { storing, ...options }: Options = {}): Promise<Stage> {
    const stored: string[] = []
    count += 1
    const given = {
      ...(backend === 'redis' ? { redis: redis.url, prefix: `r${count}` } : {}),
      retries: 0,
      nudgeAfter: 50,
      async onSave(save: Save) {
        await storing?.(save)
        const { stream } = await save.download()
        const text = linesIn(await new Response(stream).text())
        stored.push(`${save.trigger} ${save.key} ${save.ref} ${text.trim()}`)
        return stored.length
      },
      ...options,
    }
    const pair = await startPair(t, given)
    const { server, docs } = pair
    const { url, leave } = await leaveBehind(t, server)
    return {
      ...{ ...pair, stored, leave },
      openUnheard: (key, user) => server.open(key, { user, callbackUrl: url }),
      async another(more = {}) {
        const app = await startApp({ server: server.url, ...given, ...more })
        t.after(app.close)
        return app
      },
      async results(of = docs) {
        const results: RecoveryResult[] = []
        await of.forgotten.recover({ onResult: (result) => results.push(result) })
        return results.sort((left, right) => left.key.localeCompare(right.key))
      },
    }
  }

  /** The final save is turned down for good: the Docs server keeps it as a forgotten file at once. */
  const notAtClose = ({ trigger }: Save): void => {
    if (trigger === 'close') throw new RejectSave('not now')
  }
  const none = { recovered: 0, left: 0, gone: 0, failed: 0 }

  describe(`recover(), ${backend}`, LIMIT, () => {
    it('hands each forgotten file to onSave once and deletes it when it is stored', async (t) => {
      const { docs, server, leave, stored } = await start(t, { refOf })
      await leave('k1', 'k2', 'k3')
      const results: RecoveryResult[] = []
      const counts = await docs.forgotten.recover({ onResult: (result) => results.push(result) })
      assert.deepEqual(counts, { ...none, recovered: 3 })
      assert.deepEqual(stored.sort(), [
        'forgotten k1 ref of k1 1 u1 the text of k1',
        'forgotten k2 ref of k2 1 u1 the text of k2',
        'forgotten k3 ref of k3 1 u1 the text of k3',
      ])
      assert.deepEqual(results.map(({ key, outcome }) => `${key} ${outcome}`).sort(), [
        'k1 recovered',
        'k2 recovered',
        'k3 recovered',
      ])
      assert.deepEqual(server.forgotten, [])
      assert.deepEqual(await docs.forgotten.recover(), none)
      assert.equal(stored.length, 3)
    })

    it('with nothing forgotten there is nothing to do', async (t) => {
      const { docs, commands } = await start(t)
      assert.deepEqual(await docs.forgotten.recover(), none)
      assert.deepEqual(commands(), ['getForgottenList'])
    })

    it('takes the ref that the callbacks have told', async (t) => {
      const { docs, open, server, stored } = await start(t, { storing: notAtClose })
      const editor = await open('k1')
      editor.type('precious')
      await editor.close()
      await server.idle()
      assert.deepEqual(server.forgotten, ['k1'])
      assert.deepEqual(await docs.forgotten.recover(), { ...none, recovered: 1 })
      assert.deepEqual(stored, ['forgotten k1 file of k1 1 u1 precious'])
      assert.deepEqual(server.forgotten, [])
      // What was missing is stored (settlement 9).
      assert.equal((await docs.forcesave('k1')).outcome, 'unchanged')
    })

    it('leaves a file whose ref nobody tells, and asks nothing about it', async (t) => {
      const { server, leave, stored, commands, results } = await start(t)
      await leave('k1')
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'left', reason: 'unknown-ref' }])
      assert.deepEqual(commands(), ['getForgottenList'])
      assert.deepEqual([server.forgotten, stored], [['k1'], []])
    })

    it('leaves what refOf does not know, and takes the others', async (t) => {
      const mine = (key: string): Promise<string | undefined> =>
        Promise.resolve(key === 'mine' ? 'ref' : undefined)
      const { server, leave, results } = await start(t, { refOf: mine })
      await leave('mine', 'theirs')
      assert.deepEqual(await results(), [
        { key: 'mine', outcome: 'recovered' },
        { key: 'theirs', outcome: 'left', reason: 'unknown-ref' },
      ])
      assert.deepEqual(server.forgotten, ['theirs'])
    })

    it('one that fails harms no other, stays where it is, and is taken by the next call', async (t) => {
      let full = true
      const { docs, server, leave, stored, results } = await start(t, {
        refOf,
        storing({ key }) {
          if (key === 'k2' && full) throw new Error('the disk is full')
        },
      })
      await leave('k1', 'k2', 'k3')
      const [first, second, third] = await results()
      assert.deepEqual([first?.outcome, third?.outcome], ['recovered', 'recovered'])
      assert.ok(second?.outcome === 'failed', 'the second has failed')
      assert.equal(second.error.code, 'STORAGE_FAILED')
      assert.equal((second.error.cause as Error).message, 'the disk is full')
      assert.deepEqual(server.forgotten, ['k2'])
      full = false
      assert.deepEqual(await docs.forgotten.recover(), { ...none, recovered: 1 })
      assert.equal(stored.length, 3)
      assert.deepEqual(server.forgotten, [])
    })

    for (const [what, broken, code] of [
      ['throws', () => Promise.reject(new Error('no database')), 'STORAGE_FAILED'],
      ['gives what is no ref', () => 5 as unknown as string, 'BAD_OPTION'],
      ['gives an empty text', () => '', 'BAD_OPTION'],
    ] as const) {
      it(`a refOf that ${what} fails its file and harms no other`, async (t) => {
        const { server, leave, results } = await start(t, {
          refOf: (key) => (key === 'k1' ? broken() : 'ref'),
        })
        await leave('k1', 'k2')
        const [first, second] = await results()
        assert.ok(first?.outcome === 'failed', 'the first has failed')
        assert.equal(first.error.code, code)
        assert.equal(second?.outcome, 'recovered')
        assert.deepEqual(server.forgotten, ['k1'])
      })
    }

    it('what onResult throws or rejects with harms nobody', async (t) => {
      const { docs, leave } = await start(t, { refOf })
      await leave('k1', 'k2')
      const onResult = ({ key }: RecoveryResult): unknown => {
        if (key === 'k1') throw new Error('thrown')
        return Promise.reject(new Error('rejected'))
      }
      assert.deepEqual(await docs.forgotten.recover({ onResult }), { ...none, recovered: 2 })
    })

    it('leaves a document alone that is open, also when no callback has told', async (t) => {
      const { server, leave, openUnheard, stored, results } = await start(t, { refOf })
      await leave('k1')
      const editor = await openUnheard('k1', 'u2')
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'left', reason: 'open' }])
      assert.deepEqual([server.forgotten, stored], [['k1'], []])
      await editor.close()
      await server.idle()
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'recovered' }])
    })

    it('asks a Docs server older than 8.2, which tells who edits in a callback only', async (t) => {
      const http = olderHttp()
      const { server, open, stored, results } = await start(t, { refOf, http, storing: notAtClose })
      for (const key of ['k1', 'k2']) {
        const editor = await open(key)
        editor.type('precious')
        await editor.close()
        await server.idle()
      }
      await open('k1', 'u2')
      assert.deepEqual(await results(), [
        { key: 'k1', outcome: 'left', reason: 'open' },
        { key: 'k2', outcome: 'recovered' },
      ])
      assert.deepEqual(stored, ['forgotten k2 file of k2 1 u1 precious'])
    })

    it('takes the file of a session whose end nobody has told us', async (t) => {
      const { server, open, openUnheard, stored, results } = await start(t)
      const [heard, unheard] = [await open('k1'), await openUnheard('k1', 'u2')]
      unheard.type('precious')
      await heard.close()
      await unheard.close()
      await server.idle()
      assert.deepEqual(server.forgotten, ['k1'])
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'recovered' }])
      assert.deepEqual(stored, ['forgotten k1 file of k1 1 u2 precious'])
      assert.deepEqual(server.forgotten, [])
    })

    it('waits for a final save that is on its way, and then leaves the older file', async (t) => {
      const { server, open, leave, stored, results } = await start(t, { refOf, nudgeAfter: 3_000 })
      await leave('k1')
      const editor = await open('k1', 'u2')
      editor.type('newer')
      server.conversion.delay = 300
      await editor.close()
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'left', reason: 'outdated' }])
      assert.deepEqual(stored, ['close k1 file of k1 1 u1 the text of k1\n2 u2 newer'])
      assert.deepEqual(server.forgotten, ['k1'])
    })

    it('leaves the file of a final save that was stored after the Docs server had given up', async (t) => {
      const slow = gate()
      const { docs, server, open, stored, results } = await start(t, {
        ...{ refOf, replyTimeout: 50 },
        storing: () => slow.opened,
      })
      const editor = await open('k1')
      editor.type('precious')
      await editor.close()
      // Sent again after 1, 2 and 4 s.
      await server.idle()
      assert.deepEqual(server.forgotten, ['k1'])
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'left', reason: 'open' }])
      const saved = new Promise((resolve) => docs.on('saved', resolve))
      slow.open()
      await saved
      // It may be that file, or an older one, or that of a session unheard of: it is not to be told.
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'left', reason: 'outdated' }])
      assert.deepEqual(server.forgotten, ['k1'])
      assert.deepEqual(stored, ['close k1 file of k1 1 u1 precious'])
    })

    it('deletes the file that is stored, also when its key is in use again by then', async (t) => {
      const [begun, slow] = [gate(), gate()]
      const { docs, server, open, leave, stored } = await start(t, {
        refOf,
        async storing() {
          begun.open()
          await slow.opened
        },
      })
      await leave('k1')
      const recovering = docs.forgotten.recover()
      await begun.opened
      await open('k1', 'u2')
      slow.open()
      assert.deepEqual(await recovering, { ...none, recovered: 1 })
      assert.equal(stored.length, 1)
      assert.deepEqual(server.forgotten, [])
    })

    it('says `gone` of a file that somebody else has taken meanwhile', async (t) => {
      const { docs, leave, results, stored } = await start(t, {
        async refOf(key) {
          await docs.forgotten.delete(key)
          return 'ref'
        },
      })
      await leave('k1')
      assert.deepEqual(await results(), [{ key: 'k1', outcome: 'gone' }])
      assert.deepEqual(stored, [])
    })

    it('two calls at once take each file once', async (t) => {
      const keys = Array.from({ length: 12 }, (_, index) => `k${index + 10}`)
      const { docs, server, leave, another, stored } = await start(t, { refOf })
      await leave(...keys)
      const other = backend === 'redis' ? (await another()).docs : docs
      const counts = await Promise.all([docs.forgotten.recover(), other.forgotten.recover()])
      for (const { left, failed } of counts) assert.deepEqual([left, failed], [0, 0])
      assert.deepEqual(stored.map((line) => line.split(' ')[1]).sort(), keys)
      assert.deepEqual(server.forgotten, [])
    })

    it('a forcesave that finds the same file at the same time shares it', async (t) => {
      const [begun, slow] = [gate(), gate()]
      const { docs, server, open, stored } = await start(t, {
        async storing(save) {
          notAtClose(save)
          begun.open()
          await slow.opened
        },
      })
      const editor = await open('k1')
      editor.type('precious')
      await editor.close()
      await server.idle()
      server.expire('k1')
      const calls = Promise.all([docs.forcesave('k1'), docs.forgotten.recover()])
      await begun.opened
      slow.open()
      const [result, counts] = await calls
      assert.equal(result.outcome, 'saved')
      assert.equal(counts.recovered + counts.gone, 1)
      assert.equal(stored.length, 1)
    })

    it('a signal ends it between files: what is handed over is stored, the others stay', async (t) => {
      const slow = gate()
      let begun = 0
      const { docs, server, leave, stored } = await start(t, {
        refOf,
        async storing() {
          begun += 1
          await slow.opened
        },
      })
      await leave('k1', 'k2', 'k3', 'k4', 'k5', 'k6')
      const controller = new AbortController()
      const reason = new Error('enough')
      const call = docs.forgotten.recover({ signal: controller.signal })
      // Four at a time, in the order of their keys.
      await until(() => begun === 4)
      controller.abort(reason)
      assert.equal(await call.catch((error: unknown) => error), reason)
      slow.open()
      await until(() => server.forgotten.length === 2)
      assert.deepEqual(server.forgotten, ['k5', 'k6'])
      assert.equal(stored.length, 4)
    })

    it('a deadline ends it with TIMEOUT, and close() with CLOSED', async (t) => {
      const slow = gate()
      t.after(slow.open)
      const { docs, leave } = await start(t, { refOf, storing: () => slow.opened })
      await leave('k1')
      await failure(docs.forgotten.recover({ timeout: 300 }), 'TIMEOUT')
      const call = failure(docs.forgotten.recover(), 'CLOSED')
      setImmediate(slow.open)
      await docs.close()
      await call
    })

    it('rejects where the list cannot be had', async (t) => {
      const { docs, server } = await start(t)
      await server.close()
      await failure(docs.forgotten.recover(), 'UNREACHABLE')
    })

    it('refuses an onResult that is no function', async (t) => {
      const { docs, commands } = await start(t)
      const onResult = 5 as unknown as () => void
      const error = await failure(docs.forgotten.recover({ onResult }), 'BAD_OPTION')
      assert.equal(error.message, 'onResult: got 5; give a function')
      assert.deepEqual(commands(), [])
    })

    if (backend === 'redis') {
      it('a process without workers recovers what another one stores', async (t) => {
        const { leave, another, results, stored } = await start(t, { refOf })
        await leave('k1')
        const idle = await another({ worker: false })
        assert.deepEqual(await results(idle.docs), [{ key: 'k1', outcome: 'recovered' }])
        assert.equal(stored.length, 1)
      })
    }
  })
}

/** The responses to `info` have no `users`, as before Docs 8.2. */
function olderHttp(): Http {
  const real = createHttp()
  return {
    ...real,
    async request(request) {
      const response = await real.request(request)
      const { users, ...fields } = JSON.parse(response.text) as { users?: string[] }
      return users === undefined ? response : { ...response, text: JSON.stringify(fields) }
    },
  }
}

testRecover('memory')
testRecover('redis')
