/** A file over `maxDownload`: it is said loudly, it is kept at the Docs server, and one call takes it. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it, type TestContext } from 'node:test'
import { createDownloader } from '../src/client/download.js'
import { createHttp } from '../src/client/http.js'
import type { DocsEvents } from '../src/events.js'
import { isDocsError, type DocsOptions, type RecoveryResult, type Save } from '../src/index.js'
import { virtualClock } from '../src/testing/clock.js'
import { startServer } from './faulty-server.js'
import { gate, kept, passTime, postSigned, setStage } from './support/callbacks.js'
import { leaveBehind } from './support/left-behind.js'
import { linesIn } from './support/lines-in.js'
import { startPair } from './support/pair.js'
import { startRedis, type TestRedis } from './support/redis.js'
import { until } from './support/until.js'

const LIMIT = { timeout: 300_000 }
const MAX = 100
const TEXT = 'x'.repeat(200)

function testBackend(backend: 'memory' | 'redis'): void {
  let redis: TestRedis | undefined
  let count = 0
  before(async () => {
    if (backend === 'redis') redis = await startRedis()
  })
  after(() => redis?.stop())

  async function start(t: TestContext) {
    const stored: string[] = []
    const failed: DocsEvents['save-failed'][] = []
    const logged: string[] = []
    const log = (details: object, message?: string): void => {
      const { key } = details as { key?: string }
      logged.push(`${key} ${message}`)
    }
    const quiet = (): void => {}
    count += 1
    const pair = await startPair(t, {
      ...(redis && { redis: redis.url, prefix: `b${count}` }),
      ...{ maxDownload: MAX, retries: 0, nudgeAfter: 50 },
      logger: { debug: quiet, info: quiet, warn: quiet, error: log },
      async onSave(save: Save) {
        const { stream } = await save.download()
        stored.push(`${save.trigger} ${linesIn(await new Response(stream).text()).trim()}`)
      },
    } satisfies Partial<DocsOptions>)
    pair.docs.on('save-failed', (event) => failed.push(event))
    const editor = await pair.open('k1')
    editor.type(TEXT)
    await editor.close()
    await until(() => pair.server.forgotten.length === 1)
    const results: RecoveryResult[] = []
    const onResult = (result: RecoveryResult): void => void results.push(result)
    return { ...pair, stored, failed, logged, results, onResult }
  }

  describe(`a final save over maxDownload, ${backend}`, LIMIT, () => {
    it('is told with its limit, its size and what helps, and is kept by the Docs server', async (t) => {
      const { failed, logged, stored } = await start(t)
      await until(() => failed.length === 1)
      assert.equal(failed[0]!.permanent, true)
      const cause = String(failed[0]!.error.cause)
      assert.match(cause, /has 211 bytes, more than the 100 of maxDownload/)
      assert.match(cause, /docs\.forgotten\.recover\(\{ maxDownload \}\)/)
      assert.equal(logged.length, 1)
      assert.match(logged[0] ?? '', /^k1 onSave failed .*211 bytes, more than the 100/)
      assert.deepEqual(stored, [])
    })

    it('stays where it is by recover(), and is taken by recover({ maxDownload })', async (t) => {
      const { docs, server, stored, results, onResult } = await start(t)
      const none = { recovered: 0, left: 0, gone: 0, failed: 0 }
      assert.deepEqual(await docs.forgotten.recover({ onResult }), { ...none, failed: 1 })
      const [result] = results
      assert.ok(result?.outcome === 'failed')
      assert.match(result.error.message, /211 bytes, more than the 100 of maxDownload/)
      assert.deepEqual(server.forgotten, ['k1'])
      assert.deepEqual(
        await docs.forgotten.recover({ maxDownload: 1000, downloadTimeout: 60_000 }),
        {
          ...none,
          recovered: 1,
        },
      )
      assert.deepEqual(stored, [`forgotten 1 u1 ${TEXT}`])
      assert.deepEqual(server.forgotten, [], 'it is stored, and deleted')
    })
  })
}

testBackend('memory')
testBackend('redis')

describe('limits of recover()', LIMIT, () => {
  it('are checked before anything is sent', async (t) => {
    const { docs, commands } = await startPair(t, {})
    for (const [name, value] of [
      ...[0, 1.5, Infinity, '1 GB'].map((value) => ['maxDownload', value] as const),
      ...[0, -1, Infinity, '1 h'].map((value) => ['downloadTimeout', value] as const),
    ]) {
      await assert.rejects(
        docs.forgotten.recover({ [name]: value }),
        (error) => isDocsError(error, 'BAD_OPTION') && error.message.startsWith(`${name}: `),
      )
    }
    assert.deepEqual(commands(), [])
  })

  it('a callback cannot bring limits of its own: they are read of forgotten files only', async (t) => {
    const failed: string[] = []
    const { app, url, callback } = await setStage(t, { maxDownload: 10, retries: 0 })
    app.docs.on('save-failed', ({ error }) => failed.push(String(error.cause)))
    assert.deepEqual(await postSigned(url, callback({ maxDownload: 1_000_000 })), kept)
    assert.match(failed[0] ?? '', /more than the 10 of maxDownload/)
  })

  it('a download that outlasts its link is waited for, as long as downloadTimeout says', async (t) => {
    const clock = virtualClock()
    const begun = gate()
    const fetched = gate()
    const { docs, server } = await startPair(t, {
      ...{ clock, refOf: () => 'report.docx' },
      async onSave() {
        begun.open()
        await fetched.opened
      },
    })
    const { leave } = await leaveBehind(t, server)
    await passTime(clock, leave('k1'))
    const recovery = docs.forgotten.recover({ downloadTimeout: 3_600_000 })
    await begun.opened
    await clock.advance(20 * 60_000)
    fetched.open()
    assert.equal((await recovery).recovered, 1)
  })

  it('a longer downloadTimeout holds for this download, and its end says what helps', async (t) => {
    const server = await startServer(t, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')
    })
    const clock = virtualClock()
    const http = createHttp()
    t.after(() => http.close())
    const limits = { downloadOrigins: [], maxDownload: MAX, downloadTimeout: 1_000 }
    const downloader = createDownloader({ server: server.url, ...limits, clock, http })
    const link = `${server.url.origin}/cache/files/data/k1/output.txt`
    const { stream } = await downloader.open(link, { downloadTimeout: 5_000 })
    const reader = stream.getReader()
    await reader.read()
    const rest = reader.read()
    rest.catch(() => {})
    await clock.advance(4_000)
    assert.equal(clock.pending > 0, true, 'it is not over after the 1,000 ms of the option')
    await clock.advance(2_000)
    await assert.rejects(rest, (error) => {
      assert.ok(isDocsError(error, 'UNREACHABLE'))
      assert.match(error.message, /longer than 5000 ms \(downloadTimeout\)/)
      assert.match(error.message, /docs\.forgotten\.recover\(\{ downloadTimeout \}\)/)
      return true
    })
  })
})

describe('a link that is longer than the download server takes', LIMIT, () => {
  const cases: [what: string, options: object, cut: boolean][] = [
    ['it answers 431', {}, false],
    ['it cuts the connection', {}, true],
  ]
  for (const [what, options, cut] of cases) {
    it(`${what}: the error says so, and not that the file is gone`, async (t) => {
      const server = createServer(options, (_request, response) => void response.end('a file'))
      if (cut) server.on('clientError', (_error, socket) => void socket.destroy())
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      t.after(() => {
        server.closeAllConnections()
        server.close()
      })
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const http = createHttp()
      t.after(() => http.close())
      const limits = { downloadOrigins: [], maxDownload: MAX, downloadTimeout: 5_000 }
      const downloader = createDownloader({ server: url, ...limits, clock: virtualClock(), http })
      const link = `${url.origin}/cache/files/data/k1/output.txt?md5=${'S'.repeat(65_536)}`
      await assert.rejects(downloader.open(link), (error) => {
        assert.ok(isDocsError(error), String(error))
        assert.match(error.message, /link (has|of) 65,?\d+ characters/)
        assert.doesNotMatch(error.message, /gone|SSS/)
        assert.ok(error.message.length < 600)
        assert.equal(error.retryable, cut, 'what cuts a connection may be something else')
        return true
      })
    })
  }
})
