/**
 * The hand-written way, as fast as we can make it: a map by userdata. What it gets wrong is shown by
 * `npm run demo`; here it is the measure of what a callback and a command cost at the least.
 */
import { createSecretKey, randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import { Agent, request } from 'undici'

export interface ByHandOptions {
  server: string
  secret: string
  store: (callback: Callback) => unknown
}

interface Callback {
  key: string
  status: number
  url?: string
  userdata?: string
}

const DEADLINE = 60_000

export function createByHand({ server, secret, store }: ByHandOptions): {
  app: Koa
  forcesave: (key: string) => Promise<{ stored: unknown }>
} {
  const waiting = new Map<string, (stored: unknown) => void>()
  const dispatcher = new Agent({ connections: 256 })
  const secretKey = createSecretKey(secret, 'utf8')
  const app = new Koa()
  app.use(bodyParser())
  app.use(async (ctx) => {
    const { token } = ctx.request.body as { token: string }
    const callback = jwt.verify(token, secretKey, { algorithms: ['HS256'] }) as unknown as Callback
    if (callback.status === 2 || callback.status === 6) {
      const stored = await store(callback)
      if (callback.userdata !== undefined) waiting.get(callback.userdata)?.(stored)
    }
    ctx.body = { error: 0 }
  })

  return {
    app,
    async forcesave(key) {
      const userdata = randomUUID()
      const saved = new Promise<{ stored: unknown }>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('timeout')), DEADLINE)
        waiting.set(userdata, (stored) => {
          clearTimeout(timer)
          waiting.delete(userdata)
          resolve({ stored })
        })
      })
      const command = { c: 'forcesave', key, userdata }
      const token = jwt.sign(command, secretKey, { expiresIn: 300 })
      const response = await request(`${server}/command?shardkey=${encodeURIComponent(key)}`, {
        dispatcher,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...command, token }),
      })
      const { error } = (await response.body.json()) as { error: number }
      if (error !== 0) throw new Error(`error ${error}`)
      return saved
    },
  }
}

/** The least that a callback can cost: a handler that only checks the token. */
export function createBare(secret: string): Koa {
  const secretKey = createSecretKey(secret, 'utf8')
  return new Koa().use(bodyParser()).use((ctx) => {
    jwt.verify((ctx.request.body as { token: string }).token, secretKey, { algorithms: ['HS256'] })
    ctx.body = { error: 0 }
  })
}
