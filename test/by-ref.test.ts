/** Calls about `{ ref }`: a file that `open()` was called for, instead of its document key. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ForcesaveAllItem, Session } from '../src/index.js'
import { LIMIT } from './support/callbacks.js'
import { failure, startPair, type Pair } from './support/pair.js'

const config = { document: { fileType: 'docx' } }
const ref = 'report.docx'

async function startEdited(t: Parameters<typeof startPair>[0]): Promise<Pair & { key: string }> {
  const pair = await startPair(t)
  const { document, editorConfig } = await pair.docs.open(ref, config)
  const { callbackUrl } = editorConfig
  const editor = await pair.server.open(document.key, { user: 'ann', callbackUrl })
  editor.type('hello')
  return { ...pair, key: document.key }
}

describe('a call about { ref } is about the current key of the file', LIMIT, () => {
  it('forcesave: its result tells both', async (t) => {
    const { docs, key } = await startEdited(t)
    const result = await docs.forcesave({ ref })
    assert.deepEqual([result.outcome, result.key, result.ref], ['saved', key, ref])
  })
  it('startForcesave and outcome', async (t) => {
    const { docs, key } = await startEdited(t)
    const started = await docs.startForcesave({ ref }, { userdata: 'mine' })
    assert.deepEqual([started.key, started.ref], [key, ref])
    const result = await docs.outcome(started.id)
    assert.deepEqual([result.outcome, result.ref], ['saved', ref])
  })
  it('info', async (t) => {
    const { docs, key } = await startEdited(t)
    assert.deepEqual(await docs.info({ ref }), { key, ref, status: 'editing', users: ['ann'] })
  })
  it('meta and drop', async (t) => {
    const { docs, server, key } = await startEdited(t)
    await docs.meta({ ref }, { title: 'Another' })
    await docs.drop({ ref }, ['ann'])
    const bodies = server.log.flatMap((entry) => (entry.type === 'command' ? [entry.body] : []))
    const sent = bodies as { c: string; key: string }[]
    assert.deepEqual(
      sent.filter(({ c }) => c === 'meta' || c === 'drop').map((body) => [body.c, body.key]),
      [
        ['meta', key],
        ['drop', key],
      ],
    )
  })
  it('forcesaveAll, beside keys, also where one was never opened', async (t) => {
    const { docs, key } = await startEdited(t)
    const items: ForcesaveAllItem[] = []
    for await (const item of docs.forcesaveAll({ keys: [{ ref }, { ref: 'never' }, 'k1'] }))
      items.push(item)
    assert.deepEqual(
      items
        .map((item) => [item.key, item.ref, item.result?.outcome ?? item.error?.code])
        .sort((one, other) => String(one[1]).localeCompare(String(other[1]))),
      [
        ['', 'never', 'NOT_OPENED'],
        [key, ref, 'saved'],
        ['k1', undefined, 'unchanged'],
      ],
    )
  })
})

describe('a call about the key of open() tells its ref', LIMIT, () => {
  it('in its result', async (t) => {
    const { docs, key } = await startEdited(t)
    assert.equal((await docs.forcesave(key)).ref, ref)
  })
  it('in its error', async (t) => {
    const { docs, server, key } = await startEdited(t)
    await server.close()
    const error = await failure(docs.forcesave(key, { timeout: 3_000 }), 'UNREACHABLE')
    assert.deepEqual([error.ref, error.key], [ref, key])
  })
  it('and sessions() does', async (t) => {
    const { docs, key } = await startEdited(t)
    const sessions: Session[] = []
    for await (const session of docs.sessions()) sessions.push(session)
    assert.deepEqual(
      sessions.map((session) => [session.key, session.ref]),
      [[key, ref]],
    )
  })
})

describe('a call about { ref } is refused', LIMIT, () => {
  it('as NOT_OPENED where no key is known: nothing is confirmed', async (t) => {
    const { docs, commands } = await startPair(t)
    for (const call of [
      docs.forcesave({ ref: 'never' }),
      docs.startForcesave({ ref: 'never' }),
      docs.info({ ref: 'never' }),
      docs.drop({ ref: 'never' }),
    ]) {
      const error = await failure(call, 'NOT_OPENED')
      assert.deepEqual([error.ref, error.key, error.retryable], ['never', undefined, false])
    }
    assert.deepEqual(commands(), [])
  })
  const wrong: [what: string, target: unknown, words: RegExp][] = [
    ['without a ref', {}, /^key: got an object; give a document key, or \{ ref \}/],
    ['with more', { ref, key: 'k' }, /^key: got an object/],
    ['with a ref that is none', { ref: '' }, /^ref: got ""/],
    ['null', null, /^key: got null/],
    ['an array', [ref], /^key: got an array of 1/],
  ]
  for (const [what, target, words] of wrong) {
    it(`as BAD_OPTION ${what}`, async (t) => {
      const { docs } = await startPair(t)
      const error = await failure(docs.forcesave(target as string), 'BAD_OPTION')
      assert.match(error.message, words)
    })
  }
})

describe('recover()', LIMIT, () => {
  for (const name of ['report.docx', 'x'.repeat(300)]) {
    it(`needs no refOf for a key of open(), with a ref of ${name.length} characters`, async (t) => {
      let isDown = true
      const { docs, server, app } = await startPair(t, {
        before: [
          // Nothing of the session reaches the application.
          async (ctx, next) => {
            if (isDown) ctx.status = 403
            else await next()
          },
        ],
      })
      const { document, editorConfig } = await docs.open(name, config)
      const { callbackUrl } = editorConfig
      const editor = await server.open(document.key, { user: 'ann', callbackUrl })
      editor.type('hello')
      await editor.close()
      await server.idle()
      isDown = false
      const { recovered } = await docs.forgotten.recover()
      assert.equal(recovered, 1)
      assert.deepEqual(
        app.stored.map((file) => file.ref),
        [name],
      )
    })
  }
  it('leaves the file of an older key of open(): it may be older than what is stored', async (t) => {
    const { docs, server, app } = await startPair(t)
    const older = await docs.open(ref, config)
    await docs.replaced(ref)
    const elsewhere = 'http://127.0.0.1:9/nobody'
    const editor = await server.open(older.document.key, { user: 'eve', callbackUrl: elsewhere })
    editor.type('old')
    await editor.close()
    await server.idle()
    assert.equal(server.forgotten.length, 1)
    const { left, recovered } = await docs.forgotten.recover()
    assert.deepEqual([left, recovered, app.stored], [1, 0, []])
  })
})
