/** Content that is replaced by something else than `onSave`: `docs.replaced()`, and `version` at `open()`. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Editor } from '../src/testing/index.js'
import { LIMIT } from './support/callbacks.js'
import { failure, startPair, type Pair } from './support/pair.js'

const config = { document: { fileType: 'docx' } }
const ref = 'report.docx'

interface Scene extends Pair {
  keyOf: (version?: string | number) => Promise<string>
  enter: (version?: string | number) => Promise<Editor>
}

async function startScene(t: TestContext): Promise<Scene> {
  const pair = await startPair(t)
  const opened = (version?: string | number) => pair.docs.open(ref, config, { version })
  return {
    ...pair,
    keyOf: async (version) => (await opened(version)).document.key,
    async enter(version) {
      const { document, editorConfig } = await opened(version)
      const { callbackUrl } = editorConfig
      return pair.server.open(document.key, { user: 'ann', callbackUrl })
    },
  }
}

describe('a file whose content was replaced', LIMIT, () => {
  it('is opened with another key, after replaced()', async (t) => {
    const { docs, keyOf } = await startScene(t)
    const before = await keyOf()
    await docs.replaced(ref)
    assert.notEqual(await keyOf(), before)
  })
  it('is opened with another key, by its version', async (t) => {
    const { keyOf } = await startScene(t)
    const first = await keyOf(1)
    assert.equal(await keyOf('1'), first, 'a number and its text are the same')
    assert.equal(await keyOf(), first, 'where none is given, nothing was replaced')
    const second = await keyOf(2)
    assert.notEqual(second, first)
    assert.equal(await keyOf(2), second)
  })
  it('that was opened without a version has the first one that is given', async (t) => {
    const { keyOf } = await startScene(t)
    const first = await keyOf()
    assert.equal(await keyOf(1), first)
    assert.notEqual(await keyOf(2), first)
  })
  it('is none of ours where nobody has opened it', async (t) => {
    const { docs, commands } = await startScene(t)
    await docs.replaced('never')
    assert.deepEqual(commands(), [])
  })
})

describe('while a session is open, there is never a second one: SESSION_OPEN', LIMIT, () => {
  it('somebody edits', async (t) => {
    const { docs, enter, keyOf } = await startScene(t)
    const editor = await enter(1)
    const error = await failure(docs.replaced(ref), 'SESSION_OPEN')
    assert.deepEqual([error.ref, error.key, error.retryable], [ref, editor.key, true])
    assert.match(error.message, /somebody edits it/)
    await failure(keyOf(2), 'SESSION_OPEN')
    assert.equal(await keyOf(1), editor.key)
  })
  it('the Docs server holds edits; once they are stored, the key changes', async (t) => {
    const { docs, enter, keyOf, server } = await startScene(t)
    server.conversion.delay = 500
    const editor = await enter()
    editor.type('hello')
    await editor.close()
    assert.match((await failure(docs.replaced(ref), 'SESSION_OPEN')).message, /holds edits/)
    await server.idle()
    await docs.replaced(ref)
    assert.notEqual(await keyOf(), editor.key)
  })
})

describe('a version that is none', LIMIT, () => {
  for (const version of ['', NaN, 'x'.repeat(1025), {}, []]) {
    it(`is refused: ${JSON.stringify(version).slice(0, 20)}`, async (t) => {
      const { keyOf } = await startScene(t)
      const error = await failure(keyOf(version as string), 'BAD_OPTION')
      assert.match(error.message, /^version: got /)
    })
  }
})
