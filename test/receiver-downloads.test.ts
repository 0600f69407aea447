/** What a bad download and a bad file type do to the reply and to the disk (`bad-inputs.md` 23 and 30). */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { virtualClock, type VirtualClock } from '../src/testing/index.js'
import { response, startServer, type FaultyServer } from './faulty-server.js'
import { startApp } from './support/app.js'
import { again, done, kept, LIMIT, passTime, postSigned, type Reply } from './support/callbacks.js'
import { until } from './support/until.js'

const MAX = 100_000

interface Place {
  folder: string
  clock: VirtualClock
  server: FaultyServer
  /** Sends a final save, whose file goes to `a.docx` in the folder. */
  save: (change?: object) => Promise<Reply>
}

async function start(t: TestContext, answer: (socket: Socket) => void): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'downloads-'))
  t.after(() => rm(folder, { recursive: true }))
  const server = await startServer(t, answer)
  const clock = virtualClock()
  const app = await startApp({
    ...{ server: server.url.href, clock, retries: 0, maxDownload: MAX },
    onSave: (save) => save.downloadTo(join(folder, 'a.docx')),
  })
  t.after(app.close)
  const url = `${server.url.origin}/cache/files/data/k1_1/output.docx/output.docx?md5=a`
  const save = (change: object = {}): Promise<Reply> => {
    const callback = { key: 'k1', status: 2, url, users: ['u1'], ...change }
    return postSigned(app.docs.callbackUrl('a.docx'), callback, clock.now())
  }
  return { folder, clock, server, save }
}

const write = (text: string) => (socket: Socket) => void socket.write(text, 'latin1')
const end = (text: string) => (socket: Socket) => void socket.end(text)
const HEAD = 'HTTP/1.1 200 OK\r\n'

describe(
  'bad input 30: a download that fails: no file stays, and the callback is answered',
  LIMIT,
  () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000)).toString('latin1')
    const endless = (socket: Socket): void => {
      socket.write(`${HEAD}\r\n`)
      const more = (): void => void socket.write('x'.repeat(10_000), (error) => error ?? more())
      more()
    }
    const cases: [what: string, answer: (socket: Socket) => void, reply: Reply, silent?: true][] = [
      ['404', write(response(404, 'not found')), kept],
      ['403, the link has expired', write(response(403)), kept],
      ['empty', write(response(200)), again],
      ['shorter than it says', end(response(200, 'half', { 'content-length': '8' })), again],
      [
        'longer than it says',
        write(response(200, 'all and more', { 'content-length': '3' })),
        again,
      ],
      ['endless', endless, kept],
      ['a gzip bomb', write(response(200, bomb, { 'content-encoding': 'gzip' })), kept],
      ['302', write(response(302, '', { location: 'http://169.254.169.254/' })), kept],
      ['500', write(response(500)), again],
      ['no answer', () => {}, again, true],
      [
        'one byte, and then nothing for a minute',
        write(`${HEAD}content-length: 9\r\n\r\nx`),
        again,
        true,
      ],
    ]
    for (const [what, answer, reply, silent] of cases) {
      it(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`, async (t) => {
        const { folder, clock, server, save } = await start(t, answer)
        assert.deepEqual(await (silent === true ? passTime(clock, save()) : save()), reply)
        assert.equal(server.requests.length, 1)
        await until(async () => (await readdir(folder)).length === 0, 'a file stayed')
      })
    }
  },
)

describe('bad input 23: a filetype is never a path', LIMIT, () => {
  for (const filetype of [
    '../x',
    'docx/../../y',
    'exe',
    '/etc/passwd',
    '',
    '\0',
    'x'.repeat(5000),
  ]) {
    it(`${JSON.stringify(filetype.slice(0, 20))}: one file, where the application wants it`, async (t) => {
      const { folder, server, save } = await start(t, write(response(200, 'the file')))
      assert.deepEqual(await save({ filetype }), done)
      assert.deepEqual(await readdir(folder), ['a.docx'])
      assert.equal(await readFile(join(folder, 'a.docx'), 'utf8'), 'the file')
      assert.deepEqual(
        server.requests.map(({ path }) => path),
        ['/cache/files/data/k1_1/output.docx/output.docx?md5=a'],
      )
    })
  }
})
