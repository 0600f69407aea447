/** The simulated Docs server without HTTP and without tokens, in this process, on any clock. */
import type { Clock } from '../clock.js'
import type { CommandResponse } from '../protocol/command.js'
import { Activity } from './activity.js'
import { FORCESAVE, withNumericIds, type CallbackBody } from './callbacks.js'
import { Dice, type Chances } from './chances.js'
import { runCommand } from './commands.js'
import type { Snapshot, TextFile } from './content.js'
import type { Connection, Context } from './context.js'
import { Converter, type Conversion } from './converter.js'
import { Document } from './document.js'
import { createEditor, type Editor, type OnEditor } from './editor.js'
import { Files, type Fetched } from './files.js'
import { Outage, type Pause } from './outage.js'
import type { Reply } from './reply.js'

/** A callback on its way. */
export interface Outgoing {
  /** Where it goes: the callback URL of an editor. */
  url: string
  /** What it says, without its token. */
  body: CallbackBody
  /**
   * When it was sent by the server's clock, in seconds since the epoch: the `iat` of its tokens. A callback
   * that is sent again has a new one.
   */
  iat: number
}

/** Takes a callback to the storage application; `undefined`, or a rejection, means no answer. */
export type Deliver = (callback: Outgoing) => Promise<Reply | undefined>

/** What a test can set about the simulated server itself. */
export interface SimulationOptions {
  /** Source of randomness for the digits in the links and for `chances` (`Math.random`). */
  random?: () => number
  /** What happens on some occasions only; may be changed later through `chances`. */
  chances?: Partial<Chances>
  /** How conversions go; may be changed later through `conversion`. */
  conversion?: Partial<Conversion>
  /** Milliseconds between the last editor's leaving and the final save's conversion (10). */
  saveDelay?: number
  /** The same when that editor's connection was lost, in milliseconds (500). */
  lostDelay?: number
  /**
   * Milliseconds after an acknowledged final save for which who opens the document can only view it
   * (300,000). 0: it can be edited again at once.
   */
  viewOnlyFor?: number
  /** Send ids of users that are all digits as numbers, as some versions do (false). */
  numericIds?: boolean
}

/** What `createCore()` takes. */
export interface CoreOptions extends SimulationOptions {
  /** Time: a {@link VirtualClock}, mostly. */
  clock: Clock
  /** Takes the callbacks. */
  deliver: Deliver
  /** Scheme, host and port of the links (`http://127.0.0.1:8000`). */
  origin?: string
  /** Sees what editors do, before it has consequences. */
  onEditor?: OnEditor
}

/** Who opens a document. */
export interface OpenOptions {
  /** The user's id, as in the editor's config. */
  user: string
  /** The user's name in `history` (the same as `user`). */
  name?: string
  /** Where the callbacks about this user go. */
  callbackUrl: string
  /** The text that the document is opened from; what is saved is then that text, as edited. */
  file?: TextFile
}

/** What can be done with the simulated server, over HTTP and without. */
export interface Simulation {
  /** How conversions go: `delay` in ms, `fails`, `workers`. May be changed at any time. */
  readonly conversion: Conversion
  /** What happens on some occasions only, as probabilities. May be changed at any time. */
  readonly chances: Chances
  /** Keys whose forced saves end in silence, as those of encrypted documents do. */
  readonly encrypted: Set<string>
  /** While true, a forcesave is answered 0 and nothing comes of it. */
  shuttingDown: boolean
  /** The keys of the forgotten files: final saves that nobody took. */
  readonly forgotten: readonly string[]
  /** Opens a document in an editor. */
  open(key: string, options: OpenOptions): Promise<Editor>
  /** The server's autosave timer: a forced save with `forcesavetype` 2, if there is news. */
  timerSave(key: string): void
  /** The bytes at a link's path or URL, without looking at its signature. */
  file(pathOrUrl: string): Uint8Array | undefined
  /** How many edits the server has received for this key, ever. */
  edits(key: string): number
  /**
   * Restarts the server. Editors lose their connection, commands under way their response, and the server
   * forgets that something is to be saved: a final save follows when somebody has opened the document and
   * left. What was converting, or waited for a reply, is sent by the restarted server. No edit is lost.
   */
  restart(pause?: Pause): void
  /** Forgets that a closed document was ever open, as the server's cache does after a day. */
  expire(key: string): void
  /** Resolves when no callback, conversion, delay or retry is under way, for the key or for any. */
  idle(key?: string): Promise<void>
}

const AWAY = 'the simulated Docs server restarts and does not answer'

