/** What a link answers is looked at: a page of a proxy is not a document (`bad-inputs.md` 30). */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createDownloader, type Downloader } from '../src/client/download.js'
import { createHttp } from '../src/client/http.js'
import { isDocsError, type DocsError } from '../src/errors.js'
import { virtualClock } from '../src/testing/clock.js'
import { response, startServer } from './faulty-server.js'
import { startApp } from './support/app.js'
import { again, done, LIMIT, postSigned, type Fields } from './support/callbacks.js'

const PAGE = '<!doctype html><html><title>Sign in</title><form action="/login"></form></html>'
const JSON_ERROR = '{"error":"maintenance"}'
const ZIP = 'PK\x03\x04 and more'
const EMPTY_ZIP = `PK\x05\x06${'\0'.repeat(18)}`
const OLE = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and more'

/** An answer as it goes over the wire: a character is a byte. */
const bytes = (body: string): Buffer => {
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.from(head + body, 'latin1')
}

async function start(
  t: TestContext,
  parts: Buffer[],
  checkContent?: boolean,
): Promise<{ downloader: Downloader; link: string }> {
  const server = await startServer(t, (socket) => {
    socket.setNoDelay(true)
    const next = (): void => {
      const part = parts.shift()
      if (part !== undefined) socket.write(part, () => setTimeout(next, 10))
    }
    next()
  })
  const clock = virtualClock()
  const http = createHttp()
  const limits = { downloadOrigins: [], maxDownload: 10_000_000, downloadTimeout: 120_000 }
  const downloader = createDownloader({
    ...{ server: server.url, ...limits, clock, http },
    ...(checkContent === undefined ? {} : { checkContent }),
  })
  t.after(async () => {
    await http.close()
    assert.equal(clock.pending, 0, 'a timer stayed behind')
  })
  return { downloader, link: `${server.url.origin}/cache/files/data/k1_1/output.docx?md5=SECRET` }
}

