/** A Koa context to `receive()` and back: the routes and the body parser. */
import type { IncomingMessage } from 'node:http'
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import type { Clock } from '../clock.js'
import type { Events } from '../events.js'
import type { CallbackRequest, Receive } from './receive.js'

/** How long a body may take to arrive, ms: one that never ends holds a connection no longer. */
const BODY_TIMEOUT = 30_000

export interface KoaParts {
  receive: Receive
  events: Events
  clock: Clock
  /** bytes */
  maxBody: number
}

/** The bare middleware, for a route with a `:ref`. */
export function createCallbackMiddleware({
  receive,
  events,
  clock,
  maxBody,
}: KoaParts): Middleware {
  const parse = bodyParser({
    enableTypes: ['json'],
    // Judged by its token alone: no content type gets around the check.
    detectJSON: () => true,
    jsonLimit: `${maxBody}b`,
    onerror(error, ctx) {
      const { status, type } = error as { status?: unknown; type?: unknown }
      // Too long, or not all of it has come: nothing is done about half a callback.
      if (status === 413 || type === 'request.aborted' || type === 'request.size.invalid')
        throw error
      // Not JSON: the header's token may still be good, and decides.
      ctx.request.body = undefined
    },
  })

  return async function docsCallback(ctx: Context) {
    if (ctx.method !== 'POST') {
      ctx.status = 405
      ctx.set('Allow', 'POST')
      ctx.body = { error: 1 }
      return
    }
    try {
      await inTime(ctx, async () => {
        await parse(ctx, () => Promise.resolve())
      })
    } catch (error) {
      const status = (error as { status?: unknown }).status === 413 ? 413 : 400
      const reason =
        status === 413 ? `a body over maxBody, ${maxBody} bytes` : 'the body did not arrive'
      events.emit('rejected', { reason, status })
      ctx.status = status
      // The rest of the body is not read: the connection cannot be used again.
      ctx.set('Connection', 'close')
      ctx.body = { error: 1 }
      return
    }
    const { ref } = (ctx as { params?: Record<string, string> }).params ?? {}
    const reply = await receive({ body: ctx.request.body, headers: headersOf(ctx.req), ref })
    ctx.status = reply.status
    ctx.body = reply.body
  }

  async function inTime(ctx: Context, read: () => Promise<unknown>): Promise<void> {
    const cancel = clock.after(BODY_TIMEOUT, () => ctx.req.destroy())
    try {
      await read()
    } finally {
      cancel()
    }
  }
}

/**
 * Headers with every value of one that came more than once: `node:http` keeps the first
 * `Authorization` only, and which of two is meant cannot be known.
 */
function headersOf({ headers, headersDistinct }: IncomingMessage): CallbackRequest['headers'] {
  const repeated = Object.entries(headersDistinct).filter(([, values]) => (values?.length ?? 0) > 1)
  return repeated.length === 0 ? headers : { ...headers, ...Object.fromEntries(repeated) }
}

/** The callback route, made with @koa/router. */
export function createRoutes(middleware: Middleware, path: string): Middleware {
  // The router's context has more than Koa's; it is the router that adds it.
  return new Router().all(`${path}/:ref`, middleware).routes() as unknown as Middleware
}
