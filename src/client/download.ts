/**
 * From a link of the Docs server to a stream or a file, within limits of place, bytes and time.
 * Facts: `docs-server.md`, "Callbacks".
 */
import { ReadableStream } from 'node:stream/web'
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import { bytesToTell, mayBeEmpty, unlike } from './content.js'
import { startDeadline, type Deadline } from './deadline.js'
import { writeWhole } from './file.js'
import { HttpFailure, type Http, type HttpStream } from './http.js'
import { createLinkCheck, placeOf } from './link.js'
import { isPassing } from './response.js'

export interface DownloaderOptions {
  server: URL
  /** The Docs servers behind `server`, whose links are taken too. Default none. */
  nodes?: readonly URL[]
  /** Origins that are asked themselves: `https://docs-cache.example.com`, `https://*.docs-cache.example.com`. */
  downloadOrigins: readonly string[]
  /** The longest download, in bytes. */
  maxDownload: number
  /** The longest that a download may take as a whole, in milliseconds. */
  downloadTimeout: number
  /** The longest that the server may send nothing while we wait, in milliseconds. Default: 30 s. */
  idleTimeout?: number
  /** Whether the first bytes have to fit the `filetype`. Default true. */
  checkContent?: boolean
  clock: Clock
  http: Http
}

export interface DownloadOptions {
  signal?: AbortSignal | undefined
  /** What the file has to be, in any case of letters. Left out or unknown: any bytes, one at least. */
  filetype?: string | undefined
}

/** A file that is being downloaded, within `maxDownload` bytes and `downloadTimeout` ms. */
export interface Download {
  /** To be read to its end or cancelled. It fails as `save.download()` does. */
  stream: ReadableStream<Uint8Array>
  /** In bytes, where the server says it beforehand. */
  size: number | undefined
  /** The content type, as the server says. */
  type: string | undefined
}

export interface Downloader {
  /** What is fetched for this link, `undefined` when nothing is: see {@link createLinkCheck}. */
  allowed(link: unknown): URL | undefined
  /** Why nothing is fetched for this link, without its query; `undefined` when it may be. */
  whyNot(link: unknown): string | undefined
  /**
   * @throws DocsError `BAD_RESPONSE` for a link that is not allowed, a redirect, a refusal, a body that
   * is too long, encoded, empty, longer than it says or no file of `filetype`; `UNREACHABLE` for a server that fails, breaks off
   * or is slow. `retryable` says whether trying again can help. An abort rejects with the signal's reason.
   * @example const { stream, size } = await downloader.open(callback.url, { signal })
   */
  open(link: string | URL | undefined, options?: DownloadOptions): Promise<Download>
  /**
   * Downloads to a file, which is there whole or not at all: see {@link writeWhole}.
   *
   * @throws what {@link Downloader.open} does, and the file system's own errors
   * @example await downloader.toFile(callback.url, 'files/contract.docx', { signal })
   */
  toFile(
    link: string | URL | undefined,
    path: string,
    options?: DownloadOptions,
  ): Promise<{ size: number }>
}

const IDLE_TIMEOUT = 30_000

/** Only what is needed: no cookie, no token, and a body that is the file itself. */
const HEADERS = { accept: '*/*', 'accept-encoding': 'identity' }

