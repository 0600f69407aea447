/** Origins allowed by pattern: which links they allow, and that only public addresses are connected to. */
import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { isPublic, publicLookup } from '../src/client/address.js'
import { createDownloader, type Downloader } from '../src/client/download.js'
import { createHttp, HttpFailure, type Http } from '../src/client/http.js'
import { isDocsError } from '../src/errors.js'
import { virtualClock } from '../src/testing/clock.js'
import { response, startServer, type FaultyServer } from './faulty-server.js'
import { done, kept, postSigned, setStage } from './support/callbacks.js'

const LIMIT = { timeout: 300_000 }

/** Names and what they resolve to, and how often each was asked for. */
function names(answers: Record<string, string[]>): LookupFunction & { asked: string[] } {
  const asked: string[] = []
  const lookup: LookupFunction = (host, { all }, callback) => {
    asked.push(host)
    const found: LookupAddress[] = (answers[host] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }))
    if (all === true) callback(null, found)
    else callback(null, found[0]!.address, found[0]!.family)
  }
  return Object.assign(lookup, { asked })
}

function http(t: TestContext, lookup?: LookupFunction): Http {
  const made = createHttp(lookup)
  t.after(() => made.close())
  return made
}

function downloader(server: string, downloadOrigins: string[], way: Http): Downloader {
  const limits = { maxDownload: 1000, downloadTimeout: 5000, clock: virtualClock() }
  return createDownloader({ server: new URL(server), downloadOrigins, ...limits, http: way })
}

describe('a pattern', () => {
  it('allows one label in front of the name, with its scheme and port, and nothing else', (t) => {
    const origins = ['https://*.docs.example.com', 'http://*.cdn.example:81/']
    const links = downloader('http://docs.internal', origins, http(t))
    for (const link of [
      'https://a.docs.example.com/x?md5=a',
      'https://A-1.DOCS.example.com:443/',
      'http://b.cdn.example:81/x',
      'http://docs.internal/cache/files/x',
    ]) {
      assert.equal(links.allowed(link)?.href, new URL(link).href)
    }
    for (const link of [
      ...[
        'https://docs.example.com/x',
        'https://a.b.docs.example.com/x',
        'https://.docs.example.com/',
      ],
      ...[
        'http://a.docs.example.com/x',
        'https://a.docs.example.com:444/x',
        'http://b.cdn.example/x',
      ],
      ...[
        'https://a.docs.example.com.evil.example/',
        'https://adocs.example.com/',
        'https://a.evil.com/',
      ],
      ...[
        'https://*.docs.example.com/',
        'https://%2a.docs.example.com/',
        'https://a@b.docs.example.com/',
      ],
      ...['https://a.docs.example.com./x', 'https://evil.example/a.docs.example.com'],
    ]) {
      assert.equal(links.allowed(link), undefined, link)
    }
  })
})

