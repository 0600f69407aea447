/**
 * `docs.inspector()`: the page, its scripts, what it shows live, and the download. Read-only, and for
 * development: it shows keys, refs and the names of users to whoever reaches it.
 */
import { isIP } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import type { Context, Middleware, Next } from 'koa'
import { checkPath } from '../check-address.js'
import type { Downloader } from '../client/download.js'
import type { Clock } from '../clock.js'
import { badOption, DocsError } from '../errors.js'
import { hasPages, pageFile } from '../pages.js'
import type { Tape } from './tape.js'
import { recordingOf } from './recording.js'
import { MAX_WATCHERS, streamOf } from './stream.js'
import type { Watch } from './watch.js'

/** Where the inspector is, and whether it may be in production. */
export interface InspectorOptions {
  /** Where the page is, `/inspector` by default. */
  path?: string
  /**
   * Lets it be made where `NODE_ENV` is `production`. Default false. Put it behind a login of yours: who
   * sees it sees the keys and refs of documents and the names of their users.
   */
  inProduction?: boolean
}

export interface InspectorParts {
  watch: Watch
  clock: Clock
  downloader: Pick<Downloader, 'allowed'>
  /** Aborted by `close()`. */
  closing: AbortSignal
  options: {
    publicUrl: string | undefined
    path: string
    secrets: readonly string[] | null
    otherSaves: boolean
    grace: number
    nudgeAfter: number
    timeout: number
    commandTimeout: number
  }
}

/** What browsers get, by its name in the address. */
const FILES: Readonly<Partial<Record<string, string>>> = {
  '': 'inspector.html',
  'inspector.css': 'inspector.css',
  'inspector.js': 'inspector.js',
  'inspector-details.js': 'inspector-details.js',
  'inspector-story.js': 'inspector-story.js',
  'inspector-time.js': 'inspector-time.js',
  'inspector-lanes.js': 'inspector-lanes.js',
  'inspector-words.js': 'inspector-words.js',
}

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
}

/** What `docs.inspector` is. */
export function createInspector(parts: InspectorParts): (options?: InspectorOptions) => Middleware {
  return (options = {}) => {
    const { path = '/inspector', inProduction = false } = options
    checkPath('inspector.path', path)
    if (process.env['NODE_ENV'] === 'production' && !inProduction) {
      throw badOption(
        'inspector.inProduction',
        inProduction,
        'NODE_ENV is production, where strangers might see it: do not mount it there, or put it behind a login of yours and set it to true',
      )
    }
    if (!hasPages()) {
      throw new DocsError(
        'BAD_OPTION',
        'inspector: its pages are not beside the code, as in a bundle; leave koa-docs-callback out of the bundle, or copy its folder dist/pages to where the bundle is',
      )
    }
    return inspector(parts, path, inProduction)
  }
}