/** @example const downloader = createDownloader({ ...options, clock: systemClock, http: createHttp() }) */
export function createDownloader(options: DownloaderOptions): Downloader {
  const { maxDownload, downloadTimeout, idleTimeout = IDLE_TIMEOUT, clock, http } = options
  const { checkContent = true } = options
  const check = createLinkCheck(options.server, options.nodes ?? [], options.downloadOrigins)

  async function open(
    link: string | URL | undefined,
    { signal, filetype }: DownloadOptions = {},
  ): Promise<Download> {
    signal?.throwIfAborted()
    const allowed = check(link)
    if ('refused' in allowed) throw refused(`${allowed.refused}; nothing was fetched`)
    const place = describePlace(new URL(String(link)), allowed.url)
    const deadline = startDeadline(clock, downloadTimeout, signal)
    try {
      const response = await waiting(
        deadline,
        http.open({
          ...allowed,
          method: 'GET',
          headers: HEADERS,
          signal: deadline.signal,
          maxBytes: maxDownload,
        }),
      )
      const size = checkHead(response, place, filetype)
      const type = response.headers['content-type']
      const chunks = response.body[Symbol.asyncIterator]()
      const first = await begin(chunks, deadline, checkContent ? bytesToTell(filetype) : 0)
      const instead = checkContent ? unlike(filetype, Buffer.concat(first)) : undefined
      if (instead !== undefined) throw otherContent(place, filetype, instead)
      const rest = { first, chunks, mayBeEmpty: size === 0 }
      return { stream: toStream(rest, deadline, place, signal), size, type }
    } catch (error) {
      throw failed(error, deadline, place, signal)
    }
  }

  /** Counts the silence of the server only: a reader of ours may take its time, up to the time limit. */
  async function waiting<Value>(deadline: Deadline, work: Promise<Value>): Promise<Value> {
    const cancel = clock.after(idleTimeout, () => deadline.end('idle'))
    try {
      return await work
    } finally {
      cancel()
    }
  }

  /** The first chunks, up to `count` bytes in all, where there are so many. */
  async function begin(
    chunks: AsyncIterator<Uint8Array>,
    deadline: Deadline,
    count: number,
  ): Promise<Uint8Array[]> {
    const first: Uint8Array[] = []
    for (let length = 0; length < count; length += first.at(-1)?.byteLength ?? 0) {
      const next = await waiting(deadline, chunks.next())
      if (next.done === true) break
      first.push(next.value)
    }
    return first
  }

  function toStream(
    body: Begun,
    deadline: Deadline,
    place: string,
    signal: AbortSignal | undefined,
  ): ReadableStream<Uint8Array> {
    const { first, chunks } = body
    let empty = !body.mayBeEmpty
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          try {
            const begun = first.shift()
            const next =
              begun === undefined
                ? await waiting(deadline, chunks.next())
                : { done: false, value: begun }
            if (next.done !== true) {
              empty = false
              controller.enqueue(next.value)
              return
            }
            if (empty) throw emptyFile(place)
            deadline.release()
            controller.close()
          } catch (error) {
            throw failed(error, deadline, place, signal)
          }
        },
        cancel: () => deadline.end('given up'),
      },
      // Nothing is fetched before it is asked for.
      { highWaterMark: 0 },
    )
  }

  /** The declared size of a response that can be a document. */
  function checkHead(
    { status, headers }: HttpStream,
    place: string,
    filetype: string | undefined,
  ): number | undefined {
    if (status !== 200) throw badStatus(place, status)
    const encodings = [headers['content-encoding'], headers['transfer-encoding']]
    if (!encodings.every((encoding) => /^(identity|chunked)?$/i.test(encoding ?? ''))) {
      throw refused(`${place} came encoded although it was asked for as it is`)
    }
    if (headers['content-length'] === undefined) return undefined
    const size = Number(headers['content-length'])
    if (size === 0 && !mayBeEmpty(filetype)) throw emptyFile(place)
    if (size > maxDownload) throw tooLong(place)
    return size
  }

  /** Ends the download, whatever it is about, and says why. */
  function failed(
    error: unknown,
    deadline: Deadline,
    place: string,
    signal: AbortSignal | undefined,
  ): unknown {
    const ended = deadline.ended()
    deadline.end('given up')
    if (ended === 'aborted') return signal?.reason
    if (ended === 'expired') {
      return unreachable(`${place} took longer than ${downloadTimeout} ms (downloadTimeout)`)
    }
    if (ended === 'idle') return unreachable(`${place} sent nothing for ${idleTimeout} ms`)
    if (!(error instanceof HttpFailure)) return error
    if (error.kind === 'too long') return tooLong(place)
    if (error.kind === 'not public') {
      return refused(
        `${place}: ${error.message}; name its origin in \`downloadOrigins\` if it is yours`,
      )
    }
    if (error.kind === 'surplus') return new DocsError('BAD_RESPONSE', `${place}: ${error.message}`)
    return unreachable(`${place} could not be fetched whole: ${error.message}`, error)
  }

  function tooLong(place: string): DocsError {
    return refused(`${place} is longer than the ${maxDownload} bytes of maxDownload`)
  }

  return {
    allowed(link) {
      const found = check(link)
      return 'refused' in found ? undefined : found.url
    },
    whyNot(link) {
      const found = check(link)
      return 'refused' in found ? found.refused : undefined
    },
    open,
    async toFile(link, path, downloadOptions = {}) {
      const { stream } = await open(link, downloadOptions)
      return writeWhole(path, stream, downloadOptions.signal)
    },
  }
}

/** A body whose first chunks have been read. */
interface Begun {
  first: Uint8Array[]
  chunks: AsyncIterator<Uint8Array>
  mayBeEmpty: boolean
}

/** What was asked and, where it is another place, what the link said. */
function describePlace(link: URL, url: URL): string {
  const asked = placeOf(url)
  return placeOf(link) === asked ? asked : `${asked} (for a link to ${placeOf(link)})`
}

/** What the server means by it, as far as it can be known. */
const MEANINGS: Record<number, string> = {
  403: 'the link has expired (15 minutes after it was signed), or a proxy in between wants a log-in',
  404: 'the file is gone, or the Docs server keeps its cache elsewhere (then name that origin in `downloadOrigins`)',
  414: 'the link is longer than the server or a proxy takes',
  431: 'the link is longer than the server or a proxy takes',
}

function badStatus(place: string, status: number): DocsError {
  const meaning = status >= 300 && status < 400 ? 'redirects are not followed' : MEANINGS[status]
  const message = `${place} was answered with HTTP ${status}${meaning === undefined ? '' : `: ${meaning}`}`
  return isPassing(status) ? unreachable(message) : refused(message)
}

/**
 * Trying again can help: a document is not empty, so the server was not ready or is broken. Only of a text
 * is it believed, and only where the length was given: a body that merely ends may have been cut off.
 */
function emptyFile(place: string): DocsError {
  return new DocsError('BAD_RESPONSE', `${place} is empty, which no document is`)
}

/** Trying again can help: a maintenance page is gone after a while, and meanwhile the Docs server keeps the file. */
function otherContent(place: string, filetype: string | undefined, instead: string): DocsError {
  const message =
    `${place} was answered with ${instead} instead of a ${filetype} file: see whether a proxy in front of the ` +
    'Docs server shows a log-in or maintenance page; `checkContent: false` takes files as they come'
  return new DocsError('BAD_RESPONSE', message)
}

function refused(message: string): DocsError {
  return new DocsError('BAD_RESPONSE', message, { retryable: false })
}

function unreachable(message: string, cause?: HttpFailure): DocsError {
  return new DocsError('UNREACHABLE', message, cause === undefined ? {} : { cause })
}
