/** The option `keys`: the current key of each file is in the application's own database. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeysOption } from '../src/index.js'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type App } from './support/app.js'
import { LIMIT } from './support/callbacks.js'
import { failure } from './support/pair.js'
import { startBalancer } from './processes/balancer.js'

const config = { document: { fileType: 'docx' } }
const keyOf = async ({ docs }: App): Promise<string> =>
  (await docs.open('report.docx', config)).document.key

describe('one process that restarts', LIMIT, () => {
  it('keeps the session that is open, and changes the key when it is over', async (t) => {
    const table = new Map<string, string>()
    const keys: KeysOption = {
      get: (ref) => table.get(ref),
      set(ref, text, before) {
        if (table.get(ref) !== before) return false
        table.set(ref, text)
        return true
      },
    }
    const server = await startDocsServer({ secret: SECRET })
    const balancer = await startBalancer()
    let app: App | undefined
    async function restart(): Promise<App> {
      await app?.close()
      app = await startApp({ server: server.url, publicUrl: balancer.url, keys })
      balancer.targets = [app.url]
      return app
    }
    t.after(async () => {
      await server.close()
      await app?.close()
      await balancer[Symbol.asyncDispose]()
    })

    const { docs } = await restart()
    const { document, editorConfig } = await docs.open('report.docx', config)
    const { callbackUrl } = editorConfig
    const editor = await server.open(document.key, { user: 'ann', callbackUrl })
    editor.type('hello')
    assert.equal(await keyOf(await restart()), document.key)

    await editor.close()
    await server.idle()
    assert.notEqual(await keyOf(app!), document.key)
  })
})

describe('a database', LIMIT, () => {
  const faults: [
    what: string,
    keys: KeysOption,
    code: 'UNREACHABLE' | 'BAD_OPTION',
    words: RegExp,
  ][] = [
    [
      'that is away',
      { get: () => Promise.reject(new Error('down')), set: () => true },
      'UNREACHABLE',
      /^keys\.get\(\) failed/,
    ],
    [
      'that fails to write',
      { get: () => undefined, set: () => Promise.reject(new Error('down')) },
      'UNREACHABLE',
      /^keys\.set\(\) failed/,
    ],
    [
      'that gives no text',
      { get: () => 7 as unknown as string, set: () => true },
      'BAD_OPTION',
      /^keys\.get: got 7/,
    ],
    [
      'that does not say whether it has written',
      { get: () => undefined, set: () => undefined as unknown as boolean },
      'BAD_OPTION',
      /^keys\.set: got undefined/,
    ],
  ]
  for (const [what, keys, code, words] of faults) {
    it(`${what} gives no config: ${code}`, async (t) => {
      const app = await startApp({ server: 'http://127.0.0.1:9', keys })
      t.after(() => app.close())
      assert.match((await failure(keyOf(app), code)).message, words)
    })
  }
  it('with a text that open() has not made is left as it is', async (t) => {
    const keys: KeysOption = {
      get: () => 'k1',
      set: () => assert.fail('it was written over'),
    }
    const app = await startApp({ server: 'http://127.0.0.1:9', keys })
    t.after(() => app.close())
    await failure(keyOf(app), 'BAD_RECORD')
  })
})
