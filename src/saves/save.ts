/** The object that `onSave` gets. */
import type { Download, Downloader, DownloadLimits } from '../client/download.js'
import type { Measured } from '../client/meter.js'
import type { RunnableSave } from '../settlement/event.js'
import type { Order, Trigger } from '../settlement/state.js'
import {
  parseCallback,
  type Action,
  type SaveCallback,
  type SaveStatus,
} from '../protocol/callback.js'

/** One save to store. Everything in it comes from a verified callback. */
export interface Save {
  /** The save's name: the same when the Docs server sends the same save again. */
  readonly id: string
  /** Grows with each save handed over for this key: keep it to fence off an older writer. */
  readonly sequence: number
  /** 1 at first, one more at each retry. */
  readonly attempt: number
  /** The document key. */
  readonly key: string
  /** The application's own name for the file, from `docs.callbackUrl(ref)` or the option `refOf`. */
  readonly ref: string
  /** 2: the final save of a session, or a forgotten file; 6: a forced save while the session goes on. */
  readonly status: SaveStatus
  /** What made the Docs server save. */
  readonly trigger: Trigger
  /**
   * How it stands to what is stored of this key. `'newest'`: it is the newer one. `'unknown'`: nothing proves
   * which is newer (the Docs server's clock was set, say): keep it as a version beside the newest. `'older'`,
   * with the option `olderSaves` only: a stored file holds all of it.
   */
  readonly order: Order
  /** Whether the last editor has left. */
  readonly final: boolean
  /** The file's type, `docx` for example. Never use it as a path. */
  readonly filetype: string | undefined
  /** Ids of the users whose edits it holds. */
  readonly users: readonly string[]
  /** Who left (final save), or who pressed the save button. */
  readonly actions: readonly Action[]
  /** What the application gave to `forcesave`, when that caused this save. */
  readonly userdata: unknown
  /** The changes for the editor's history panel, as the Docs server sent them. */
  readonly history: unknown
  /** When the last edit in it was made; whole seconds, and two saves can have the same. */
  readonly lastSave: Date | undefined
  /** On a final save: nothing has changed since the last forced save that was acknowledged. */
  readonly notModified: boolean
  /** The link to the file; it dies 15 minutes after it was made: do not keep it for later. */
  readonly url: string
  /** The link to the changes, for {@link Save.downloadChanges}. */
  readonly changesUrl: string | undefined
  /** The link to the data of a submitted form, for {@link Save.downloadFormsData}. */
  readonly formsDataUrl: string | undefined
  /** The verified callback as it came, unknown fields included. */
  readonly body: Readonly<Record<string, unknown>>
  /**
   * Aborted when the application is shutting down and will not wait any longer, and when another process
   * takes this save over, since Redis was away for more than 10 s.
   */
  readonly signal: AbortSignal
  /**
   * The file as a stream of the web or of Node, with its `size` in bytes and its `type`; `measured` has size and
   * SHA-256 of what was read. Errors: `UNREACHABLE`, `BAD_RESPONSE`.
   */
  download(): Promise<Download>
  /**
   * Writes the file to `path`, all or nothing: a temporary file beside it, then a rename. When it
   * resolves, file and name are on disk; `size` is in bytes, `sha256` in hexadecimal. Errors: as `download()`, and the file system's own.
   * @example await save.downloadTo(`files/${save.ref}`)
   */
  downloadTo(path: string): Promise<Measured>
  /** The changes as a zip for the history panel. Errors: as `download()`; `BAD_RESPONSE` where there are none. */
  downloadChanges(): Promise<Download>
  /**
   * The data of a submitted form, as JSON. Errors: as `download()`; `BAD_RESPONSE` where there are none.
   * @example const fields = await new Response((await save.downloadFormsData()).stream).json()
   */
  downloadFormsData(): Promise<Download>
}

export interface SaveContext {
  key: string
  runnable: RunnableSave
  /** Of `callbackOf`. */
  callback: SaveCallback
  attempt: number
  downloader: Downloader
  signal: AbortSignal
}

/** The callback that has brought a save. */
export function callbackOf({ payload }: RunnableSave, prefix: string): SaveCallback {
  const callback = parseCallback(payload.body, prefix)
  if (callback?.kind !== 'save') throw new TypeError('the payload of a save is not a save callback')
  return callback
}

/** The limits that `recover()` was given for a forgotten file: it travels as a callback that we made. */
export function limitsIn({
  maxDownload,
  downloadTimeout,
}: Record<string, unknown>): DownloadLimits {
  return {
    ...(typeof maxDownload === 'number' && { maxDownload }),
    ...(typeof downloadTimeout === 'number' && { downloadTimeout }),
  }
}

export function createSave(context: SaveContext): Save {
  const { key, runnable, callback, attempt, downloader, signal } = context
  const { name, sequence, status, trigger, order, lastSave, payload } = runnable
  const { filetype } = callback
  // Any other body comes from outside, and its sender does not set our limits.
  const limits = trigger === 'forgotten' ? limitsIn(payload.body) : {}
  return {
    id: name,
    sequence,
    attempt,
    key,
    ref: payload.ref,
    status,
    trigger,
    order,
    final: status === 2,
    filetype,
    users: callback.users,
    actions: callback.actions,
    userdata: payload.userdata,
    history: callback.history,
    lastSave: lastSave === undefined ? undefined : new Date(lastSave),
    notModified: callback.notModified,
    url: callback.url ?? '',
    changesUrl: callback.changesUrl,
    formsDataUrl: callback.formsDataUrl,
    body: callback.body,
    signal,
    download: async () => downloader.open(callback.url, { signal, filetype, ...limits }),
    downloadTo: async (path) =>
      downloader.toFile(callback.url, path, { signal, filetype, ...limits }),
    downloadChanges: async () => downloader.open(callback.changesUrl, { signal, filetype: 'zip' }),
    downloadFormsData: async () =>
      downloader.open(callback.formsDataUrl, { signal, filetype: 'json' }),
  }
}
