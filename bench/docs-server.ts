/**
 * A stand-in for the Docs server, in a process of its own: it answers every forcesave 0 and posts the
 * signed status 6 at once. The simulated one of `koa-docs-callback/testing` keeps a log and opens a
 * connection per callback; next to a handler of 0.2 ms it would be what is measured.
 */
import { createHmac, createSecretKey } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from './remote.js'
import { createPoster, requestOf, type Poster } from './sockets.js'

/** Commands for keys that begin so are answered, and called back when they are let go. */
const HELD = 'held-'
const FILES = 'cache/files/data'

const [, , secret = ''] = process.argv
const key = createSecretKey(secret, 'utf8')
const posters = new Map<string, Poster>()
const held: { key: string; userdata: string }[] = []
let targets: string[] = []
let origin = ''
let count = 0

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const HEADER = encode({ alg: 'HS256', typ: 'JWT' })

function sign(claims: object): string {
  const iat = Math.floor(Date.now() / 1000)
  const text = `${HEADER}.${encode({ ...claims, iat, exp: iat + 300 })}`
  return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
}

/** Signed twice over, as the Docs server does it. */
const signed = (url: string, body: object): Buffer =>
  requestOf(url, JSON.stringify({ ...body, token: sign(body) }), sign({ payload: body }))

function forcedBody(document: string, userdata: string | undefined): object {
  const place = `${origin}/${FILES}/${document}_${count}`
  const query = 'md5=uo3pKyK9Xo0sMDf3zYTdRw&expires=1795325187&shardkey=bench'
  const created = '2026-11-22 09:30:00'
  return {
    key: document,
    status: 6,
    url: `${place}/output.docx/output.docx?${query}`,
    changesurl: `${place}/changes.zip/changes.zip?${query}`,
    history: {
      serverVersion: '9.0.4',
      changes: [{ created, user: { id: 'u1', name: 'Ann' } }],
    },
    users: ['u1'],
    ...(userdata === undefined ? {} : { userdata }),
    lastsave: new Date(Math.floor(Date.now() / 1000) * 1000).toISOString(),
    forcesavetype: 0,
    filetype: 'docx',
  }
}

function posterOf(url: string): Poster {
  const { origin: place } = new URL(url)
  const poster = posters.get(place) ?? createPoster(url)
  posters.set(place, poster)
  return poster
}

/** To one process after the other. */
async function callBack(document: string, userdata: string | undefined): Promise<void> {
  const target = targets[(count += 1) % targets.length] ?? ''
  await posterOf(target).post(signed(target, forcedBody(document, userdata)))
}

/** What is wrong with a callback shows in the call that waits for it, which ends with its deadline. */
const failed = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)

const server = createServer((incoming, outgoing) => {
  let text = ''
  incoming.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  incoming.on('end', () => {
    const { key, userdata } = JSON.parse(text) as { key: string; userdata: string }
    outgoing.setHeader('content-type', 'application/json')
    outgoing.end(JSON.stringify({ key, error: 0 }))
    if (key.startsWith(HELD)) held.push({ key, userdata })
    else callBack(key, userdata).catch(failed)
  })
})
server.keepAliveTimeout = 120_000
server.listen(0, '127.0.0.1')
await once(server, 'listening')
origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function inParallel(lanes: number, work: () => Promise<boolean>): Promise<void> {
  const lane = async (): Promise<void> => {
    while (await work());
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

serve({
  url: () => origin,
  targets: (urls: string[]) => (targets = urls),
  held: () => held.length,
  cpu: () => process.cpuUsage(),
  async release() {
    await inParallel(32, async () => {
      const one = held.shift()
      if (one !== undefined) await callBack(one.key, one.userdata)
      return one !== undefined
    })
  },
  /** Saves that nobody asked for: one each of `keys` documents. */
  async save({ url, keys, name }: { url: string; keys: number; name: string }) {
    let next = 0
    await inParallel(64, async () => {
      if (next === keys) return false
      count += 1
      await posterOf(url).post(signed(url, forcedBody(`${name}-${(next += 1)}`, undefined)))
      return true
    })
  },
  /** Plain status 1 for `ms`, signed beforehand; answers how many a second. */
  async flood({ url, lanes, ms }: { url: string; lanes: number; ms: number }) {
    const requests = Array.from({ length: 256 }, (_, index) => {
      const actions = [{ type: 1, userid: 'u1' }]
      return signed(url, { key: `flood-${index}`, status: 1, users: ['u1'], actions })
    })
    const poster = posterOf(url)
    let sent = 0
    const begun = performance.now()
    await inParallel(lanes, async () => {
      const next = requests[(sent += 1) % requests.length]
      if (next !== undefined) await poster.post(next)
      return performance.now() - begun < ms
    })
    return (sent / (performance.now() - begun)) * 1000
  },
})
