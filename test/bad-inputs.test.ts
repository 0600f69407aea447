/**
 * The numbered list of bad inputs: every line has its tests, whose names begin with its number, here
 * and in the files of the parts. Here are those that go from one end of the package to the other.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, it, type TestContext } from 'node:test'
import { decode } from 'jsonwebtoken'
import { virtualClock } from '../src/testing/index.js'
import { startApp } from './support/app.js'
import {
  again,
  done,
  kept,
  LIMIT,
  passTime,
  postSigned,
  type Fields,
  type Reply,
} from './support/callbacks.js'
import { failure } from './support/pair.js'
import { response, startServer, type FaultyServer } from './faulty-server.js'

const LINES = 38

/** Lines, or parts of them, without a test of their own here: why. */
const EXEMPT: { line: number; what: string; why: string }[] = [
  {
    line: 1,
    what: 'a byte order mark or invalid UTF-8 behind a body parser of the application',
    why: 'only what that parser made of the bytes can be seen; with a token it counts for nothing',
  },
  {
    line: 26,
    what: 'a ref that has expired',
    why: 'refs do not expire: an editor may stay open for days, and its final save must get in; the token expires',
  },
]

describe('the list of bad inputs', () => {
  const claimed = new Set<number>()
  for (const file of readdirSync(new URL('.', import.meta.url), { encoding: 'utf8' })) {
    if (!file.endsWith('.test.ts')) continue
    const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    const names = /\b(?:describe|it|test)\(\s*['"`]bad input (\d+): /g
    for (const [, line] of text.matchAll(names)) claimed.add(Number(line))
  }

  it('every line is claimed by the name of a test', () => {
    const exempt = new Set(EXEMPT.map(({ line }) => line))
    const missing = Array.from({ length: LINES }, (_, index) => index + 1).filter(
      (line) => !claimed.has(line) && !exempt.has(line),
    )
    assert.deepEqual(missing, [])
    assert.deepEqual(
      [...claimed].filter((line) => line < 1 || line > LINES),
      [],
    )
  })

  for (const { line, what, why } of EXEMPT) it(`line ${line}: ${what}`, { skip: why })
})

/** An application whose Docs server answers each command as it is told, and serves files. */
async function start(
  t: TestContext,
  command: (request: { userdata: string }, callbackUrl: () => string) => string | Promise<string>,
) {
  const files: FaultyServer = await startServer(t, (socket, { method, body }) => {
    if (method === 'GET') {
      socket.write(response(200, 'PK\x03\x04 the file'))
      return
    }
    const { token } = JSON.parse(body) as { token: string }
    const answer = command(decode(token) as { userdata: string }, () => url)
    void Promise.resolve(answer).then((raw) => socket.write(raw))
  })
  const app = await startApp({ server: files.url.href, otherSaves: false, grace: 50 })
  t.after(app.close)
  const url = app.docs.callbackUrl('file-1')
  const forced = (change: Fields): Fields => ({
    ...{ key: 'k1', status: 6, forcesavetype: 0, users: ['u1'], filetype: 'docx' },
    url: `${files.url.origin}/cache/files/data/k1_1234/output.docx/output.docx?md5=a`,
    ...change,
  })
  return { app, url, forced }
}

describe(
  'bad input 22: a forged userdata settles no call that it does not belong to',
  LIMIT,
  () => {
    const accepted = response(200, '{"error":0,"key":"k1"}')

    it('nor that of a call for another key, or of another prefix', async (t) => {
      const asked: string[] = []
      const { app, url, forced } = await start(t, ({ userdata }) => {
        asked.push(userdata)
        return accepted
      })
      const settled: unknown[] = []
      app.docs.on('settled', (event) => settled.push(event))
      const { id } = await app.docs.startForcesave('k1')
      const [userdata = ''] = asked
      const forged: Fields[] = [
        { key: 'k2', userdata },
        { key: 'k2', userdata, status: 7 },
        { key: 'k2', userdata, status: 1, actions: [] },
        { userdata: `other${userdata.slice(4)}`, status: 7 },
        { userdata: [userdata], status: 7 },
        { userdata: { userdata }, status: 7 },
        { userdata: userdata.toUpperCase(), status: 7 },
        { userdata: ` ${userdata}`, status: 7 },
        { userdata: userdata.slice(0, -2) + ':', status: 7 },
      ]
      for (const change of forged) await postSigned(url, forced(change))
      assert.deepEqual(settled, [])
      assert.deepEqual(await postSigned(url, forced({ userdata })), done)
      assert.equal((await app.docs.outcome(id)).outcome, 'saved')
      assert.equal(settled.length, 1)
    })
  },
)

describe('bad input 27: an answer that is none, and yet the save comes', LIMIT, () => {
  const answers: [what: string, raw: string][] = [
    ['HTTP 500', response(500, 'oops')],
    ['HTTP 502 with HTML', response(502, '<html>')],
    ['HTTP 200 with HTML', response(200, '<html>')],
    ['no body', response(200)],
    ['{"error":"0"}', response(200, '{"error":"0"}')],
    ['another key', response(200, '{"error":0,"key":"k2"}')],
  ]
  const calls: [when: string, order: (post: () => Promise<Reply>) => Promise<unknown>][] = [
    ['before', (post) => post()],
    ['after', (post) => Promise.resolve(setImmediate(() => void post()))],
  ]
  for (const [what, raw] of answers) {
    for (const [when, order] of calls) {
      it(`${what}, its callback ${when} it: the call ends \`saved\``, async (t) => {
        const { app, forced } = await start(t, async ({ userdata }, url) => {
          await order(() => postSigned(url(), forced({ userdata })))
          return raw
        })
        assert.equal((await app.docs.forcesave('k1', { timeout: 10_000 })).outcome, 'saved')
        assert.equal(app.stored.length, 1)
      })
    }
  }
  it('and no callback: BAD_RESPONSE', async (t) => {
    const { app } = await start(t, () => response(500, 'oops'))
    await failure(app.docs.forcesave('k1', { timeout: 500 }), 'BAD_RESPONSE')
  })
})

describe('bad input 30: what a bad download means for the callback', LIMIT, () => {
  const gzip = gzipSync(Buffer.alloc(1_000_000)).toString('latin1')
  const long = response(200, 'x', { 'content-length': '1000000' })
  const cases: [what: string, raw: string, reply: Reply][] = [
    ['404', response(404), kept],
    ['403, the link has expired', response(403), kept],
    ['302 elsewhere', response(302, '', { location: 'http://169.254.169.254/' }), kept],
    ['gzip', response(200, gzip, { 'content-encoding': 'gzip' }), kept],
    ['longer than maxDownload', long, kept],
    ['500', response(500), again],
    ['empty', response(200), again],
    ['shorter than its length', response(200, 'half', { 'content-length': '80' }), again],
  ]
  for (const [what, raw, reply] of cases) {
    for (const status of [2, 6]) {
      it(`${what}, of a callback ${status}: ${reply.status} ${JSON.stringify(reply.body)}`, async (t) => {
        const server = await startServer(t, (socket) => void socket.end(raw, 'latin1'))
        const app = await startApp({ server: server.url.href, retries: 0, maxDownload: 1000 })
        t.after(app.close)
        const link = `${server.url.origin}/cache/files/x?md5=a`
        const callback = { key: 'k1', status, url: link, filetype: 'docx' }
        assert.deepEqual(await postSigned(app.docs.callbackUrl('file-1'), callback), reply)
        assert.deepEqual([app.stored.length, server.requests.length], [0, 1])
      })
    }
  }

  it('one that never begins, by the limit of silence: 503', async (t) => {
    const clock = virtualClock()
    const server = await startServer(t, () => {})
    const app = await startApp({ server: server.url.href, retries: 0, clock })
    t.after(app.close)
    const callback = {
      key: 'k1',
      status: 2,
      url: `${server.url.origin}/cache/files/x`,
      filetype: 'docx',
    }
    const url = app.docs.callbackUrl('file-1')
    assert.deepEqual(await passTime(clock, postSigned(url, callback, clock.now())), again)
  })
})
