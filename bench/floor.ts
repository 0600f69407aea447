/**
 * The least that one command and one callback cost here without any rule: Koa, a token made and checked
 * by `node:crypto`, undici's Pool, the body read directly, a map. `keep` is where a row adds Redis.
 */
import { createHmac, createSecretKey, randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import Koa from 'koa'
import { Pool } from 'undici'
import type { ByHandOptions } from './by-hand.js'

export interface FloorCallback {
  key: string
  status: number
  url: string
  userdata: string
  exp: number
}

/** What is done about the steps of a save beside doing them. */
export interface Keep {
  /** Kept before what follows goes on. */
  write: (key: string, field: string, value: object) => Promise<unknown>
  /** Runs the save, once `arrived` is kept. */
  run: (
    callback: FloorCallback,
    arrived: Promise<unknown>,
    store: () => unknown,
  ) => Promise<unknown>
}

const DEADLINE = 60_000

const inNothing: Keep = {
  write: () => Promise.resolve(),
  run: (_callback, _arrived, store) => Promise.resolve(store()),
}

export interface Floor {
  app: Koa
  forcesave: (key: string) => Promise<unknown>
}

export function createFloor(options: ByHandOptions, keep: Keep = inNothing): Floor {
  const { server, secret, store } = options
  const pool = new Pool(server, { connections: 256, headersTimeout: 0, bodyTimeout: 0 })
  const { origin } = new URL(server)
  const waiting = new Map<string, (stored: unknown) => void>()
  const tokens = createTokens(secret)

  function waitFor(userdata: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('timeout')), DEADLINE)
      waiting.set(userdata, (stored) => {
        clearTimeout(timer)
        waiting.delete(userdata)
        resolve(stored)
      })
    })
  }

  function post(key: string, body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      const path = `/command?shardkey=${encodeURIComponent(key)}`
      const headers = { 'content-type': 'application/json' }
      pool.dispatch(
        { path, method: 'POST', headers, body },
        {
          onRequestStart() {},
          onResponseStart() {},
          onResponseData: (_controller, chunk) => void chunks.push(chunk),
          onResponseEnd() {
            const response = JSON.parse(Buffer.concat(chunks).toString()) as { error: number }
            resolve(response.error)
          },
          onResponseError: (_controller, error) => reject(error),
        },
      )
    })
  }

  const app = new Koa().use(async (ctx) => {
    const { token } = JSON.parse((await bytesOf(ctx.req)).toString()) as { token: string }
    const callback = tokens.read(token)
    if (callback === undefined) return ctx.throw(403)
    const { key, status, url, userdata } = callback
    if (status === 6) {
      if (new URL(url).origin !== origin) return ctx.throw(400)
      const arrived = keep.write(key, `s:${userdata}`, callback)
      const stored = await keep.run(callback, arrived, () => store(callback))
      await keep.write(key, `s:${userdata}`, { done: stored })
      waiting.get(userdata)?.(stored)
    }
    ctx.body = { error: 0 }
  })

  return {
    app,
    async forcesave(key) {
      const userdata = randomUUID()
      const saved = waitFor(userdata)
      await keep.write(key, `c:${userdata}`, { userdata, deadline: Date.now() + DEADLINE })
      const command = { c: 'forcesave', key, userdata }
      const error = await post(key, JSON.stringify({ ...command, token: tokens.sign(command) }))
      if (error !== 0) throw new Error(`error ${error}`)
      const [stored] = await Promise.all([saved, keep.write(key, `c:${userdata}`, { error })])
      return stored
    },
  }
}

function createTokens(secret: string): {
  sign: (claims: object) => string
  read: (token: string) => FloorCallback | undefined
} {
  const key = createSecretKey(secret, 'utf8')
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = encode({ alg: 'HS256', typ: 'JWT' })
  const mac = (text: string): string => createHmac('sha256', key).update(text).digest('base64url')
  return {
    sign(claims) {
      const iat = Math.floor(Date.now() / 1000)
      const text = `${header}.${encode({ ...claims, iat, exp: iat + 300 })}`
      return `${text}.${mac(text)}`
    },
    read(token) {
      const end = token.lastIndexOf('.')
      const text = token.slice(0, end)
      const [given, expected] = [Buffer.from(token.slice(end + 1)), Buffer.from(mac(text))]
      const isGenuine =
        text.startsWith(`${header}.`) &&
        given.length === expected.length &&
        timingSafeEqual(given, expected)
      if (!isGenuine) return undefined
      const payload = Buffer.from(text.slice(header.length + 1), 'base64url').toString()
      const callback = JSON.parse(payload) as FloorCallback
      return callback.exp > Date.now() / 1000 ? callback : undefined
    },
  }
}

function bytesOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => resolve(Buffer.concat(chunks)))
      .on('error', reject)
  })
}