/** The simulated server without HTTP: {@link createCore}. */
export interface Core extends Simulation {
  /** Where links point to. */
  origin: string
  /** It restarts and answers nothing: commands and `open` reject, over HTTP connections are destroyed. */
  readonly away: boolean
  /** A command's body (without token) in, its response out. */
  command(body: unknown): Promise<CommandResponse>
  /** What a GET of a link is answered. */
  fetch(pathAndQuery: string): Fetched
}

/**
 * A Docs server of which nothing but the behaviour is there.
 *
 * @example
 * const clock = virtualClock()
 * const core = createCore({ clock, deliver: async ({ body }) => ({ status: 200, body: { error: 0 } }) })
 * const editor = await core.open('key1', { user: 'u1', callbackUrl: 'http://app/callback' })
 * editor.type('hello')
 * await core.command({ c: 'forcesave', key: 'key1', userdata: 'mine' }) // { key: 'key1', error: 0 }
 * await clock.advance(1000) // the status 6 has been delivered
 */
export function createCore(options: CoreOptions): Core {
  const { clock, deliver, random = Math.random, onEditor = () => {} } = options
  const activity = new Activity()
  const converter = new Converter(clock, options.conversion ?? {})
  const files = new Files(clock, random, options.origin ?? 'http://127.0.0.1:8000')
  const documents = new Map<string, Document>()
  const forgotten = new Map<string, Snapshot>()
  const expired = new Set<string>()
  const outage = new Outage(clock)
  const dice = new Dice(random, options.chances ?? {})
  const asSent = options.numericIds ? withNumericIds : <Body>(body: Body): Body => body
  let restarts = 0

  const send = async (key: string, url: string, body: CallbackBody): Promise<Reply | undefined> => {
    const over = activity.begin(key)
    try {
      return await deliver({ url, body: asSent(body), iat: Math.floor(clock.now() / 1000) })
    } catch {
      return undefined
    } finally {
      over()
    }
  }
  const context: Context = {
    clock,
    converter,
    files,
    activity,
    dice,
    outage,
    saveDelay: options.saveDelay ?? 10,
    lostDelay: options.lostDelay ?? 500,
    viewOnlyFor: options.viewOnlyFor ?? 5 * 60_000,
    send,
    forget(key, snapshot) {
      forgotten.set(key, snapshot)
      files.storeForgotten(key, snapshot)
      // The commands do not know it any more (`forcesave-after-refused-final-save`).
      if (!documents.get(key)?.hasEditors) expired.add(key)
    },
    isSilent: (key) => core.shuttingDown || core.encrypted.has(key),
  }
  const target = {
    document: (key: string) => (expired.has(key) ? undefined : documents.get(key)),
    get forgotten() {
      return [...forgotten.keys()]
    },
    forgottenLink: (key: string) => (forgotten.has(key) ? files.forgottenLink(key) : undefined),
    deleteForgotten(key: string) {
      files.deleteForgotten(key)
      return forgotten.delete(key)
    },
  }

  const core: Core = {
    conversion: converter.settings,
    chances: dice.chances,
    encrypted: new Set(),
    shuttingDown: false,
    get forgotten() {
      return target.forgotten
    },
    get origin() {
      return files.origin
    },
    set origin(origin) {
      files.origin = origin
    },
    get away() {
      return outage.away
    },
    async command(body) {
      const before = restarts
      if (outage.away) throw new Error(AWAY)
      const response = await runCommand(target, body)
      if (restarts > before) throw new Error(AWAY)
      return asSent(response)
    },
    fetch: (pathAndQuery) => files.fetch(pathAndQuery),
    file: (pathOrUrl) => files.bytes(pathOrUrl),
    open(key, { user, name = user, callbackUrl, file }) {
      if (outage.away) return Promise.reject(new Error(AWAY))
      const connection: Connection = { user, name, callbackUrl, warnings: 0, viewOnly: false }
      const document = documents.get(key) ?? new Document(key, context, connection)
      documents.set(key, document)
      if (file !== undefined) document.loadFile(file)
      expired.delete(key)
      return Promise.resolve(createEditor(key, document, connection, onEditor))
    },
    timerSave(key) {
      void documents.get(key)?.forcesave({ type: FORCESAVE.timer })
    },
    edits: (key) => documents.get(key)?.received ?? 0,
    restart(pause = {}) {
      core.shuttingDown = false
      restarts++
      outage.begin(pause)
      for (const document of documents.values()) document.restart()
    },
    expire(key) {
      // Should it be opened again, its content is still there and its edit numbers go on.
      const document = documents.get(key)
      if (!document?.isClosed) return
      document.expire()
      expired.add(key)
    },
    idle: (key) => activity.idle(key),
  }
  return core
}