function inspector(parts: InspectorParts, path: string, guarded: boolean): Middleware {
  const { watch, closing, clock } = parts
  const tape = watch.start()
  const hosts = new Set(['localhost', ...hostOf(parts.options.publicUrl)])
  let watchers = 0

  return async function docsInspector(ctx: Context, next: Next) {
    if (ctx.path !== path && !ctx.path.startsWith(`${path}/`)) {
      await next()
      return
    }
    ctx.set(HEADERS)
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') {
      ctx.set('Allow', 'GET, HEAD')
      return answer(ctx, 405, 'The inspector is read-only: GET and HEAD are allowed.')
    }
    // A page of a stranger's whose name leads to this machine would be of the same origin.
    const hostname = askedFor(ctx)
    if (!guarded && isIP(hostname.replace(/^\[|\]$/g, '')) === 0 && !hosts.has(hostname)) {
      return answer(
        ctx,
        403,
        'The inspector is for development: open it by localhost, by an IP address or by the host of publicUrl.',
      )
    }
    if (isForeign(ctx)) {
      return answer(ctx, 403, 'The inspector is for its own page: open it in the browser.')
    }
    // Relative, so that it is right behind a prefix, too.
    if (ctx.path === path) return ctx.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`)
    const name = ctx.path.slice(path.length + 1)
    if (name === 'events') return events(ctx)
    if (name === 'record.jsonl') return download(ctx)
    const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined
    if (file === undefined) return answer(ctx, 404, 'There is no such page.')
    ctx.type = file.slice(file.lastIndexOf('.'))
    ctx.body = await pageFile(file)
  }

  /** Server-sent events: what is there, and then what happens. */
  function events(ctx: Context): void {
    if (closing.aborted) return answer(ctx, 503, 'docs.close() was called.')
    if (watchers >= MAX_WATCHERS) {
      return answer(ctx, 503, `${MAX_WATCHERS} pages are open already: close one of them.`)
    }
    ctx.type = 'text/event-stream; charset=utf-8'
    if (ctx.method === 'HEAD') {
      ctx.status = 200
      return
    }
    watchers += 1
    const gone = new AbortController()
    ctx.res.once('close', () => {
      watchers -= 1
      gone.abort()
    })
    // Proxies that collect a response would show it when it is over.
    ctx.set('X-Accel-Buffering', 'no')
    const stop = AbortSignal.any([gone.signal, closing])
    const stream = streamOf(tape, { clock, stop, seen: ctx.get('Last-Event-ID') })
    // By hand: that a page was closed is how each of these ends, and Koa would report it as an error.
    ctx.respond = false
    ctx.res.statusCode = 200
    pipeline(Readable.from(stream), ctx.res, () => {})
  }

  function download(ctx: Context): void {
    const { key } = ctx.query
    if (Array.isArray(key)) return answer(ctx, 400, 'Give one key, or none for all documents.')
    const lines = recordingOf(selected(tape, key), {
      jwt: parts.options.secrets !== null,
      path: parts.options.path,
      options: optionsOf(parts),
      allowed: (link) => parts.downloader.allowed(link) !== undefined,
      incomplete: tape.oldest > 0,
    })
    ctx.attachment(`inspector${key === undefined ? '' : `-${key.replace(/[^\w.-]/g, '_')}`}.jsonl`)
    ctx.type = 'application/x-ndjson; charset=utf-8'
    ctx.body = Readable.from(withBreaks(lines))
  }
}

/**
 * Whether the page of another site asks for more than to be left for this one: where the CORS of the
 * application lets it, it would read the record.
 */
function isForeign(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  if (site !== '') return site.endsWith('-site') && ctx.get('Sec-Fetch-Mode') !== 'navigate'
  // Browsers tell that to localhost and over TLS only.
  const origin = ctx.get('Origin')
  return origin !== '' && (!URL.canParse(origin) || new URL(origin).host !== ctx.req.headers.host)
}

const selected = (tape: Tape, key: string | undefined): ReturnType<Tape['from']> =>
  key === undefined ? tape.from(0) : [...tape.of(key)]

function* withBreaks(lines: Iterable<string>): Generator<string> {
  for (const line of lines) yield `${line}\n`
}

function optionsOf({ options }: InspectorParts): { [name: string]: number | boolean } {
  const { otherSaves, grace, nudgeAfter, timeout, commandTimeout } = options
  // Infinity has no JSON: it is left out, and the default plays as well.
  const given = { otherSaves, grace, nudgeAfter, timeout, commandTimeout }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== Infinity))
}

function answer(ctx: Context, status: number, text: string): void {
  ctx.status = status
  ctx.body = `${text}\n`
}

/** By `Host` itself: with `app.proxy` Koa goes by headers that the page of a stranger can set. */
function askedFor(ctx: Context): string {
  const url = `http://${ctx.req.headers.host ?? ''}`
  return URL.canParse(url) ? new URL(url).hostname : ''
}

const hostOf = (url: string | undefined): string[] =>
  url === undefined ? [] : [new URL(url).hostname]