describe('bad input 20: an address that is not public', LIMIT, () => {
  /** Every way to write one that `bad-inputs.md` has, and one of every kind there is. */
  const hosts = [
    ...['127.1', '0', '2130706433', '0x7f.1', '[::]', '[::ffff:a9fe:a9fe]', '[64:ff9b::7f00:1]'],
    ...['100.64.0.1', '127.0.0.1', '0177.0.0.1', '[::1]', '[::7f00:1]', '[::ffff:7f00:1]'],
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '169.254.169.254', '0.1.2.3'],
    ...['100.127.255.255', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1'],
    ...['192.88.99.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['[fc00::1]', '[fd12:3456::1]', '[fe80::1]', '[fec0::1]', '[ff02::1]', '[100::1]'],
    ...[
      '[64:ff9b:1::7f00:1]',
      '[::ffff:0:7f00:1]',
      '[2002:7f00:1::]',
      '[2001::1]',
      '[2001:db8::1]',
    ],
    ...['[3fff::1]', '[5f00::1]', '[4000::1]', '[2001:2::1]', '[2001:20::1]'],
  ]
  for (const host of hosts) {
    it(`written as ${host} is not connected to`, async (t) => {
      const { hostname } = new URL(`http://${host}/`)
      assert.equal(isPublic(hostname.replace(/[[\]]/g, '')), false)
      const lookup = names({})
      const { signal } = new AbortController()
      const request = { method: 'GET' as const, headers: {}, signal, maxBytes: 1 }
      await assert.rejects(
        http(t, lookup).open({ ...request, url: new URL(`http://${host}:1/`), publicOnly: true }),
        (error) => error instanceof HttpFailure && error.kind === 'not public',
      )
      assert.deepEqual(lookup.asked, [])
    })
    it(`as ${host} is no link that a pattern allows`, (t) => {
      const links = downloader('http://docs.internal', ['http://*.docs.example'], http(t))
      assert.equal(links.allowed(`http://${host}/x`), undefined)
    })
  }
  it('is told from a public one', () => {
    for (const address of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111']) {
      assert.equal(isPublic(address), true, address)
    }
    for (const address of ['', 'localhost', '1.1.1.1.1', '1.1.1.1 ', 'fe80::1%lo']) {
      assert.equal(isPublic(address), false, address)
    }
  })
})

describe('a name allowed by pattern', LIMIT, () => {
  const HOSTS: Record<string, string[]> = {
    'loop.docs.example': ['127.0.0.1'],
    'loop6.docs.example': ['::1'],
    'mapped.docs.example': ['::ffff:127.0.0.1'],
    'both.docs.example': ['93.184.215.14', '127.0.0.1'],
    'both6.docs.example': ['2606:4700::1111', '::1'],
    'none.docs.example': [],
  }
  async function start(
    t: TestContext,
  ): Promise<{ lookup: ReturnType<typeof names>; server: FaultyServer }> {
    const server = await startServer(t, (socket) => void socket.write(response(200, 'the file')))
    return { lookup: names(HOSTS), server }
  }

  for (const host of Object.keys(HOSTS)) {
    it(`is refused where it resolves to ${HOSTS[host]!.join(' and ') || 'nothing'}: looked up once, nothing is fetched`, async (t) => {
      const { lookup, server } = await start(t)
      const origin = `http://*.docs.example:${server.url.port}`
      const files = downloader('http://docs.internal', [origin], http(t, lookup))
      await assert.rejects(
        files.open(`http://${host}:${server.url.port}/x?md5=SECRET`),
        (error) =>
          isDocsError(error, 'BAD_RESPONSE') &&
          !error.retryable &&
          /not a public address.*downloadOrigins/.test(error.message) &&
          !/SECRET/.test(error.message),
      )
      assert.deepEqual(lookup.asked, [host])
      assert.deepEqual([server.requests.length, server.sockets.size], [0, 0])
    })
  }

  it('is connected to at the addresses that were checked, when all of them are public', () => {
    const found = ['93.184.215.14', '2606:4700::1111']
    const lookup = names({ 'a.docs.example': found })
    const answers: unknown[] = []
    for (const all of [true, false]) {
      publicLookup(lookup)('a.docs.example', { all }, (...answer) => void answers.push(answer))
    }
    const both = [
      { address: found[0], family: 4 },
      { address: found[1], family: 6 },
    ]
    assert.deepEqual(answers, [
      [null, both],
      [null, found[0], 4],
    ])
  })

  it('is fetched where it is named whole: the application knows what is behind it', async (t) => {
    const { lookup, server } = await start(t)
    const { port } = server.url
    const origins = [`http://*.docs.example:${port}`, `http://loop.docs.example:${port}`]
    const files = downloader('http://docs.internal', origins, http(t, lookup))
    const { stream } = await files.open(`http://loop.docs.example:${port}/x`)
    assert.equal(await new Response(stream as ReadableStream).text(), 'the file')
    const [{ headers } = assert.fail('nothing was fetched')] = server.requests
    assert.deepEqual(Object.keys(headers).sort(), [
      ...['accept', 'accept-encoding', 'connection', 'host'],
    ])
  })

  it('of a callback: 200 {"error":1} when it leads to this machine, and nothing is fetched', async (t) => {
    const { lookup, server } = await start(t)
    const origin = `http://*.docs.example:${server.url.port}`
    const stage = await setStage(t, { downloadOrigins: [origin], http: http(t, lookup) })
    const url = `http://loop.docs.example:${server.url.port}/x`
    assert.deepEqual(await postSigned(stage.url, stage.callback({ url })), kept)
    assert.deepEqual([stage.app.stored.length, server.requests.length], [0, 0])
    assert.deepEqual(await postSigned(stage.url, stage.callback({ key: 'k2' })), done)
  })

  it('is looked up by the system where nothing else is said', async (t) => {
    const { server } = await start(t)
    const { signal } = new AbortController()
    const url = new URL(`http://localhost:${server.url.port}/x`)
    const request = { method: 'GET' as const, headers: {}, signal, maxBytes: 100, url }
    await assert.rejects(
      http(t).open({ ...request, publicOnly: true }),
      (error) => error instanceof HttpFailure && error.kind === 'not public',
    )
    assert.equal(server.sockets.size, 0)
    const { status } = await http(t).open({ ...request, publicOnly: false })
    assert.equal(status, 200)
  })
})
