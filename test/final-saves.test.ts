/** What becomes of a final save when something fails for a while (`docs/guarantees.md`). */
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import Koa from 'koa'
import { createDocs, RejectSave, type Docs, type DocsOptions, type Save } from '../src/index.js'
import {
  editsIn,
  startDocsServer,
  virtualClock,
  type DocsServer,
  type Editor,
} from '../src/testing/index.js'
import { SECRET, startApp, type App } from './support/app.js'
import { failure, startPair } from './support/pair.js'
import { startRedis } from './support/redis.js'
import { until } from './support/until.js'
import { linesIn } from './support/lines-in.js'

const LIMIT = { timeout: 300_000 }
const KEY = 'k1'
/** What `recover()` counts. */
const none = { recovered: 0, left: 0, gone: 0, failed: 0 }

/** What the callbacks of this status were answered: HTTP status and `error`, or `lost`. */
function repliesTo(server: DocsServer, status: number): string[] {
  const ids = server.log.flatMap((entry) =>
    entry.type === 'callback' && (entry.body as { status: number }).status === status
      ? [entry.id]
      : [],
  )
  return server.log.flatMap((entry) => {
    if (entry.type !== 'reply' || !ids.includes(entry.id)) return []
    return ['connection' in entry ? 'lost' : `${entry.status} ${JSON.stringify(entry.body)}`]
  })
}

async function textOf(save: Save): Promise<string> {
  const { stream } = await save.download()
  return linesIn(await new Response(stream as ReadableStream).text())
}

async function typeAndClose(editor: Editor): Promise<number> {
  const edit = editor.type('precious')
  await editor.close()
  return edit
}

describe('our process dies, without redis', LIMIT, () => {
  interface Host {
    server: DocsServer
    /** Starts the process, in the place of the one before. */
    start: (onSave: DocsOptions['onSave'], more?: Pick<DocsOptions, 'refOf'>) => Docs
    /** Connections break off, and what it has in memory is gone. */
    kill: () => void
    callbackUrl: string
  }

  /** An address of an application whose process dies and is started again. */
  async function open(t: TestContext): Promise<Host> {
    let handler: RequestListener = (_request, response) => response.destroy()
    const listener = createServer((request, response) => handler(request, response))
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    const publicUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
    const server = await startDocsServer({ secret: SECRET })
    const made: Docs[] = []
    const make: Host['start'] = (onSave, more) => {
      const options = { server: server.url, secret: SECRET, publicUrl, onSave, grace: 50 }
      const docs = createDocs({ ...options, otherSaves: false, ...more })
      made.push(docs)
      return docs
    }
    t.after(async () => {
      await server.close()
      await Promise.all(made.map((docs) => docs.close()))
      listener.closeAllConnections()
      listener.close()
    })
    return {
      server,
      callbackUrl: make(() => {}).callbackUrl('file-1'),
      start(onSave, more) {
        const docs = make(onSave, more)
        const callback = new Koa().use(docs.routes()).callback()
        handler = (request, response) => void callback(request, response)
        return docs
      },
      kill() {
        handler = (_request, response) => response.destroy()
        listener.closeAllConnections()
      },
    }
  }

  it('while it stores the final save: sent again, to the process in its place, and stored', async (t) => {
    const { server, start, kill, callbackUrl } = await open(t)
    let begun = false
    let stop: () => void = () => {}
    start(() => {
      begun = true
      return new Promise<void>((resolve) => (stop = resolve))
    })
    t.after(() => stop())
    const edit = await typeAndClose(await server.open(KEY, { user: 'u1', callbackUrl }))
    await until(() => begun)
    kill()
    const files: string[] = []
    start(async (save) => void files.push(await textOf(save)))
    await server.idle()
    assert.deepEqual(repliesTo(server, 2), ['lost', '200 {"error":0}'])
    assert.deepEqual(editsIn(Buffer.from(files.at(-1)!)), [edit])
    assert.deepEqual(server.forgotten, [])
  })

  it('and stays dead until it is not sent again any more: a forgotten file, with every edit', async (t) => {
    const { server, start, callbackUrl } = await open(t)
    const edit = await typeAndClose(await server.open(KEY, { user: 'u1', callbackUrl }))
    await server.idle()
    assert.deepEqual(repliesTo(server, 2), ['lost', 'lost', 'lost', 'lost'])
    assert.deepEqual(server.forgotten, [KEY])
    const docs = start(() => {})
    // No callback has told this process the ref.
    server.expire(KEY)
    const error = await failure(docs.forcesave(KEY), 'STORAGE_FAILED')
    assert.match(error.message, /docs\.forgotten\.url\(key\)/)
    const file = await fetch((await docs.forgotten.url(KEY))!)
    assert.deepEqual(editsIn(Buffer.from(await file.arrayBuffer())), [edit])
    assert.deepEqual(await docs.forgotten.recover(), { ...none, left: 1 })
    // Only the application knows by now which file the key stands for.
    const files: string[] = []
    const told = start(async (save) => void files.push(`${save.ref} ${await textOf(save)}`), {
      refOf: () => 'file-1',
    })
    assert.deepEqual(await told.forgotten.recover(), { ...none, recovered: 1 })
    assert.deepEqual(files, ['file-1 1 u1 precious\n'])
    assert.deepEqual(server.forgotten, [])
  })
})

