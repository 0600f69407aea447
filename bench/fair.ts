/**
 * The hand-written way of somebody careful, with the same libraries as `by-hand.ts`: what every
 * application has to check, and no more. It answers with a save or fails; what 1, 3 and 4 mean, several
 * processes and lost callbacks are beyond it.
 */
import { createHash, createHmac, createSecretKey, randomUUID, timingSafeEqual } from 'node:crypto'
import Router from '@koa/router'
import jwt from 'jsonwebtoken'
import Koa from 'koa'
import type { Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import { Agent, request } from 'undici'
import type { ByHandOptions } from './by-hand.js'

interface Callback {
  key: string
  status: number
  url?: string
  userdata?: string
  lastsave?: string
  exp?: number
}

interface Waiter {
  key: string
  /** The calls of this process, counted: who called later has the edits of those before. */
  at: number
  end: (stored: unknown) => void
  fail: (error: Error) => void
}

const DEADLINE = 60_000
const REQUEST_TIMEOUT = 15_000

export interface Fair {
  app: Koa
  /** The path that callbacks of this file come to. */
  pathOf: (file: string) => string
  forcesave: (key: string) => Promise<{ stored: unknown }>
}

export function createFair({ server, secret, store }: ByHandOptions): Fair {
  const waiting = new Map<string, Waiter>()
  const ofKey = new Map<string, Set<string>>()
  const saveOnce = createOneByOne(store)
  const dispatcher = new Agent({ connections: 256 })
  const secretKey = createSecretKey(secret, 'utf8')
  const { origin } = new URL(server)
  let count = 0

  const mac = (text: string): string =>
    createHmac('sha256', secretKey).update(text).digest('base64url')

  function isOurs(ref: string): boolean {
    const [text = '', signature = ''] = ref.split('.')
    const [given, expected] = [Buffer.from(signature), Buffer.from(mac(text))]
    return given.length === expected.length && timingSafeEqual(given, expected)
  }

  function verified(body: unknown): Callback | undefined {
    try {
      const options = { algorithms: ['HS256' as const], maxAge: '15m' }
      const { token } = body as { token: string }
      const callback = jwt.verify(token, secretKey, options) as unknown as Callback
      return callback.exp === undefined ? undefined : callback
    } catch {
      return undefined
    }
  }

  /** A forced save holds the edits of the calls before its own, a final one those of all. */
  function settle({ key, status, userdata }: Callback, stored: unknown): void {
    const own = userdata === undefined ? undefined : waiting.get(userdata)
    const until = own?.key === key ? own.at : status === 2 ? Infinity : -1
    for (const id of ofKey.get(key) ?? []) {
      const waiter = waiting.get(id)
      if (waiter !== undefined && waiter.at <= until) waiter.end(stored)
    }
  }

  const router = new Router()
  router.post('/callback/:ref', async (ctx) => {
    const callback = isOurs(String(ctx.params['ref'])) ? verified(ctx.request.body) : undefined
    if (callback === undefined) return ctx.throw(403)
    const { status, url = '' } = callback
    if (status === 2 || status === 6) {
      if (new URL(url).origin !== origin) return ctx.throw(400)
      try {
        settle(callback, await saveOnce(callback))
      } catch {
        ctx.status = 503
        ctx.body = { error: 1 }
        return
      }
    }
    ctx.body = { error: 0 }
  })

  function waitFor(userdata: string, key: string): Promise<{ stored: unknown }> {
    const at = (count += 1)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(new Error('timeout')), DEADLINE)
      function done(): void {
        clearTimeout(timer)
        waiting.delete(userdata)
        const ids = ofKey.get(key)
        ids?.delete(userdata)
        if (ids?.size === 0) ofKey.delete(key)
      }
      function end(stored: unknown): void {
        done()
        resolve({ stored })
      }
      function fail(error: Error): void {
        done()
        reject(error)
      }
      waiting.set(userdata, { key, at, end, fail })
      ofKey.set(key, (ofKey.get(key) ?? new Set<string>()).add(userdata))
    })
  }

  return {
    // The router's context has more than Koa's; it is the router that adds it.
    app: new Koa()
      .use(bodyParser({ jsonLimit: '10mb' }))
      .use(router.routes() as unknown as Middleware),
    pathOf(file) {
      const text = Buffer.from(file).toString('base64url')
      return `/callback/${text}.${mac(text)}`
    },
    async forcesave(key) {
      const userdata = randomUUID()
      const saved = waitFor(userdata, key)
      const command = { c: 'forcesave', key, userdata }
      const token = jwt.sign(command, secretKey, { expiresIn: 300 })
      const response = await request(`${server}/command?shardkey=${encodeURIComponent(key)}`, {
        dispatcher,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...command, token }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT),
      })
      const { error } = (await response.body.json()) as { error: number }
      if (error !== 0) waiting.get(userdata)?.fail(new Error(`error ${error}`))
      return saved
    },
  }
}

/** One save of a key at a time, and the same one once: by what stays the same when it is sent again. */
function createOneByOne(store: ByHandOptions['store']): (callback: Callback) => Promise<unknown> {
  const last = new Map<string, Promise<unknown>>()
  const seen = new Map<string, unknown>()
  return async (callback) => {
    const { key, status, url = '', lastsave = '' } = callback
    const facts = [key, String(status), new URL(url).pathname, lastsave].join(' ')
    const name = createHash('sha256').update(facts).digest('base64url')
    const running = (last.get(key) ?? Promise.resolve()).then(async () => {
      if (!seen.has(name)) seen.set(name, await store(callback))
      return seen.get(name)
    })
    const ended = running.catch(() => {})
    last.set(key, ended)
    void ended.then(() => {
      if (last.get(key) === ended) last.delete(key)
    })
    return running
  }
}
