/** Callbacks made and signed by hand, sent over real HTTP: what a Docs server, or an attacker, sends. */
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import type { TestContext } from 'node:test'
import jwt, { type JwtHeader } from 'jsonwebtoken'
import type { DocsEvents } from '../../src/events.js'
import type { VirtualClock } from '../../src/testing/index.js'
import { response, startServer, type FaultyServer } from '../faulty-server.js'
import { SECRET, startApp, type App, type AppOptions } from './app.js'

export type Fields = Record<string, unknown>

export interface Reply {
  status: number
  body: unknown
}

export const done: Reply = { status: 200, body: { error: 0 } }
export const kept: Reply = { status: 200, body: { error: 1 } }
export const again: Reply = { status: 503, body: { error: 1 } }
export const forbidden: Reply = { status: 403, body: { error: 1 } }
export const notACallback: Reply = { status: 400, body: { error: 1 } }

/** Against hangs only: each test ends by itself well before. */
export const LIMIT = { timeout: 300_000 }

/** A token of these claims, good for five minutes from `now` (ms) unless they say otherwise. */
export function sign(
  claims: Fields,
  {
    secret = SECRET,
    now = Date.now(),
    header = {},
  }: { secret?: string; now?: number; header?: Partial<JwtHeader> } = {},
): string {
  const iat = Math.floor(now / 1000)
  const alg = 'HS256'
  // As text: in an object, jsonwebtoken refuses fields that are named like those of Object.prototype.
  const payload = JSON.stringify({ iat, exp: iat + 300, ...claims })
  return jwt.sign(payload, secret, { header: { alg, typ: 'JWT', ...header } })
}

export interface Sent {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | Uint8Array
}

/** Sends one request on a connection of its own. Rejects when the connection ends without an answer. */
export function send(
  url: string,
  { method = 'POST', headers = {}, body }: Sent = {},
): Promise<Reply & { headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const outgoing = request(url, { method, headers: { ...length, ...headers }, agent: false })
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = []
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
      incoming.on('error', reject)
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        const { statusCode: status = 0 } = incoming
        resolve({ status, headers: incoming.headers, body: parsed(text) })
      })
    })
    // An answer can come before the request is sent whole; what breaks after it does not matter.
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

/** Posts JSON; the reply as the Docs server looks at it. */
export async function post(
  url: string,
  body: unknown,
  headers: OutgoingHttpHeaders = {},
): Promise<Reply> {
  const sent = await send(url, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
  return { status: sent.status, body: sent.body }
}

/** Posts a callback with its token in the body, as the Docs server does. */
export function postSigned(url: string, callback: Fields, now?: number): Promise<Reply> {
  return post(url, { ...callback, token: sign(callback, now === undefined ? {} : { now }) })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

export interface Stage {
  app: App
  /** The Docs server's side: it serves a file under every link and counts what is fetched. */
  files: FaultyServer
  /** Where the callbacks about the file `file-1` go. */
  url: string
  rejected: DocsEvents['rejected'][]
  /** A final save of `k1`. */
  callback: (change?: Fields) => Fields
}

/** An app and the files behind the links of its callbacks; both end with the test. */
export async function setStage(
  t: TestContext,
  options: Omit<Partial<AppOptions>, 'server'> = {},
): Promise<Stage> {
  const files = await startServer(t, (socket, { path }) => {
    socket.write(response(200, `PK\x03\x04\nthe file at ${path.split('?', 1)[0]!}`))
  })
  const app = await startApp({ server: files.url.href, ...options })
  t.after(app.close)
  const rejected: DocsEvents['rejected'][] = []
  app.docs.on('rejected', (event) => rejected.push(event))
  return {
    app,
    files,
    url: app.docs.callbackUrl('file-1'),
    rejected,
    callback: (change = {}) => ({
      key: 'k1',
      status: 2,
      url: `${files.url.origin}/cache/files/data/k1_1234/output.docx/output.docx?md5=a&expires=1`,
      changesurl: `${files.url.origin}/cache/files/data/k1_1234/changes.zip/changes.zip?md5=b`,
      history: { serverVersion: '9.0.0', changes: [] },
      users: ['u1'],
      actions: [{ type: 0, userid: 'u1' }],
      lastsave: '2026-01-01T00:00:00.000Z',
      notmodified: false,
      filetype: 'docx',
      ...change,
    }),
  }
}

/** Lets virtual time pass until the work is over, at most `limitMs`; real sockets get some patience. */
export async function passTime<Result>(
  clock: VirtualClock,
  work: Promise<Result>,
  limitMs = 120_000,
): Promise<Result> {
  let over = false
  const end = (): void => void (over = true)
  void work.then(end, end)
  if (!(await clock.runUntil(() => over, limitMs, 30)))
    throw new Error(`not over within ${limitMs} ms of virtual time`)
  return work
}

/** A promise and what settles it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}
