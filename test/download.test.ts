import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  writeFile,
  type FileHandle,
} from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  createDownloader,
  type Downloader,
  type DownloaderOptions,
} from '../src/client/download.js'
import { createHttp } from '../src/client/http.js'
import { isDocsError, type DocsError, type DocsErrorCode } from '../src/errors.js'
import { virtualClock } from '../src/testing/clock.js'
import {
  closedPort,
  response,
  startServer,
  type FaultyServer,
  type Received,
} from './faulty-server.js'

const MAX = 100_000
const TOTAL = 120_000
const IDLE = 30_000

interface Setup {
  downloader: Downloader
  clock: ReturnType<typeof virtualClock>
}

/** A downloader whose clock stands still; no timer of it may stay behind. */
function create(t: TestContext, server: URL, change: Partial<DownloaderOptions> = {}): Setup {
  const clock = virtualClock()
  const http = createHttp()
  const limits = {
    downloadOrigins: [],
    maxDownload: MAX,
    downloadTimeout: TOTAL,
    idleTimeout: IDLE,
  }
  const downloader = createDownloader({ server, ...limits, clock, http, ...change })
  t.after(async () => {
    await http.close()
    assert.equal(clock.pending, 0, 'a timer stayed behind')
  })
  return { downloader, clock }
}

