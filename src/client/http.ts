/**
 * The way out: one port for commands and downloads, and its real implementation, which is the only
 * user of undici. It follows no redirect, decodes no compression, sends only the headers that it is
 * given, and has no time limits but that of connecting: who asks gives a signal.
 */
import { lookup as systemLookup } from 'node:dns'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { buildConnector, Client, Pool, type Dispatcher } from 'undici'
import { onAbort, type Signal } from '../abort.js'
import { isPublic, NotPublicError, publicLookup } from './address.js'

interface Common {
  method: 'GET' | 'POST'
  headers: Record<string, string>
  /** The longest response body taken, in bytes. */
  maxBytes: number
}

export interface HttpRequest extends Common {
  origin: string
  /** With its query. */
  path: string
  body?: string
  /** Ends the request, and after it the reading of the body. */
  signal: Signal
}

export interface StreamRequest extends Common {
  url: URL
  body?: string | Readable
  signal: AbortSignal
  /** Connects to public addresses only, whether they are written in the URL or found by its name. */
  publicOnly: boolean
}

export interface HttpResponse {
  status: number
  headers: IncomingHttpHeaders
  /** Empty unless the status is 200: no command needs an error page, which may be endless. */
  text: string
}

export interface HttpStream {
  status: number
  headers: IncomingHttpHeaders
  /** To be read to its end, or ended by the request's signal: else its connection stays open. */
  body: AsyncIterable<Uint8Array>
}

/** Both reject with {@link HttpFailure} only. */
export interface Http {
  /** Sends, and reads the whole response. */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Sends, and resolves as soon as the response's headers are there. */
  open(request: StreamRequest): Promise<HttpStream>
  /** Closes the connections of `request`. */
  close(): Promise<void>
}

/**
 * - `not sent`: no connection came about, so the server certainly got nothing of the request.
 * - `broken`: anything after that. The server may or may not have got the request.
 * - `too long`: the response is longer than `maxBytes`.
 * - `surplus`: the response is longer than it said itself.
 * - `not public`: the address is not public, and only such a one was to be connected to. Nothing was sent.
 */
export type HttpFailureKind = 'not sent' | 'broken' | 'too long' | 'surplus' | 'not public'

/** Holds nothing of a request's query, headers or body, and nothing of a response's body. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'
  readonly kind: HttpFailureKind

  constructor(kind: HttpFailureKind, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Below the default deadline of a command, so that a host that swallows packets counts as `not sent`. */
const CONNECT_TIMEOUT = 10_000
/** Connections for commands, per server. More commands than that wait for one. */
const MAX_CONNECTIONS = 256
/** undici's words for bytes that belong to no request. */
const UNASKED = 'bad response'
/** Off: who asks gives a signal. */
const NO_TIMEOUTS = { headersTimeout: 0, bodyTimeout: 0 }

/**
 * `lookup`: how names are resolved, by the system if it is left out.
 *
 * @example const http = createHttp()
 */
export function createHttp(lookup: LookupFunction = systemLookup): Http {
  const connect = connector(lookup)
  /** By origin: those of the Docs server and of its nodes. */
  const pools = new Map<string, Pool>()
  function poolOf(origin: string): Pool {
    let pool = pools.get(origin)
    if (pool === undefined) {
      pool = new Pool(origin, { ...NO_TIMEOUTS, connections: MAX_CONNECTIONS, connect })
      pools.set(origin, pool)
    }
    return pool
  }
  return {
    request: (request) => exchange(poolOf(request.origin), request),
    open: (request) => openStream(request, lookup),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

/** By undici's handler: a stream and its iterator for each short answer would cost more than all else. */
function exchange(pool: Pool, request: HttpRequest): Promise<HttpResponse> {
  const { method, path, headers, body, signal, maxBytes } = request
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    let controller: Dispatcher.DispatchController | undefined
    let cancel = (): void => {}
    let head: Omit<HttpResponse, 'text'> | undefined

    function fail(failure: HttpFailure): void {
      cancel()
      reject(failure)
      controller?.abort(failure)
    }
    function finish(text: string): void {
      cancel()
      if (head !== undefined) resolve({ ...head, text })
    }
    // undici ends a request that still waits for its connection only when that comes about: too late.
    const abort = (): void => fail(new HttpFailure('broken', 'the request was ended'))
    if (signal.aborted) return abort()
    cancel = onAbort(signal, abort)

    const options = { path, method, headers, ...(body === undefined ? {} : { body }) }
    pool.dispatch(options, {
      onRequestStart(started) {
        controller = started
        if (signal.aborted) abort()
      },
      onResponseStart(started, status, headers) {
        if (status < 200) return
        head = { status, headers }
        if (status === 200) return
        finish('')
        // Its socket goes with it.
        started.abort(new HttpFailure('broken', `HTTP ${status}`))
      },
      onResponseData(_controller, chunk) {
        length += chunk.byteLength
        if (length > maxBytes) fail(tooLong(maxBytes))
        else chunks.push(chunk)
      },
      onResponseEnd: () => finish(textOf(chunks)),
      onResponseError: (_controller, error) => fail(toFailure(error)),
    })
  })
}

