/** `docs.open()`: a document is opened by its file. Real HTTP, one process; `test/open-redis.test.ts` has several. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import jwt from 'jsonwebtoken'
import { createDocs, type OpenConfig } from '../src/index.js'
import type { Editor } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { LIMIT } from './support/callbacks.js'
import { failure, startPair, type Pair } from './support/pair.js'
import { until } from './support/until.js'

const config = { document: { fileType: 'docx', title: 'Report', url: 'http://app/report.docx' } }

interface Scene extends Pair {
  /** The key that `open()` gives. */
  keyOf: (ref?: string) => Promise<string>
  /** Somebody asks for a config, and opens the editor with it. */
  enter: (user?: string, ref?: string) => Promise<Editor>
}

async function startScene(
  t: TestContext,
  options: Parameters<typeof startPair>[1] = {},
): Promise<Scene> {
  const pair = await startPair(t, options)
  const { docs, server } = pair
  const opened = (ref: string) => docs.open(ref, config)
  return {
    ...pair,
    keyOf: async (ref = 'report.docx') => (await opened(ref)).document.key,
    async enter(user = 'ann', ref = 'report.docx') {
      const { document, editorConfig } = await opened(ref)
      return server.open(document.key, { user, callbackUrl: editorConfig.callbackUrl })
    },
  }
}

/** Its final save is stored, where it has one. */
async function leave(scene: Scene, editor: Editor): Promise<void> {
  await editor.close()
  await scene.server.idle()
}

describe('open() gives a config', LIMIT, () => {
  it('with key, callback URL and a token over both', async (t) => {
    const { docs } = await startScene(t)
    const { token, ...rest } = await docs.open('report.docx', {
      ...config,
      editorConfig: { user: { id: 7, name: 'Ann' } },
      height: '100%',
    })
    assert.match(rest.document.key, /^report\.docx\./)
    assert.equal(rest.editorConfig.callbackUrl, docs.callbackUrl('report.docx'))
    assert.deepEqual(
      [rest.document.title, rest.editorConfig.user, rest.height],
      ['Report', { id: '7', name: 'Ann' }, '100%'],
    )
    const { iat: _iat, exp: _exp, ...claims } = jwt.verify(token!, SECRET) as jwt.JwtPayload
    assert.deepEqual(claims, rest)
  })
  it('again for a config of before, and for one that says the same', async (t) => {
    const { docs } = await startScene(t)
    const before = await docs.open('report.docx', config)
    const { document } = await docs.open('report.docx', before)
    assert.equal(document.key, before.document.key)
  })
})

describe('open() gives the same key', LIMIT, () => {
  it('to all who open at once, and another one for another file', async (t) => {
    const { keyOf } = await startScene(t)
    const keys = await Promise.all(Array.from({ length: 20 }, () => keyOf()))
    assert.equal(new Set(keys).size, 1)
    assert.notEqual(await keyOf('budget.xlsx'), keys[0])
  })
  it('while nobody has opened the editor', async (t) => {
    const { keyOf } = await startScene(t)
    assert.equal(await keyOf(), await keyOf())
  })
  it('while somebody edits, also after a forced save', async (t) => {
    const { enter, keyOf, docs } = await startScene(t)
    const editor = await enter()
    editor.type('hello')
    const { outcome } = await docs.forcesave(editor.key)
    assert.equal(outcome, 'saved')
    assert.equal(await keyOf(), editor.key)
  })
  it('to who comes back while the final save is on its way', async (t) => {
    const scene = await startScene(t)
    scene.server.conversion.delay = 300
    const editor = await scene.enter()
    editor.type('hello')
    await editor.close()
    const again = await scene.enter('bob')
    assert.equal(again.key, editor.key)
    again.type('more')
    await leave(scene, again)
    assert.deepEqual(scene.app.stored.at(-1)?.text, '1 ann hello\n2 bob more\n')
  })
  it('after a session in which nothing was changed: nothing is stored under it', async (t) => {
    const scene = await startScene(t)
    const editor = await scene.enter()
    await leave(scene, editor)
    assert.equal(await scene.keyOf(), editor.key)
  })
})

