/** `settlement.md`, rules that are about calls: through `createDocs`, against the simulated Docs server. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'
import { SECRET, startApp, type App } from './support/app.js'

const KEY = 'key1'

async function start(
  t: TestContext,
  options: { otherSaves?: boolean } = {},
): Promise<{ server: DocsServer; app: App }> {
  const server = await startDocsServer({ secret: SECRET })
  const app = await startApp({ server: server.url, grace: 50, ...options })
  t.after(async () => {
    await app.close()
    await server.close()
  })
  return { server, app }
}

/** The userdata of the forcesave commands that the Docs server got. */
function forcesaves(server: DocsServer): unknown[] {
  return server.log.flatMap((entry) => {
    if (entry.type !== 'command') return []
    const { c, userdata } = entry.body as { c: string; userdata: unknown }
    return c === 'forcesave' ? [userdata] : []
  })
}

describe('rule 17: no coalescing across calls', () => {
  it('rule 17: two calls at once send two commands, each with an id of its own', async (t) => {
    const { server, app } = await start(t)
    const editor = await server.open(KEY, { user: 'u1', callbackUrl: app.docs.callbackUrl('f') })
    editor.type('hello')
    const results = await Promise.all([app.docs.forcesave(KEY), app.docs.forcesave(KEY)])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['saved', 'saved'],
    )
    assert.equal(forcesaves(server).length, 2)
    assert.equal(new Set(forcesaves(server)).size, 2)
    assert.equal(app.stored.length, 1, 'one save answers both')
  })

  it('rule 17: edits made between two calls are in what the second one confirms', async (t) => {
    const { server, app } = await start(t)
    server.conversion.delay = 50
    const editor = await server.open(KEY, { user: 'u1', callbackUrl: app.docs.callbackUrl('f') })
    editor.type('one')
    const first = app.docs.forcesave(KEY)
    while (forcesaves(server).length === 0) await new Promise(setImmediate)
    editor.type('two')
    const second = await app.docs.forcesave(KEY)
    assert.ok(second.outcome === 'saved')
    assert.match(app.stored.at(-1)!.text, /two/)
    assert.equal((await first).outcome, 'saved')
    assert.equal(forcesaves(server).length, 2)
  })
})

describe('never unchanged while edits are on their way', () => {
  for (const otherSaves of [true, false]) {
    for (const asked of [false, true]) {
      const how = `${asked ? 'after an info, ' : ''}otherSaves ${otherSaves}`
      it(`a final save is converting when forcesave is called: it is waited for (${how})`, async (t) => {
        const { server, app } = await start(t, { otherSaves })
        server.conversion.delay = 300
        const editor = await server.open(KEY, {
          user: 'u1',
          callbackUrl: app.docs.callbackUrl('f'),
        })
        editor.type('last words')
        await editor.close()
        if (asked) assert.equal((await app.docs.info(KEY)).status, 'closed')
        await new Promise((resolve) => setTimeout(resolve, 50))
        const result = await app.docs.forcesave(KEY)
        assert.equal(result.outcome, 'saved')
        assert.match(app.stored[0]?.text ?? '', /last words/)
      })
    }
  }

  it('an info while the final save overtakes a forcesave does not end that as unchanged', async (t) => {
    const { server, app } = await start(t)
    server.conversion.delay = 300
    const editor = await server.open(KEY, { user: 'u1', callbackUrl: app.docs.callbackUrl('f') })
    editor.type('last words')
    const { id } = await app.docs.startForcesave(KEY)
    await editor.close()
    assert.equal((await app.docs.info(KEY)).status, 'closed')
    const result = await app.docs.outcome(id)
    assert.ok(result.outcome === 'saved')
    assert.equal(result.final, true)
    assert.match(app.stored[0]?.text ?? '', /last words/)
  })
})
