/** A download as a stream of the web and of Node: back pressure, size and checksum of what was read. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createDownloader, type Downloader } from '../src/client/download.js'
import { createHttp } from '../src/client/http.js'
import { systemClock } from '../src/clock.js'
import { isDocsError } from '../src/errors.js'

/** Against hangs only. */
const LIMIT = { timeout: 60_000 }
const LARGE = 64 * 1024 * 1024

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

interface Source {
  downloader: Downloader
  link: string
  /** How many bytes have been taken from it. */
  sent: () => number
}

/** A server whose one file are these bytes, and a downloader for it. */
async function serve(t: TestContext, bytes: Buffer, { cutAt = Infinity } = {}): Promise<Source> {
  let sent = 0
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length })
    const file = Readable.from(
      (function* () {
        for (; sent < bytes.length;) {
          if (sent >= cutAt) return void response.destroy()
          const chunk = bytes.subarray(sent, sent + 64 * 1024)
          sent += chunk.length
          yield chunk
        }
      })(),
    )
    file.pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const http = createHttp()
  t.after(async () => {
    await http.close()
    server.closeAllConnections()
    server.close()
  })
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const limits = { downloadOrigins: [], maxDownload: LARGE, downloadTimeout: 60_000 }
  return {
    downloader: createDownloader({ server: url, ...limits, clock: systemClock, http }),
    link: `${url.origin}/cache/files/data/key/output.bin`,
    sent: () => sent,
  }
}

/** Lets everything happen that would happen without being asked for. */
async function settled(sent: () => number): Promise<number> {
  for (let before = -1; before !== sent();) {
    before = sent()
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  return sent()
}

describe('a download', LIMIT, () => {
  it('is a stream of the web or of Node, with size and checksum of what was read', async (t) => {
    const bytes = randomBytes(300_000)
    const expected = { size: bytes.length, sha256: sha256(bytes) }
    for (const kind of ['web', 'node'] as const) {
      const { downloader, link } = await serve(t, bytes)
      const { stream, toNode, measured, size } = await downloader.open(link)
      const read = kind === 'web' ? await buffer(stream) : await buffer(toNode())
      assert.equal(read.equals(bytes), true)
      assert.equal(size, bytes.length)
      assert.deepEqual(await measured, expected, kind)
    }
    const { downloader, link } = await serve(t, bytes)
    const folder = await mkdtemp(join(tmpdir(), 'streams-'))
    t.after(() => rm(folder, { recursive: true }))
    assert.deepEqual(await downloader.toFile(link, join(folder, 'a')), expected)
    assert.equal((await readFile(join(folder, 'a'))).equals(bytes), true)
  })

  for (const kind of ['web', 'node'] as const) {
    it(`is fetched as fast as it is read and no faster: ${kind}`, async (t) => {
      const { downloader, link, sent } = await serve(t, Buffer.alloc(LARGE, 1))
      const { stream, toNode, measured } = await downloader.open(link)
      const parts = kind === 'web' ? stream.values() : toNode().iterator()
      await parts.next()
      // What the system and the sockets hold for us, and nothing of ours.
      assert.ok((await settled(sent)) < LARGE / 2, `${sent()} bytes were sent for one chunk`)
      await parts.return?.()
      await assert.rejects(measured, { name: 'AbortError' })
    })
  }

  it('that breaks off has no checksum: the promise rejects as the stream does', async (t) => {
    const { downloader, link } = await serve(t, Buffer.alloc(1_000_000, 1), { cutAt: 500_000 })
    const { toNode, measured } = await downloader.open(link)
    const isCut = (error: unknown): boolean => isDocsError(error, 'UNREACHABLE')
    await assert.rejects(buffer(toNode()), isCut)
    await assert.rejects(measured, isCut)
  })
})