describe('Redis dies', { timeout: 300_000 }, () => {
  it('and is back in time: the final save, answered 503, is sent again and stored', async (t) => {
    await play(t, 'in time')
  })
  it('for longer: a forgotten file, which the next forcesave stores', async (t) => {
    await play(t, 'late')
  })
  it('for longer, and nobody calls forcesave: recover() stores it in a new process, by the ref that Redis has kept', async (t) => {
    await play(t, 'late', async ({ close }, another) => {
      await close()
      const { forgotten } = (await another()).docs
      return async () => (await forgotten.recover()).recovered === 1
    })
  })

  async function play(
    t: TestContext,
    back: 'in time' | 'late',
    taker: (app: App, another: () => Promise<App>) => Promise<() => Promise<boolean>> = ({
      docs,
    }) => Promise.resolve(async () => (await docs.forcesave(KEY)).outcome === 'saved'),
  ): Promise<void> {
    const redis = await startRedis()
    const server = await startDocsServer({ secret: SECRET })
    const options = { server: server.url, redis: redis.url, grace: 50, otherSaves: false }
    const apps: App[] = []
    const start = async (): Promise<App> => {
      const app = await startApp({ ...options, timeout: 30_000, nudgeAfter: 500 })
      apps.push(app)
      return app
    }
    const app = await start()
    t.after(async () => {
      await server.close()
      await Promise.all(apps.map(({ close }) => close()))
      await redis.stop()
    })
    const callbackUrl = app.docs.callbackUrl('file-1')
    const editor = await server.open(KEY, { user: 'u1', callbackUrl })
    await until(async () => (await app.docs.forcesave(KEY)).outcome === 'unchanged')
    await redis.kill()
    const edit = await typeAndClose(editor)
    await until(() => repliesTo(server, 2).length > 0)
    if (back === 'in time') await redis.start()
    await server.idle()
    const replies = repliesTo(server, 2)
    assert.equal(replies[0], '503 {"error":1}')
    if (back === 'late') {
      assert.deepEqual(new Set(replies), new Set(['503 {"error":1}']))
      assert.deepEqual(server.forgotten, [KEY])
      await redis.start()
      server.expire(KEY)
      const take = await taker(app, start)
      await until(() => take().catch(() => false))
    } else assert.equal(replies.at(-1), '200 {"error":0}')
    assert.deepEqual(server.forgotten, [])
    const [{ ref, text } = assert.fail('nothing was stored')] = apps.flatMap(({ stored }) => stored)
    assert.deepEqual([ref, editsIn(Buffer.from(text))], ['file-1', [edit]])
  }
})

