/** A Koa context to `receive()` and back: the routes and the body parser. */
import type { IncomingMessage } from 'node:http'
import Router from '@koa/router'
import parse from 'co-body'
import type { Context, Middleware } from 'koa'
import type { Clock } from '../clock.js'
import type { Events } from '../events.js'
import type { Watch } from '../inspector/watch.js'
import type { Receive } from './observed.js'
import type { CallbackRequest } from './receive.js'

/** How long a body may take to arrive, ms: one that never ends holds a connection no longer. */
const BODY_TIMEOUT = 30_000

/** A byte order mark and what is not UTF-8 are not JSON, and not to be mended into a callback. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

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

  /** As the application's own parser left it, else read here: any content type, judged by the token alone. */
  async function bodyOf(ctx: Context): Promise<unknown> {
    const { body } = ctx.request as { body?: unknown }
    if (body !== undefined) return body
    try {
      // Without an encoding it comes as bytes.
      const bytes = (await parse.text(ctx.req, { limit: `${maxBody}b`, encoding: '' })) as Buffer
      return JSON.parse(UTF8.decode(bytes)) as unknown
    } catch (error) {
      const { status, type } = error as { status?: unknown; type?: unknown }
      // Too long, or not all of it has come: nothing is done about half a callback.
      if (status === 413 || type === 'request.aborted' || type === 'request.size.invalid')
        throw error
      // Not JSON: the header's token may still be good, and decides.
      return undefined
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
