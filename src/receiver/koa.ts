/** A Koa context to `receive()` and back: the routes and the body parser. */
import type { IncomingMessage } from 'node:http'
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import type { Clock } from '../clock.js'
import type { Events } from '../events.js'
import type { Watch } from '../inspector/watch.js'
import type { Receive } from './observed.js'
import type { CallbackRequest } from './receive.js'

/** How long a body may take to arrive, ms: one that never ends holds a connection no longer. */
const BODY_TIMEOUT = 30_000

export interface KoaParts {
  receive: Receive
  events: Events
  clock: Clock
  watch: Watch
  /** bytes */
  maxBody: number
}

/** The bare middleware, for a route with a `:ref`. */
export function createCallbackMiddleware({
  receive,
  events,
  clock,
  watch,
  maxBody,
}: KoaParts): Middleware {
  // Without an encoding a text is left as bytes.
  const parse = bodyParser({ enableTypes: ['text'], textLimit: `${maxBody}b`, encoding: '' })

  return async function docsCallback(ctx: Context) {
    if (ctx.method !== 'POST') {
      // No event: whoever opens the address in a browser is no callback that failed.
      watch.rejected({
        code: 'method',
        reason: `the method is ${ctx.method}, not POST`,
        status: 405,
      })
      ctx.status = 405
      ctx.set('Allow', 'POST')
      ctx.body = { error: 1 }
      return
    }
    let body: unknown
    try {
      body = await inTime(ctx.req, bodyOf(ctx))
    } catch (error) {
      const tooLong = (error as { status?: unknown }).status === 413
      const refused = tooLong
        ? ({
            code: 'body-too-long',
            reason: `a body over maxBody, ${maxBody} bytes`,
            status: 413,
          } as const)
        : ({ code: 'body-cut-off', reason: 'the body did not arrive', status: 400 } as const)
      events.emit('rejected', refused)
      ctx.status = refused.status
      // The rest of the body is not read: the connection cannot be used again.
      ctx.set('Connection', 'close')
      ctx.body = { error: 1 }
      return
    }
    const { ref } = (ctx as { params?: Record<string, string> }).params ?? {}
    const reply = await receive({ body, headers: headersOf(ctx.req), ref })
    ctx.status = reply.status
    ctx.body = reply.body
  }

  /** As something in front has left it, else as bytes: any content type, judged by the token alone. */
  async function bodyOf(ctx: Context): Promise<unknown> {
    const { body, rawBody } = ctx.request as { body?: unknown; rawBody?: unknown }
    const isUnread = ctx.req.readable && !ctx.req.readableDidRead
    if (body !== undefined && !(isUnread && isPlaceholder(body))) return body
    if (ctx.req.readable) return bytesOf(ctx)
    if (!ctx.req.complete) throw new Error('the sender has gone')
    // Hosts that read requests before Koa gets them leave these.
    const host = ctx.req as { body?: unknown; rawBody?: unknown }
    return rawBody ?? host.body ?? host.rawBody
  }

  async function bytesOf(ctx: Context): Promise<unknown> {
    const view = parserView(ctx)
    try {
      await parse(view, () => Promise.resolve())
      return view.request.body
    } catch (error) {
      const { status, type } = error as { status?: unknown; type?: unknown }
      // Too long, or not all of it has come: nothing is done about half a callback.
      if (status === 413 || type === 'request.aborted' || type === 'request.size.invalid')
        throw error
      // What cannot be unpacked is not JSON: the header's token may still be good, and decides.
      return ''
    }
  }

  /** What is still being unpacked does not notice that the sender has gone. */
  async function inTime(request: IncomingMessage, body: Promise<unknown>): Promise<unknown> {
    const cancel = clock.after(BODY_TIMEOUT, () => request.destroy())
    const gone = new Promise<never>((_resolve, reject) => {
      request.once('close', () => {
        if (!request.complete) reject(new Error('the sender has gone'))
      })
    })
    try {
      return await Promise.race([body, gone])
    } finally {
      cancel()
    }
  }
}

/** What parsers leave for a body of a type that they do not read. */
const isPlaceholder = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && Object.keys(body).length === 0

/**
 * The context as koa-bodyparser is to see it: every body is one that it reads, whatever its type and
 * whatever the application has told its own parser. What it leaves is not left on the real one.
 */
function parserView(ctx: Context): Context {
  const request: unknown = Object.create(ctx.request, {
    body: { value: undefined, writable: true },
    is: { value: () => 'text/plain' },
  })
  const own = { request: { value: request }, disableBodyParser: { value: false } }
  return Object.create(ctx, own) as Context
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
  // Without its ref a callback is refused by us (403), and not by the application.
  const router = new Router().all([path, `${path}/:ref`], middleware)
  // The router's context has more than Koa's; it is the router that adds it.
  return router.routes() as unknown as Middleware
}