describe('open() gives another key', LIMIT, () => {
  it('once the final save is stored', async (t) => {
    const scene = await startScene(t)
    const editor = await scene.enter()
    editor.type('hello')
    await leave(scene, editor)
    const again = await scene.enter('bob')
    assert.notEqual(again.key, editor.key)
    assert.equal(again.viewOnly, false)
    assert.deepEqual(
      scene.app.stored.map(({ ref, text }) => [ref, text]),
      [['report.docx', '1 ann hello\n']],
    )
  })
  it('once a forgotten file is stored, which it stores first', async (t) => {
    let isDown = true
    const stored: string[] = []
    const scene = await startScene(t, {
      onSave({ ref, trigger }) {
        if (isDown) throw new Error('the disk is full')
        stored.push(`${ref} ${trigger}`)
      },
      retries: 0,
      before: [
        // Nothing of the final save reaches the application, so nothing is known of it.
        async (ctx, next) => {
          if (isDown && ctx.method === 'POST') ctx.status = 403
          else await next()
        },
      ],
    })
    const editor = await scene.enter()
    editor.type('hello')
    await leave(scene, editor)
    assert.deepEqual(scene.server.forgotten, [editor.key])
    isDown = false
    // Its config may still be in use, and the Docs server begins a new session under it.
    assert.equal(await scene.keyOf(), editor.key)
    assert.deepEqual(stored, ['report.docx forgotten'])
    assert.deepEqual(scene.server.forgotten, [])
  })
})

describe('open() refuses', LIMIT, () => {
  const refused: [what: string, ref: unknown, config: unknown, words: RegExp][] = [
    ['an empty ref', '', config, /^ref: got ""/],
    ['a ref that is too long', 'x'.repeat(1025), config, /^ref: got a text of 1025 characters/],
    ['a ref that is no text', 7, config, /^ref: got 7/],
    ['no config', 'f', undefined, /^config: got undefined/],
    ['a config without a document', 'f', {}, /^document: got undefined/],
    [
      'a key of its own',
      'f',
      { document: { key: 'k1' } },
      /^document\.key: got "k1"; leave it out/,
    ],
    ['a key that is no text', 'f', { document: { key: 7 } }, /^document\.key: got 7/],
    [
      'another callback URL',
      'f',
      { document: {}, editorConfig: { callbackUrl: 'http://elsewhere/secret?token=x' } },
      /^editorConfig\.callbackUrl: .*leave it out/,
    ],
    ['settings that are none', 'f', { document: {}, editorConfig: 7 }, /^editorConfig: got 7/],
  ]
  for (const [what, ref, given, words] of refused) {
    it(what, async (t) => {
      const { docs, commands } = await startScene(t)
      const error = await failure(docs.open(ref as string, given as OpenConfig), 'BAD_OPTION')
      assert.match(error.message, words)
      assert.doesNotMatch(error.message, /token=x/)
      assert.deepEqual(commands(), [], 'nothing is asked')
    })
  }
  it('the key of another file', async (t) => {
    const { docs, keyOf } = await startScene(t)
    const key = await keyOf('budget.xlsx')
    const error = await failure(docs.open('f', { document: { key } }), 'BAD_OPTION')
    assert.match(error.message, /^document\.key: /)
  })
  it('to work without publicUrl', async (t) => {
    const options = { server: 'http://127.0.0.1:9', secret: SECRET, onSave: () => {} }
    const docs = createDocs(options)
    t.after(() => docs.close())
    const error = await failure(docs.open('f', config), 'BAD_OPTION')
    assert.match(error.message, /^publicUrl: .*open\(\)/)
  })
  it('to guess while the Docs server does not answer, and gives the key once it does', async (t) => {
    const scene = await startScene(t, { commandTimeout: 200 })
    const editor = await scene.enter()
    editor.type('hello')
    scene.server.restart({ down: 500 })
    const error = await failure(scene.keyOf(), 'UNREACHABLE')
    assert.equal(error.ref, 'report.docx')
    await until(() => !scene.server.away)
    assert.equal(await scene.keyOf(), editor.key)
  })
  it('to work after close()', async (t) => {
    const { docs } = await startScene(t)
    await docs.close()
    await failure(docs.open('f', config), 'CLOSED')
  })
})

describe('who opens an older key', LIMIT, () => {
  it('is disconnected: there is one session of a file', async (t) => {
    const scene = await startScene(t, { simulation: { secret: SECRET, viewOnlyFor: 0 } })
    const editor = await scene.enter()
    editor.type('hello')
    await leave(scene, editor)
    const current = await scene.enter('bob')
    const callbackUrl = scene.docs.callbackUrl('report.docx')
    const stale = await scene.server.open(editor.key, { user: 'eve', callbackUrl })
    await until(() => !stale.connected)
    assert.equal(current.connected, true)
  })
})