async function read(downloader: Downloader, link: string, filetype?: string): Promise<Buffer> {
  const { stream } = await downloader.open(link, { filetype })
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const refusal =
  (...words: RegExp[]) =>
  (error: unknown): boolean => {
    assert.ok(isDocsError(error, 'BAD_RESPONSE'), String(error))
    assert.equal(error.retryable, true)
    for (const word of words) assert.match(error.message, word)
    assert.doesNotMatch(error.message, /SECRET|Sign in|maintenance"/)
    return true
  }

describe('what a link answers has to fit the filetype', LIMIT, () => {
  const refused: [filetype: string, what: string, body: string, seen: RegExp][] = [
    ['docx', 'a log-in page', PAGE, /an HTML page.*docx/],
    ['docx', 'a page behind a byte order mark', `\xef\xbb\xbf\r\n ${PAGE}`, /an HTML page/],
    ['docx', 'XML', '<?xml version="1.0"?><Error/>', /XML/],
    ['xlsx', 'JSON', JSON_ERROR, /JSON.*xlsx/],
    ['docx', 'two bytes', 'PK', /docx/],
    ['DOCX', 'a line of text', 'not today', /DOCX/],
    ['pdf', 'a log-in page', PAGE, /an HTML page.*pdf/],
    ['pdf', 'a zip', ZIP, /pdf/],
    ['doc', 'a log-in page', PAGE, /an HTML page.*doc/],
    ['rtf', 'JSON', JSON_ERROR, /JSON.*rtf/],
    ['zip', 'a log-in page', PAGE, /an HTML page.*zip/],
    ['json', 'a log-in page', PAGE, /an HTML page.*json/],
  ]
  for (const [filetype, what, body, seen] of refused) {
    it(`${filetype}: ${what} is refused, retryable`, async (t) => {
      const { downloader, link } = await start(t, [bytes(body)])
      await assert.rejects(downloader.open(link, { filetype }), refusal(seen))
    })
  }

  const taken: [filetype: string | undefined, what: string, body: string][] = [
    ['docx', 'a zip', ZIP],
    ['XLSX', 'a zip', ZIP],
    ['pptx', 'an OLE container: it has a password', OLE],
    ['dotm', 'a zip', ZIP],
    ['odt', 'a zip', ZIP],
    ['epub', 'a zip', ZIP],
    ['doc', 'an OLE container', OLE],
    ['doc', 'a zip: Word writes docx under any name', ZIP],
    ['doc', 'RTF: Word calls that .doc, too', '{\\rtf1 }'],
    ['xls', 'an OLE container', OLE],
    ['rtf', 'RTF', '{\\rtf1 }'],
    ['pdf', 'a PDF', '%PDF-1.7 and more'],
    ['pdf', 'a PDF behind some bytes, which readers take', `\r\njunk\n%PDF-1.4 and more`],
    ['zip', 'a zip with nothing in it', EMPTY_ZIP],
    ['json', 'a list', '[]'],
    ['json', 'an object behind a byte order mark', '\xef\xbb\xbf{}'],
    ['html', 'a page', PAGE],
    ['txt', 'a page: it is a text', PAGE],
    ['csv', 'text', 'a,b'],
    ['exe', 'JSON: nothing is known of the type', JSON_ERROR],
    ['constructor', 'a page: nothing is known of the type', PAGE],
    [undefined, 'a page: there is no type', PAGE],
  ]
  for (const [filetype, what, body] of taken) {
    it(`${filetype}: ${what} is taken whole`, async (t) => {
      const { downloader, link } = await start(t, [bytes(body)])
      assert.equal((await read(downloader, link, filetype)).toString('latin1'), body)
    })
  }

  it('bytes that come one by one are looked at together and handed over whole', async (t) => {
    const parts = [...bytes(ZIP)].map((byte) => Buffer.from([byte]))
    const { downloader, link } = await start(t, parts)
    assert.equal((await read(downloader, link, 'docx')).toString('latin1'), ZIP)
  })

  it('no more than the first bytes is fetched before it is asked for', async (t) => {
    let written = 0
    const server = await startServer(t, (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n\r\n${ZIP}`)
      const chunk = 'x'.repeat(100_000)
      const more = (): void => {
        written += chunk.length
        if (written < 50_000_000) socket.write(chunk, (error) => error ?? more())
      }
      more()
    })
    const http = createHttp()
    t.after(() => http.close())
    const clock = virtualClock()
    const limits = { downloadOrigins: [], maxDownload: 100_000_000, downloadTimeout: 120_000 }
    const own = createDownloader({ server: server.url, ...limits, clock, http })
    const { stream } = await own.open(`${server.url.origin}/cache/files/data/a/output.docx`, {
      filetype: 'docx',
    })
    await new Promise((resolve) => setTimeout(resolve, 300))
    assert.ok(written < 40_000_000, `${written} bytes were taken although nobody reads`)
    await stream.cancel()
  })

  it('an empty document is refused; an empty text is one where the length says so', async (t) => {
    for (const filetype of ['docx', 'html', 'exe', undefined]) {
      const { downloader, link } = await start(t, [bytes('')])
      await assert.rejects(read(downloader, link, filetype), refusal(/empty/))
    }
    for (const filetype of ['txt', 'CSV', 'md', 'tsv']) {
      const { downloader, link } = await start(t, [bytes('')])
      assert.equal((await read(downloader, link, filetype)).length, 0)
    }
    const unsaid = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n')
    const { downloader, link } = await start(t, [unsaid])
    await assert.rejects(read(downloader, link, 'txt'), refusal(/empty/))
  })

  it('with `checkContent: false` any bytes are taken, and nothing but bytes', async (t) => {
    const page = await start(t, [bytes(PAGE)], false)
    assert.equal((await read(page.downloader, page.link, 'docx')).toString(), PAGE)
    const empty = await start(t, [bytes('')], false)
    await assert.rejects(read(empty.downloader, empty.link, 'docx'), refusal(/empty/))
  })
})

describe('bad input 30: a page of a proxy for a document', LIMIT, () => {
  async function stage(t: TestContext, answer: () => string, checkContent?: boolean) {
    const folder = await mkdtemp(join(tmpdir(), 'content-'))
    t.after(() => rm(folder, { recursive: true }))
    const server = await startServer(t, (socket) => void socket.end(response(200, answer())))
    const failures: DocsError[] = []
    const app = await startApp({
      ...{ server: server.url.href, retries: 0 },
      ...(checkContent === undefined ? {} : { checkContent }),
      async onSave(save) {
        if (save.key === 'changes') await new Response((await save.downloadChanges()).stream).text()
        if (save.key === 'form') await new Response((await save.downloadFormsData()).stream).json()
        return save.downloadTo(join(folder, save.key))
      },
    })
    t.after(app.close)
    app.docs.on('save-failed', ({ error }) => failures.push(error))
    const url = `${server.url.origin}/cache/files/data/k_1/output/output?md5=a`
    const save = (key: string, change: Fields) =>
      postSigned(app.docs.callbackUrl(key), {
        ...{ key, status: 2, url, changesurl: url, formsdataurl: url, users: ['u1'] },
        ...change,
      })
    return { folder, save, failures }
  }

  it('is answered 503 and not stored; the same callback is taken when the document is there', async (t) => {
    let body = PAGE
    const { folder, save, failures } = await stage(t, () => body)
    const callback = { filetype: 'docx', lastsave: '2026-01-01T00:00:00.000Z' }
    assert.deepEqual(await save('report', callback), again)
    assert.deepEqual(await readdir(folder), [])
    assert.match(String(failures[0]?.cause), /an HTML page/)
    assert.equal(failures[0]?.retryable, true)
    body = ZIP
    assert.deepEqual(await save('report', callback), done)
    assert.equal(await readFile(join(folder, 'report'), 'utf8'), ZIP)
  })

  it('is no zip of changes either', async (t) => {
    const { save } = await stage(t, () => PAGE)
    assert.deepEqual(await save('changes', { filetype: 'html' }), again)
  })

  it('is no data of a form either, and JSON is', async (t) => {
    let body = PAGE
    const { save } = await stage(t, () => body)
    const callback = { filetype: 'html', status: 6, lastsave: '2026-01-01T00:00:00.000Z' }
    assert.deepEqual(await save('form', callback), again)
    body = '[{"key":"name","value":"Ada"}]'
    assert.deepEqual(await save('form', callback), done)
  })

  it('is stored where the document is a page, or nobody is to look', async (t) => {
    const pages = await stage(t, () => PAGE)
    assert.deepEqual(await pages.save('page', { filetype: 'html' }), done)
    const unchecked = await stage(t, () => PAGE, false)
    assert.deepEqual(await unchecked.save('secret', { filetype: 'docx' }), done)
  })
})
