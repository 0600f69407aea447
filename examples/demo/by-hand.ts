/**
 * The obvious way to wait for a save, written by hand: a map of promises by userdata. A callback with
 * status 6 and my userdata means saved; the answer 4, "nothing to save", means that all is well.
 *
 * It is here to be compared with, and not to be copied: `npm run demo` shows where it goes wrong.
 */
import { randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'

export interface ByHandOptions {
  server: string
  secret: string | null
  fetch: (url: string, init: RequestInit) => Promise<Response>
  /** Stores the file behind a link; throws when it cannot. */
  store: (url: string) => void
}

interface Callback {
  status: number
  userdata?: string
  url?: string
}

export function createByHand({ server, secret, fetch, store }: ByHandOptions): {
  app: Koa
  forcesave: (key: string) => Promise<string>
} {
  const waiting = new Map<string, (outcome: 'saved' | Error) => void>()
  const app = new Koa()
  app.silent = true
  app.use(bodyParser())
  app.use((ctx) => {
    const { status, userdata = '', url } = ctx.request.body as Callback
    if ((status === 2 || status === 6) && url !== undefined) store(url)
    if (status === 6) waiting.get(userdata)?.('saved')
    if (status === 7) waiting.get(userdata)?.(new Error('status 7'))
    ctx.body = { error: 0 }
  })

  return {
    app,
    async forcesave(key) {
      const userdata = randomUUID()
      const saved = new Promise<string>((resolve, reject) => {
        waiting.set(userdata, (outcome) =>
          outcome instanceof Error ? reject(outcome) : resolve(outcome),
        )
      })
      const body = { c: 'forcesave', key, userdata }
      const token = secret === null ? {} : { token: jwt.sign(body, secret, { noTimestamp: true }) }
      const response = await fetch(`${server}/command`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, ...token }),
      })
      const { error } = (await response.json()) as { error: number }
      if (error === 4) return 'nothing to save'
      if (error !== 0) throw new Error(`error ${error}`)
      return saved
    },
  }
}
