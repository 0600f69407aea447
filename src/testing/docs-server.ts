/** The simulated Docs server over HTTP, on this machine. */
import { setMaxListeners } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../clock.js'
import { realClock, stoppable } from './clock.js'
import { createControls } from './controls.js'
import { createCore, type Core, type Deliver, type SimulationOptions } from './core.js'
import { answer, commandIn, post } from './http.js'
import { append, type LogEntry } from './log.js'
import { signCallback, verifySigned } from './tokens.js'
import { createWebEditors } from './web-editors.js'

/** What `startDocsServer()` takes. */
export interface DocsServerOptions extends SimulationOptions {
  /** The secret that signs tokens both ways. Left out: tokens are off. */
  secret?: string
  /**
   * Time (real time); a {@link VirtualClock} makes delays and retries a matter of the test. With a
   * `secret` it has to begin now, `virtualClock(Date.now())`, since `createDocs()` checks tokens by the real clock.
   */
  clock?: Clock
  /** The port to listen on (any free one). */
  port?: number
  /** Behave as before Docs 8.2: `/command` is answered 404 (false). */
  legacyOnly?: boolean
}

/** The simulated server over HTTP: {@link startDocsServer}. */
export interface DocsServer extends Core {
  /** Where it listens, `http://127.0.0.1:<port>`. */
  readonly url: string
  /** As given; undefined: tokens are off. */
  readonly secret: string | undefined
  /** Every editor's action, command, response, callback and reply, in order. */
  readonly log: LogEntry[]
  /** Ends it: no callback, timer or connection is left behind. */
  close(): Promise<void>
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

const COMMAND_PATHS = ['/command', '/coauthoring/CommandService.ashx']

/**
 * Starts a Docs server for tests. `open` resolves when the status 1 about the editor was answered.
 *
 * @example
 * await using server = await startDocsServer({ secret: 'a secret of at least 32 characters' })
 * const editor = await server.open('key1', { user: 'u1', callbackUrl: docs.callbackUrl('file-1') })
 * editor.type('hello')
 * await docs.forcesave('key1')
 * await editor.close()
 * await server.idle()
 */
export async function startDocsServer(options: DocsServerOptions = {}): Promise<DocsServer> {
  const { secret, port = 0, legacyOnly = false, clock: time = realClock, ...simulation } = options
  const clock = stoppable(time)
  const startedAt = clock.now()
  const stop = new AbortController()
  // Each callback under way listens for the end.
  setMaxListeners(0, stop.signal)
  const log: LogEntry[] = []
  const t = (): number => clock.now() - startedAt
  let callbacks = 0
  let commands = 0

  const deliver: Deliver = async (callback) => {
    if (stop.signal.aborted) return undefined
    const id = ++callbacks
    const signed =
      secret === undefined ? undefined : signCallback(callback.body, secret, callback.iat)
    const body = signed?.body ?? callback.body
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      ...(signed === undefined ? {} : { authorization: signed.authorization }),
    }
    const { pathname, search } = new URL(callback.url)
    append(log, { t: t(), type: 'callback', id, path: pathname + search, headers, body })
    try {
      const sending = { clock, signal: stop.signal }
      const reply = await post(callback.url, JSON.stringify(body), headers, sending)
      append(log, { t: t(), type: 'reply', id, ...reply })
      return reply
    } catch {
      append(log, { t: t(), type: 'reply', id, connection: 'destroyed' })
      return undefined
    }
  }
  const core = createCore({
    ...simulation,
    clock,
    deliver,
    onEditor: (action, user, key) => {
      append(log, { t: t(), type: 'editor', action, user, key })
      webEditors.changed(key)
    },
  })
  const webEditors = createWebEditors({
    clock,
    open: core.open.bind(core),
    secret,
    edits: (key) => core.edits(key),
  })
  const controls = createControls({
    conversion: core.conversion,
    forgotten: () => core.forgotten,
    restart: (pause) => core.restart(pause),
  })

  const runCommand = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parsed = await commandIn(request)
    if (parsed === undefined) return answer(response, 413, '')
    const id = ++commands
    const { 'content-type': contentType, authorization } = request.headers
    const headers = {
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(authorization === undefined ? {} : { authorization }),
    }
    append(log, { t: t(), type: 'command', id, path: request.url ?? '', headers, body: parsed })
    const verified =
      secret === undefined ? { body: parsed } : verifySigned(parsed, authorization, secret, clock)
    // Always HTTP 200: the verdict is in `error`.
    const body = 'error' in verified ? verified : await core.command(verified.body)
    append(log, { t: t(), type: 'response', id, status: 200, body })
    answer(response, 200, JSON.stringify(body), 'application/json')
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method, url = '' } = request
    const path = url.split('?', 1)[0] ?? ''
    if (core.away) return void response.destroy()
    // By the clock that judges tokens, as on a real one.
    response.setHeader('date', new Date(clock.now()).toUTCString())
    if (method === 'POST' && COMMAND_PATHS.slice(legacyOnly ? 1 : 0).includes(path)) {
      await runCommand(request, response)
    } else if (method === 'GET' && path === COMMAND_PATHS[1]) {
      await runCommand(request, response)
    } else if (method === 'GET' && path === '/healthcheck') {
      answer(response, 200, 'true')
    } else if (await webEditors.handle(request, response, path)) {
      return
    } else if (await controls(request, response, path)) {
      return
    } else {
      const fetched = method === 'GET' ? core.fetch(url) : ({ status: 404 } as const)
      const bytes = fetched.status === 200 ? fetched.bytes : ''
      answer(response, fetched.status, bytes, 'application/octet-stream')
    }
  }
  const http = createServer((request, response) => {
    // A request that breaks off, or whose path is no path, harms nobody else.
    handle(request, response).catch(() => response.destroy())
  })
  const url = await listen(http, port)
  core.origin = url

  const { open, idle } = { open: core.open.bind(core), idle: core.idle.bind(core) }
  const closed = new Promise<void>((resolve) => {
    stop.signal.addEventListener('abort', () => resolve())
  })
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      clock.stop()
      stop.abort()
      http.close(() => resolve())
      http.closeAllConnections()
    })
    return closing
  }
  return Object.assign(core, {
    url,
    secret,
    log,
    close,
    [Symbol.asyncDispose]: close,
    // What a close cuts off never ends by itself.
    idle: (key?: string) => Promise.race([idle(key), closed]),
    open: async (...args: Parameters<Core['open']>) => {
      const editor = await open(...args)
      await editor.ready
      return editor
    },
  })
}

function listen(server: Server, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    })
  })
}