describe('storage fails', LIMIT, () => {
  /** The storage fails from now on; the editor types and leaves, and nobody takes the file. */
  async function play(
    t: TestContext,
    minutes: number,
    more: Pick<DocsOptions, 'retention' | 'refOf' | 'recoverEvery'> = {},
  ) {
    const clock = virtualClock()
    let broken = true
    const files: string[] = []
    const orders: string[] = []
    const pair = await startPair(t, {
      ...{ clock, simulation: { clock }, ...more },
      async onSave(save) {
        if (broken) throw new Error('the storage is down')
        files.push(`${save.trigger} ${save.ref} ${await textOf(save)}`)
        orders.push(save.order)
      },
    })
    const { server } = pair
    const editor = await pair.open(KEY)
    editor.type('precious')
    await editor.close()
    await clock.runUntil(() => server.forgotten.length > 0, 120_000, 50)
    assert.deepEqual(repliesTo(server, 2), Array(4).fill('503 {"error":1}'))
    await clock.advance(minutes * 60_000)
    server.expire(KEY)
    broken = false
    return { ...pair, clock, files, orders }
  }

  it('for 50 minutes: 503 four times, a forgotten file, and the next forcesave stores it', async (t) => {
    const { files, server, docs } = await play(t, 50)
    assert.equal((await docs.forcesave(KEY)).outcome, 'saved')
    assert.deepEqual(files, [`forgotten file of ${KEY} 1 u1 precious\n`])
    assert.deepEqual(server.forgotten, [])
  })

  it('for longer than the retention time: the file is there, and its ref is not known any more', async (t) => {
    const { files, server, docs } = await play(t, 61)
    const { message } = await failure(docs.forcesave(KEY), 'STORAGE_FAILED')
    assert.match(message, /no callback has told its ref/)
    assert.deepEqual([files, server.forgotten], [[], [KEY]])
  })

  it('for as long as it takes, within a longer retention time: stored', async (t) => {
    const { files, docs } = await play(t, 180, { retention: 6 * 3_600_000 })
    assert.equal((await docs.forcesave(KEY)).outcome, 'saved')
    assert.equal(files.length, 1)
  })

  it('recover() stores it as well, for as long as its ref is remembered', async (t) => {
    const { files, orders, server, docs } = await play(t, 50)
    assert.deepEqual(await docs.forgotten.recover(), { ...none, recovered: 1 })
    assert.deepEqual(files, [`forgotten file of ${KEY} 1 u1 precious\n`])
    assert.deepEqual(orders, ['newest'])
    assert.deepEqual(server.forgotten, [])
  })

  it('for longer, recover() leaves it, and stores it where refOf tells the ref', async (t) => {
    const silent = await play(t, 61)
    const left = await silent.docs.forgotten.recover()
    assert.deepEqual([left, silent.server.forgotten], [{ ...none, left: 1 }, [KEY]])
    const { files, orders, docs, server } = await play(t, 125, { refOf: () => 'renamed' })
    assert.deepEqual(await docs.forgotten.recover(), { ...none, recovered: 1 })
    assert.deepEqual(orders, ['unknown'], 'nothing is known of what is stored')
    assert.deepEqual([files, server.forgotten], [[`forgotten renamed 1 u1 precious\n`], []])
  })

  for (const minutes of [50, 90]) {
    it(`for ${minutes} minutes, with recoverEvery and refOf: stored without a call of ours`, async (t) => {
      const { files, server, clock } = await play(t, minutes, {
        ...{ recoverEvery: 300_000, refOf: (key) => `file of ${key}` },
      })
      await clock.runUntil(() => server.forgotten.length === 0, 3_600_000, 50)
      assert.deepEqual(files, [`forgotten file of ${KEY} 1 u1 precious\n`])
      assert.deepEqual(server.forgotten, [])
    })
  }
})

describe('the Docs server restarts', LIMIT, () => {
  it('while its final save is being stored: it makes it anew, and no edit is lost', async (t) => {
    const texts: string[] = []
    let release: () => void = () => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    const { server, open } = await startPair(t, {
      async onSave(save) {
        if (texts.length === 0) await held
        texts.push(await textOf(save))
      },
    })
    const edit = await typeAndClose(await open(KEY))
    await until(() => server.log.some(({ type }) => type === 'callback' && isFinal(server)))
    server.restart()
    release()
    await server.idle()
    assert.equal(repliesTo(server, 2).at(-1), '200 {"error":0}')
    assert.deepEqual(editsIn(Buffer.from(texts.at(-1)!)), [edit])
    assert.deepEqual(server.forgotten, [])
  })
  const isFinal = ({ log }: DocsServer): boolean =>
    log.some(
      (entry) => entry.type === 'callback' && (entry.body as { status: number }).status === 2,
    )

  it('while a forcesave waits: it ends with the final save that follows', async (t) => {
    const { server, docs, open } = await startPair(t, {
      simulation: { conversion: { delay: 200 } },
    })
    const editor = await open(KEY)
    editor.type('precious')
    const { id } = await docs.startForcesave(KEY)
    server.restart()
    const result = await docs.outcome(id)
    assert.equal(result.outcome, 'saved')
  })
})

it(
  'an encrypted document: a forcesave for it ends as TIMEOUT, and nothing is confirmed',
  LIMIT,
  async (t) => {
    const { server, docs, open, app } = await startPair(t)
    ;(await open(KEY)).type('precious')
    server.encrypted.add(KEY)
    await failure(docs.forcesave(KEY, { timeout: 500 }), 'TIMEOUT')
    assert.deepEqual(app.stored, [])
  },
)

describe('a final save that onSave refuses', LIMIT, () => {
  it('for good is not sent again: a forgotten file at once', async (t) => {
    const { server, open } = await startPair(t, {
      onSave: () => Promise.reject(new RejectSave('the file was deleted')),
    })
    await typeAndClose(await open(KEY))
    await server.idle()
    assert.deepEqual(repliesTo(server, 2), ['200 {"error":1}'])
    assert.deepEqual(server.forgotten, [KEY])
  })
})