async function start(
  t: TestContext,
  answer: string | ((socket: Socket, request: Received) => void),
  change: Partial<DownloaderOptions> = {},
): Promise<Setup & { server: FaultyServer; link: string }> {
  const write = (socket: Socket): void => void socket.write(answer as string)
  const server = await startServer(t, typeof answer === 'string' ? write : answer)
  const link = new URL('/cache/files/data/k1_1234/output.docx?md5=SECRET', server.url).href
  return { server, link, ...create(t, server.url, change) }
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'download-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

async function failure(work: Promise<unknown>, code: DocsErrorCode): Promise<DocsError> {
  const error: unknown = await work.then(
    () => assert.fail(`it resolved where ${code} was expected`),
    (reason: unknown) => reason,
  )
  assert.ok(isDocsError(error, code), String(error))
  assert.doesNotMatch(
    JSON.stringify([error.message, error.cause]) + String(error.cause),
    /SECRET|\?/,
  )
  return error
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Every connection of the server is closed, or becomes so. */
async function closed(server: FaultyServer): Promise<void> {
  for (const socket of server.sockets) await once(socket, 'close')
}

const chunked = (...chunks: string[]): string =>
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' +
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')

describe('allowed', () => {
  const links = (server: string, origins: string[] = []) => {
    const options = { server: new URL(server), downloadOrigins: origins, maxDownload: 1 }
    const downloader = createDownloader({
      ...options,
      downloadTimeout: 1,
      clock: virtualClock(),
      http: createHttp(),
    })
    const allowed = (link: unknown): string | undefined => downloader.allowed(link)?.href
    return Object.assign(allowed, { whyNot: (link: unknown) => downloader.whyNot(link) })
  }
  const FILE = 'cache/files/data/k1_1234/output.docx/output.docx?md5=a&expires=1'
  it('asks the server for the path of a link, wherever the link leads', () => {
    const allowed = links('http://docs.internal')
    for (const link of [
      ...[`http://docs.internal/${FILE}`, `https://docs.example.com/${FILE}#x`],
      ...[`http://localhost:8080/${FILE}`, `https://example.com/a/b/${FILE}`],
      ...[`http://169.254.169.254/${FILE}`, `http://[::ffff:a9fe:a9fe]/${FILE}`],
      ...[`http://docs.internal./${FILE}`, `http://*.docs.internal/${FILE}`, `http://0/${FILE}`],
    ]) {
      assert.equal(allowed(link), `http://docs.internal/${FILE}`, link)
      assert.equal(allowed(new URL(link)), `http://docs.internal/${FILE}`, link)
    }
  })
  for (const server of ['http://docs.internal:81/a/docs', 'http://docs.internal:81/a/docs/']) {
    it(`asks under the path of ${server}, once`, () => {
      const allowed = links(server)
      for (const before of ['', 'docs/', 'a/docs/', 'other/', 'a/docs/a/docs/']) {
        const link = `https://docs.example.com/${before}${FILE}`
        assert.equal(allowed(link), `http://docs.internal:81/a/docs/${FILE}`, before)
      }
    })
  }
  it('takes what is behind the first /cache/files/ for the path, and the query for no path', () => {
    const allowed = links('http://docs.internal')
    assert.equal(
      allowed('http://evil.example/cache/files/a/cache/files/b?c=/cache/files/d'),
      'http://docs.internal/cache/files/a/cache/files/b?c=/cache/files/d',
    )
    assert.equal(allowed('http://evil.example/x?/cache/files/d'), undefined)
    assert.equal(allowed('http://docs.internal/x#/cache/files/d'), undefined)
    assert.equal(allowed('http://docs.internal/cache/filesx/d'), undefined)
    assert.equal(allowed('http://docs.internal/x/cache/files'), undefined)
  })
  const tricks = [
    ...['cache/files/../../x', 'cache/files/%2e%2e/x', 'cache/files/%2E./x', 'cache/files/./x'],
    ...['x/../cache/files/y', 'cache/files/..%2fx', 'cache/files/..%5Cx', 'cache/files/..\\x'],
    ...['cache/files//x', '/cache/files/x', 'cache\\files\\x', 'cache/files/%252e%252e/x'],
    ...[
      'cache/files/\tx',
      'cache/files/x\n',
      'cache/files/%00',
      'cache/files/..',
      'cache/files/a/..',
    ],
  ]
  for (const path of tricks) {
    it(`refuses the path ${JSON.stringify(path)}`, () => {
      for (const server of ['http://docs.internal', 'http://docs.internal/docs']) {
        assert.equal(links(server)(`http://docs.internal/${path}`), undefined)
        assert.equal(links(server)(`https://docs.example.com/${path}`), undefined)
      }
    })
  }
  const refused: [link: unknown, why: RegExp][] = [
    ...[undefined, null, 5, {}, [], ['http://docs.internal/cache/files/x'], ''].map(
      (link): [unknown, RegExp] => [link, /^there is no link$/],
    ),
    ...['/cache/files/x', 'cache/files/x', 'http://', '//docs.internal/cache/files/x'].map(
      (link): [unknown, RegExp] => [link, /no scheme or no host/],
    ),
    ['file:///cache/files/x', /scheme file:; allowed are http and https/],
    ['data:text/plain,/cache/files/x', /scheme data:/],
    ['ftp://docs.internal/cache/files/x', /scheme ftp:/],
    ['javascript:alert(1)', /scheme javascript:/],
    ['blob:http://docs.internal/cache/files/x', /scheme blob:/],
    [
      'http://user@docs.internal/cache/files/x',
      /to http:\/\/docs\.internal\/cache\/files\/x has cred/,
    ],
    ['http://:word@docs.internal/cache/files/x', /credentials/],
    ['http://docs.internal@evil.example/cache/files/x', /evil\.example.*credentials/],
    ['http://docs.internal/', /docs\.internal\/ has no \/cache\/files\/.*downloadOrigins/],
    [
      'https://s3.example/b/x?sig=SECRET',
      /to https:\/\/s3\.example\/b\/x has no .*downloadOrigins/,
    ],
    ['http://127.1/x', /to http:\/\/127\.0\.0\.1\/x has no/],
    ['http://[64:ff9b::7f00:1]/x', /downloadOrigins/],
  ]
  for (const [link, why] of refused) {
    it(`refuses ${JSON.stringify(link)} and says why, without its query`, () => {
      for (const origins of [[], ['https://docs.example.com']]) {
        const allowed = links('http://docs.internal', origins)
        assert.equal(allowed(link), undefined)
        assert.match(allowed.whyNot(link) ?? '', why)
        assert.doesNotMatch(allowed.whyNot(link) ?? '', /SECRET|word|user/)
      }
    })
  }
  it('takes further origins, whole', () => {
    const allowed = links('http://docs.internal/docs', [
      'https://docs.example.com/',
      'http://cdn.example:81',
    ])
    assert.ok(allowed('https://docs.example.com/anything'))
    assert.ok(allowed('https://docs.example.com:443/x'))
    assert.ok(allowed('http://cdn.example:81/x'))
    assert.equal(allowed('http://docs.example.com/x'), undefined)
    assert.equal(allowed('https://docs.example.com:444/x'), undefined)
    assert.equal(allowed('https://a.docs.example.com/x'), undefined)
  })
  it('is asked by open and toFile, and nothing is fetched else', async (t) => {
    const { downloader, server } = await start(t, response(200, 'x'))
    const path = join(await folder(t), 'x')
    for (const link of [
      'file:///etc/passwd?SECRET',
      `http://u:SECRET@${server.url.host}/x`,
      'SECRET',
    ]) {
      const error = await failure(downloader.open(link), 'BAD_RESPONSE')
      assert.equal(error.retryable, false)
      await failure(downloader.toFile(link, path), 'BAD_RESPONSE')
    }
    assert.equal(server.requests.length, 0)
  })
})

describe('open', () => {
  it('gives the file, its size and its type, and sends nothing of ours', async (t) => {
    const { downloader, server, link } = await start(
      t,
      response(200, 'the file', { 'content-type': 'a/b' }),
    )
    const { stream, size, type } = await downloader.open(link)
    assert.deepEqual([size, type], [8, 'a/b'])
    assert.equal((await read(stream)).toString(), 'the file')
    await closed(server)
    const { method, path, headers } = server.requests[0]!
    assert.equal(`${method} ${path}`, 'GET /cache/files/data/k1_1234/output.docx?md5=SECRET')
    assert.deepEqual(Object.keys(headers).sort(), [
      'accept',
      'accept-encoding',
      'connection',
      'host',
    ])
    assert.equal(headers['accept-encoding'], 'identity')
  })
  it('gives a file of a size that is not known before', async (t) => {
    const { downloader, link } = await start(t, chunked('the ', 'file', ''))
    const { stream, size, type } = await downloader.open(link)
    assert.deepEqual([size, type], [undefined, undefined])
    assert.equal((await read(stream)).toString(), 'the file')
  })
  it('does not count the time that its reader takes as silence of the server', async (t) => {
    const { downloader, clock, link } = await start(t, response(200, 'the file'))
    const { stream } = await downloader.open(link)
    await clock.advance(IDLE + 1)
    assert.equal((await read(stream)).toString(), 'the file')
  })
  it('lets go of everything when its stream is cancelled, read or not', async (t) => {
    const { downloader, clock, server, link } = await start(t, chunked('the ', 'file'))
    const unread = await downloader.open(link)
    await unread.stream.cancel()
    const reader = (await downloader.open(link)).stream.getReader()
    await reader.read()
    await reader.cancel()
    await closed(server)
    assert.equal(clock.pending, 0)
  })
  it('lets go of everything at its time limit when its stream is forgotten', async (t) => {
    const { downloader, clock, server, link } = await start(t, chunked('the ', 'file'))
    const { stream } = await downloader.open(link)
    await clock.advance(TOTAL)
    await closed(server)
    await failure(read(stream), 'UNREACHABLE')
  })
  it('aborted before, while it waits and while it reads: the reason, and nothing stays open', async (t) => {
    const { downloader, server, link } = await start(t, (socket) => {
      if (server.requests.length === 2) socket.write(chunked('the ', 'file'))
    })
    const reason = new Error('enough')
    const isReason = (error: unknown): boolean => error === reason
    await assert.rejects(downloader.open(link, { signal: AbortSignal.abort(reason) }), isReason)
    assert.equal(server.requests.length, 0)

    const waiting = new AbortController()
    const work = downloader.open(link, { signal: waiting.signal })
    await server.received(1)
    waiting.abort(reason)
    await assert.rejects(work, isReason)

    const reading = new AbortController()
    const { stream } = await downloader.open(link, { signal: reading.signal })
    const rest = read(stream)
    reading.abort(reason)
    await assert.rejects(rest, isReason)
    await closed(server)
  })
})

describe('toFile', () => {
  it('writes the file, also over another one, and nothing beside it', async (t) => {
    const content = randomBytes(MAX)
    const { downloader, link } = await start(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`)
      socket.write(content)
    })
    const path = await folder(t)
    await writeFile(join(path, 'a.docx'), 'before')
    const { size } = await downloader.toFile(link, join(path, 'a.docx'))
    assert.equal(size, MAX)
    assert.deepEqual(await readFile(join(path, 'a.docx')), content)
    assert.deepEqual(await readdir(path), ['a.docx'])
  })
  describe('outlasts a power cut', () => {
    /** What is told to reach the disk, in order; `fail` is what the system says about the folder. */
    async function watchSyncs(t: TestContext, path: string, fail?: string): Promise<string[]> {
      const synced: string[] = []
      await using any = await open(tmpdir())
      const handles = Object.getPrototypeOf(any) as FileHandle
      const original: FileHandle['sync'] = Reflect.get(handles, 'sync')
      t.mock.method(handles, 'sync', async function (this: FileHandle) {
        const isFolder = (await this.stat()).isDirectory()
        const there = (await readdir(path)).includes('a.docx')
        synced.push(`${isFolder ? 'folder' : 'file'} ${there ? 'after' : 'before'} the rename`)
        if (isFolder && fail !== undefined) throw Object.assign(new Error(fail), { code: fail })
        await original.call(this)
      })
      return synced
    }

    it('the bytes are on disk before the file has its name, and the name before it is said', async (t) => {
      const { downloader, link } = await start(t, response(200, 'the file'))
      const path = await folder(t)
      const synced = await watchSyncs(t, path)
      await downloader.toFile(link, join(path, 'a.docx'))
      assert.deepEqual(synced, ['file before the rename', 'folder after the rename'])
    })
    it('as far as the system can: one that cannot put folders on disk is no failure', async (t) => {
      for (const code of ['EPERM', 'EINVAL']) {
        const { downloader, link } = await start(t, response(200, 'the file'))
        const path = await folder(t)
        const synced = await watchSyncs(t, path, code)
        assert.equal((await downloader.toFile(link, join(path, 'a.docx'))).size, 8)
        assert.equal(synced.length, 2)
        assert.deepEqual(await readdir(path), ['a.docx'])
        t.mock.restoreAll()
      }
    })
    it('a folder that fails to reach the disk fails it: it is to be stored again', async (t) => {
      const { downloader, link } = await start(t, response(200, 'the file'))
      const path = await folder(t)
      await watchSyncs(t, path, 'EIO')
      await assert.rejects(downloader.toFile(link, join(path, 'a.docx')), { code: 'EIO' })
    })
  })
  it('fails as the file system does, and ends the download', async (t) => {
    const { downloader, server, link } = await start(t, response(200, 'the file'))
    const path = await folder(t)
    await mkdir(join(path, 'a.docx'))
    const isError = (code: string) => (error: unknown) =>
      (error as NodeJS.ErrnoException).code === code
    await assert.rejects(downloader.toFile(link, join(path, 'no', 'folder')), isError('ENOENT'))
    await assert.rejects(downloader.toFile(link, join(path, 'a.docx')), isError('EISDIR'))
    assert.deepEqual(await readdir(path), ['a.docx'])
    await closed(server)
  })
  it('aborted while it writes: the reason, and the file is what it was', async (t) => {
    const { downloader, link } = await start(t, chunked('the ', 'file'))
    const path = await folder(t)
    await writeFile(join(path, 'a.docx'), 'before')
    const controller = new AbortController()
    const work = downloader.toFile(link, join(path, 'a.docx'), { signal: controller.signal })
    while ((await readdir(path)).length < 2) await new Promise(setImmediate)
    controller.abort()
    await assert.rejects(work, (error) => error === controller.signal.reason)
    assert.deepEqual(await readdir(path), ['a.docx'])
    assert.equal(await readFile(join(path, 'a.docx'), 'utf8'), 'before')
  })
})

describe('bad input 30: a bad download', () => {
  const gzip = gzipSync(Buffer.alloc(10_000_000)).toString('latin1')
  const long = 'x'.repeat(MAX + 1)
  const write = (text: string) => (socket: Socket) => void socket.write(text, 'latin1')
  const end = (text: string) => (socket: Socket) => void socket.end(text)
  type Case = [
    what: string,
    answer: (socket: Socket) => void,
    code: DocsErrorCode,
    retryable: boolean,
  ]
  const cases: Case[] = [
    ['404', write(response(404, 'not found')), 'BAD_RESPONSE', false],
    ['403, expired', write(response(403)), 'BAD_RESPONSE', false],
    ['204', write('HTTP/1.1 204 X\r\n\r\n'), 'BAD_RESPONSE', false],
    ['206', write(response(206, 'half')), 'BAD_RESPONSE', false],
    [
      'a redirect',
      write(response(302, '', { location: 'http://169.254.169.254/' })),
      'BAD_RESPONSE',
      false,
    ],
    ['500', write(response(500, 'oops')), 'UNREACHABLE', true],
    ['503', write(response(503)), 'UNREACHABLE', true],
    ['an error page without end', write('HTTP/1.1 500 X\r\n\r\n<html>'), 'UNREACHABLE', true],
    ['empty', write(response(200)), 'BAD_RESPONSE', true],
    ['empty in chunks', write(chunked('')), 'BAD_RESPONSE', true],
    ['empty until closed', end('HTTP/1.1 200 OK\r\n\r\n'), 'BAD_RESPONSE', true],
    [
      'too long, as it says',
      write(`HTTP/1.1 200 OK\r\ncontent-length: ${MAX + 1}\r\n\r\n`),
      'BAD_RESPONSE',
      false,
    ],
    ['too long, and says nothing', write(chunked(long)), 'BAD_RESPONSE', false],
    ['gzip', write(response(200, gzip, { 'content-encoding': 'gzip' })), 'BAD_RESPONSE', false],
    [
      'gzip in transfer',
      write('HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n'),
      'BAD_RESPONSE',
      false,
    ],
    [
      'shorter than it says',
      end(response(200, 'half', { 'content-length': '8' })),
      'UNREACHABLE',
      true,
    ],
    [
      'longer than it says',
      write(response(200, 'the file and more', { 'content-length': '8' })),
      'BAD_RESPONSE',
      true,
    ],
    ['cut off between chunks', end(chunked('half')), 'UNREACHABLE', true],
    ['closed at once', (socket) => socket.destroy(), 'UNREACHABLE', true],
    ['reset at once', (socket) => socket.resetAndDestroy(), 'UNREACHABLE', true],
    [
      'reset within the file',
      (socket) => socket.write(chunked('half'), () => socket.resetAndDestroy()),
      'UNREACHABLE',
      true,
    ],
    ['no HTTP', end('SSH-2.0-OpenSSH_9.6\r\n'), 'UNREACHABLE', true],
    [
      'without end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        const more = (): void => void socket.write('x'.repeat(10_000), (error) => error ?? more())
        more()
      },
      'BAD_RESPONSE',
      false,
    ],
  ]
  for (const [what, answer, code, retryable] of cases) {
    it(`${what}: ${code}, ${retryable ? '' : 'not '}retryable; no file stays`, async (t) => {
      const { downloader, clock, server, link } = await start(t, answer)
      const path = await folder(t)
      const error = await failure(downloader.toFile(link, join(path, 'a.docx')), code)
      assert.equal(error.retryable, retryable)
      assert.match(error.message, /\/cache\/files\/data\/k1_1234\/output\.docx/)
      assert.deepEqual(await readdir(path), [])
      assert.equal(clock.pending, 0)
      assert.equal(server.requests.length, 1)
      await closed(server)
    })
  }
  const causes: [status: number, cause: RegExp][] = [
    [403, /HTTP 403: the link has expired/],
    [404, /HTTP 404: .*cache elsewhere .*`downloadOrigins`/],
    [414, /HTTP 414: the link is longer than/],
    [431, /HTTP 431: the link is longer than/],
  ]
  for (const [status, cause] of causes) {
    it(`${status}: says what it means, and where the link led`, async (t) => {
      const { downloader } = await start(t, response(status))
      const link = 'https://docs.example.com/cache/files/x?SECRET'
      const { message } = await failure(downloader.open(link), 'BAD_RESPONSE')
      assert.match(message, cause)
      assert.match(
        message,
        /^http:\/\/127.*\(for a link to https:\/\/docs\.example\.com\/cache\/files\/x\)/,
      )
    })
  }
  it('nobody listens: UNREACHABLE, retryable', async (t) => {
    const url = await closedPort()
    const error = await failure(
      create(t, url).downloader.open(new URL('/cache/files/x?SECRET', url)),
      'UNREACHABLE',
    )
    assert.equal(error.retryable, true)
  })

  const silences: Record<string, (socket: Socket) => void> = {
    'no answer': () => {},
    'half of the headers': write('HTTP/1.1 200 OK\r\n'),
    'headers only': write('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n'),
    'half of the file': write(response(200, 'half', { 'content-length': '8' })),
  }
  for (const [what, answer] of Object.entries(silences)) {
    it(`${what} and then silence: UNREACHABLE, retryable; no file stays`, async (t) => {
      const { downloader, clock, server, link } = await start(t, answer)
      const path = await folder(t)
      const work = failure(downloader.toFile(link, join(path, 'a.docx')), 'UNREACHABLE')
      await server.received(1)
      await clock.runUntil(() => clock.pending === 0, TOTAL, 50)
      const error = await work
      assert.match(error.message, /sent nothing for 30000 ms/)
      assert.equal(error.retryable, true)
      assert.deepEqual(await readdir(path), [])
      await closed(server)
    })
  }
  it('one byte now and then: UNREACHABLE by the time limit', async (t) => {
    const { downloader, clock, server, link } = await start(t, write('HTTP/1.1 200 OK\r\n\r\n'))
    const { stream } = await downloader.open(link)
    const reader = stream.getReader()
    const [socket] = server.sockets
    const before = clock.now()
    for (let chunk = 0; chunk < 5; chunk++) {
      socket!.write('x')
      assert.equal((await reader.read()).value?.length, 1)
      await clock.advance(IDLE - 6_001)
    }
    assert.ok(clock.now() < before + TOTAL)
    const work = failure(reader.read(), 'UNREACHABLE')
    await clock.advance(IDLE - 1)
    assert.match((await work).message, /longer than 120000 ms/)
  })
})
