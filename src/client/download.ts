/**
 * From a link of the Docs server to a stream or a file, within limits of place, bytes and time.
 * Facts: `docs-server.md`, "Callbacks".
 */
import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import { bytesToTell, mayBeEmpty, unlike } from './content.js'
import { startDeadline, type Deadline } from './deadline.js'
import { writeWhole } from './file.js'
import {
  badStatus,
  describePlace,
  emptyFile,
  notWhole,
  otherContent,
  refused,
  unreachable,
  tookTooLong,
  tooLong,
} from './download-failure.js'
import { HttpFailure, type Http, type HttpStream } from './http.js'
import { createLinkCheck } from './link.js'
import { createMeter, type Measured, type Meter } from './meter.js'

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

/** The limits of one download, instead of the options'. */
export interface DownloadLimits {
  /** Bytes. */
  maxDownload?: number | undefined
  /** Milliseconds. */
  downloadTimeout?: number | undefined
}

export interface DownloadOptions extends DownloadLimits {
  signal?: AbortSignal | undefined
  /** What the file has to be, in any case of letters. Left out or unknown: any bytes, one at least. */
  filetype?: string | undefined
}

/** A file that is being downloaded, within `maxDownload` bytes and `downloadTimeout` ms. */
export interface Download {
  /**
   * To be read to its end or cancelled. It fails as `save.download()` does. Nothing is fetched before it is read, so
   * a slow reader slows the download down, and a large file needs no more memory than a small one.
   */
  stream: ReadableStream<Uint8Array>
  /**
   * The same as a stream of Node's, for libraries that want one. Call it once, and leave `stream` alone then.
   * @example await new Upload({ client, params: { Bucket, Key, Body: toNode() } }).done()
   */
  toNode: () => Readable
  /**
   * Size and SHA-256 of the bytes that were read: resolves when all have been, and rejects as the stream
   * fails, or with an `AbortError` when it is cancelled.
   */
  measured: Promise<Measured>
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
  toFile(link: string | URL | undefined, path: string, options?: DownloadOptions): Promise<Measured>
}

const IDLE_TIMEOUT = 30_000

/** Only what is needed: no cookie, no token, and a body that is the file itself. */
const HEADERS = { accept: '*/*', 'accept-encoding': 'identity' }

/** @example const downloader = createDownloader({ ...options, clock: systemClock, http: createHttp() }) */
export function createDownloader(options: DownloaderOptions): Downloader {
  const { idleTimeout = IDLE_TIMEOUT, clock, http } = options
  const { checkContent = true } = options
  const check = createLinkCheck(options.server, options.nodes ?? [], options.downloadOrigins)

  async function open(
    link: string | URL | undefined,
    { signal, filetype, ...limits }: DownloadOptions = {},
  ): Promise<Download> {
    signal?.throwIfAborted()
    const allowed = check(link)
    if ('refused' in allowed) throw refused(`${allowed.refused}; nothing was fetched`)
    const { maxDownload = options.maxDownload, downloadTimeout = options.downloadTimeout } = limits
    const place = describePlace(new URL(String(link)), allowed.url)
    const deadline = startDeadline(clock, downloadTimeout, signal)
    const job = { place, deadline, signal, filetype, maxDownload, downloadTimeout }
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
      const size = checkHead(response, job)
      const type = response.headers['content-type']
      const chunks = response.body[Symbol.asyncIterator]()
      const first = await begin(chunks, deadline, checkContent ? bytesToTell(filetype) : 0)
      const instead = checkContent ? unlike(filetype, Buffer.concat(first)) : undefined
      if (instead !== undefined) throw otherContent(place, filetype, instead)
      const rest = { first, chunks, mayBeEmpty: size === 0 }
      const meter = createMeter()
      const stream = toStream(rest, job, meter)
      return {
        ...{ stream, size, type, measured: meter.measured },
        toNode: () => Readable.fromWeb(stream),
      }
    } catch (error) {
      throw failed(error, job)
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
    { first, chunks, mayBeEmpty }: Begun,
    job: Job,
    meter: Meter,
  ): ReadableStream<Uint8Array> {
    const { deadline } = job
    let missing = !mayBeEmpty
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
              missing = false
              meter.add(next.value)
              controller.enqueue(next.value)
              return
            }
            if (missing) throw emptyFile(job.place)
            deadline.release()
            meter.end()
            controller.close()
          } catch (error) {
            const failure = failed(error, job)
            meter.fail(failure)
            throw failure
          }
        },
        cancel() {
          deadline.end('given up')
          meter.fail(new DOMException('the download was cancelled', 'AbortError'))
        },
      },
      // Nothing is fetched before it is asked for.
      { highWaterMark: 0 },
    )
  }

  /** The declared size of a response that can be a document. */
  function checkHead(
    { status, headers }: HttpStream,
    { place, filetype, maxDownload }: Job,
  ): number | undefined {
    if (status !== 200) throw badStatus(place, status)
    const encodings = [headers['content-encoding'], headers['transfer-encoding']]
    if (!encodings.every((encoding) => /^(identity|chunked)?$/i.test(encoding ?? ''))) {
      throw refused(`${place} came encoded although it was asked for as it is`)
    }
    if (headers['content-length'] === undefined) return undefined
    const size = Number(headers['content-length'])
    if (size === 0 && !mayBeEmpty(filetype)) throw emptyFile(place)
    if (size > maxDownload) throw tooLong(place, maxDownload, size)
    return size
  }

  /** Ends the download, whatever it is about, and says why. */
  function failed(
    error: unknown,
    { deadline, place, signal, maxDownload, downloadTimeout }: Job,
  ): unknown {
    const ended = deadline.ended()
    deadline.end('given up')
    if (ended === 'aborted') return signal?.reason
    if (ended === 'expired') return tookTooLong(place, downloadTimeout)
    if (ended === 'idle') return unreachable(`${place} sent nothing for ${idleTimeout} ms`)
    if (!(error instanceof HttpFailure)) return error
    if (error.kind === 'too long') return tooLong(place, maxDownload, undefined)
    if (error.kind === 'not public') {
      return refused(
        `${place}: ${error.message}; name its origin in \`downloadOrigins\` if it is yours`,
      )
    }
    if (error.kind === 'surplus') return new DocsError('BAD_RESPONSE', `${place}: ${error.message}`)
    return notWhole(place, error)
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
      const { stream, measured } = await open(link, downloadOptions)
      await writeWhole(path, stream, downloadOptions.signal)
      return measured
    },
  }
}

/** One download. */
interface Job {
  place: string
  deadline: Deadline
  signal: AbortSignal | undefined
  filetype: string | undefined
  maxDownload: number
  downloadTimeout: number
}

/** A body whose first chunks have been read. */
interface Begun {
  first: Uint8Array[]
  chunks: AsyncIterator<Uint8Array>
  mayBeEmpty: boolean
}