const textOf = (chunks: readonly Uint8Array[]): string => Buffer.concat(chunks).toString('utf8')

/** A download has a connection of its own, which ends with it. */
async function openStream(request: StreamRequest, lookup: LookupFunction): Promise<HttpStream> {
  let socket: Socket | undefined
  if (request.publicOnly) checkLiteral(request.url)
  const client = new Client(request.url.origin, {
    ...NO_TIMEOUTS,
    connect: connector(request.publicOnly ? publicLookup(lookup) : lookup, (connected) => {
      socket = connected
    }),
  })
  const destroy = (): void => {
    request.signal.removeEventListener('abort', destroy)
    void client.destroy()
  }
  request.signal.addEventListener('abort', destroy)
  try {
    const { signal } = request
    const response = await untilAborted(signal, client.request({ ...optionsOf(request), signal }))
    return { status: response.statusCode, headers: response.headers, body: read(response) }
  } catch (error) {
    destroy()
    throw error
  }

  async function* read(response: Dispatcher.ResponseData): AsyncGenerator<Uint8Array> {
    try {
      yield* bounded(response.body, request.maxBytes)
      // What comes behind a response breaks the connection: to HTTP it starts another one, and we asked
      // for one only. So the length that it gave was wrong, and what was read of it is cut off.
      if (socket?.errored?.message === UNASKED) {
        throw new HttpFailure('surplus', 'the response is longer than its Content-Length')
      }
    } finally {
      destroy()
    }
  }
}

/** An address in the URL itself is never looked up. The URL parser has written it the usual way. */
function checkLiteral({ hostname }: URL): void {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 && !isPublic(host)) throw toFailure(new NotPublicError(host))
}

function optionsOf({ method, url, headers, body }: StreamRequest): Dispatcher.DispatchOptions {
  const path = url.pathname + url.search
  return { origin: url.origin, path, method, headers, ...(body === undefined ? {} : { body }) }
}

/** undici ends a request that still waits for its connection only when that comes about: too late. */
async function untilAborted<Value>(signal: AbortSignal, work: Promise<Value>): Promise<Value> {
  let onAbort: () => void = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new HttpFailure('broken', 'the request was ended'))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([work, aborted])
  } catch (error) {
    throw toFailure(error)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

async function* bounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const chunk of body) {
      length += chunk.byteLength
      if (length > maxBytes) {
        throw tooLong(maxBytes)
      }
      yield chunk
    }
  } catch (error) {
    throw toFailure(error)
  }
}

const tooLong = (maxBytes: number): HttpFailure =>
  new HttpFailure('too long', `the response is longer than ${maxBytes} bytes`)

/** The failures of connecting: whatever they are, nothing was sent yet. */
const unconnected = new WeakSet<Error>()

function connector(
  lookup: LookupFunction,
  connected?: (socket: Socket) => void,
): buildConnector.connector {
  const connect = buildConnector({ timeout: CONNECT_TIMEOUT, lookup })
  return (options, callback) => {
    connect(options, (...outcome) => {
      if (outcome[0] !== null) unconnected.add(outcome[0])
      else connected?.(outcome[1])
      callback(...outcome)
    })
  }
}

/** Only the words of undici's error: its fields can hold bytes of the response, and so a link's query. */
function toFailure(error: unknown): HttpFailure {
  if (error instanceof HttpFailure) return error
  if (error instanceof NotPublicError) return new HttpFailure('not public', error.message)
  if (!(error instanceof Error)) return new HttpFailure('broken', 'the connection failed')
  // An error over several addresses of one host has a code and no message.
  const message = error.message || ((error as NodeJS.ErrnoException).code ?? error.name)
  return new HttpFailure(unconnected.has(error) ? 'not sent' : 'broken', message)
}
