/**
 * Plays a recorded conversation against a storage application: the calls are made where the
 * recording has a command, and everything that the Docs server sent comes at its recorded time and
 * in its recorded order. Time is virtual, so grace periods and deadlines cost nothing.
 *
 * What differs from the recording, on purpose: tokens are made afresh (the recordings elide them),
 * userdata is what the application's own command has sent, and links lead to the player, which
 * serves a text that names the conversion and the number of edits in it.
 */
import type { Clock } from '../../src/clock.js'
import { virtualClock } from '../../src/testing/index.js'
import { startDocsSide, type HeldCommand } from './docs-side.js'
import {
  conversionOf,
  editsHeld,
  forgottenLink,
  heldBy,
  userdataOf,
  type CallbackBody,
  type CallbackEntry,
  type CommandBody,
  type Entry,
  type Recording,
  type Reply,
} from './recording.js'

export const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret'
const WRONG_SECRET = 'another-another-another-another-secret'

/** What became of a save in the application's storage, as the recorded reply wants it. */
export type StorageEnd = 'stored' | 'failed' | 'refused'

/** What the application under test is given. */
export interface Stage {
  /** Where the Docs server is. */
  server: string
  secret: string | null
  clock: Clock
  /** Puts the file of a link into storage. The application fails as it says. */
  store: (link: string) => { end: StorageEnd; conversion: string }
  /** Resolves when the recorded application was done with the save of this link. */
  storing: (link: string) => Promise<void>
  /** Whether the reply to the callback under way is to be lost. */
  losesReply: () => boolean
}

export interface Application {
  /** Where its callbacks go. */
  callbackUrl: string
  /** Makes the call that sends this command; undefined where it has none. */
  call: (body: CommandBody) => Promise<unknown> | undefined
  /** Resolves when it has dealt with every response; `held`: how many are still held back. */
  quiet: (held: () => number) => Promise<void>
  close: () => Promise<void>
}

/** How a call ended: its value or error, when, and how many edits were in storage by then. */
export type End = { at: number; storedEdits: number } & (
  { ok: true; value: unknown } | { ok: false; error: unknown }
)

export interface PlayedCommand {
  /** Its number in the recording. */
  id: number
  recorded: CommandBody
  sent: { path: string; body: CommandBody }
  /** `error` of the recorded response; undefined: none came. */
  answer: number | undefined
  /** ms since the epoch. */
  at: number
  /** How many edits the Docs server had received before it. */
  edits: number
  /** Undefined: it never ended. */
  end: End | undefined
}

export interface PlayedCallback {
  id: number
  body: CallbackBody
  at: number
  recorded: Reply
  reply: Reply
}

export interface Played {
  commands: PlayedCommand[]
  callbacks: PlayedCallback[]
  /** What came to storage, in order. */
  storage: { conversion: string; end: StorageEnd }[]
  /** Recorded commands that the application has no call for. */
  leftOut: number[]
  /** Commands that the recording does not have: an `info` or `getForgotten` of the application's own. */
  unasked: CommandBody[]
  /** Timers left behind after `close()`. */
  timersLeft: number
}

/** How long a save that waits for another one is let be before what came after it, real ms. */
const HEARD = 100
/** How a zip begins, and so a docx. */
const ZIP = 'PK\x03\x04\n'
/** Against hangs, real ms. */
const UNANSWERED = 10_000
/** How far from the recorded one the package may send a command of its own, ms. */
const SOON = 5_000

type CommandEntry = Extract<Entry, { type: 'command' }> & { t: number }

/** A callback that is not answered yet. */
interface UnderWay {
  callback: PlayedCallback
  reply: Promise<Reply>
  /** The recorded application was done with it. */
  over: Promise<void>
  end: () => void
  /** Its save is being stored. */
  arrived: Promise<void>
  heard: () => void
}

/** How long calls may go on after the last line, in ms: more than any deadline. */
const PATIENCE = 120_000

export async function play(
  recording: Recording,
  start: (stage: Stage) => Promise<Application>,
): Promise<Played> {
  const { entries, startedAt } = recording
  const clock = virtualClock(startedAt)
  const counts = editsHeld(recording)
  const secret = recording.jwt ? SECRET : null
  const side = await startDocsSide({ clock, secret, unasked: answerUnasked, file: fileOf })
  const commands: PlayedCommand[] = []
  const callbacks: PlayedCallback[] = []
  const replies = new Map<number, Reply>()
  const storage: Played['storage'] = []
  const leftOut: number[] = []
  const unasked: CommandBody[] = []
  /** `<key> <user>`; those of a recording of one document have no key. */
  const editors = new Set<string>()
  /** The recorded commands of the package's own that one of now stands for. */
  const taken = new Set<number>()
  /** The commands whose recorded response has passed. */
  const over = new Set<number>()
  const waiting = new Map<number, HeldCommand>()
  const userdata = new Map<string, unknown>()
  const held = (): number => waiting.size
  let edits = 0
  let storedEdits = 0
  const underWay = new Map<number, UnderWay>()

  const application = await start({
    server: side.url,
    secret,
    clock,
    store(link) {
      const conversion = conversionOf(link)
      const end = storageEnd(bringing(link)?.callback.recorded)
      storage.push({ conversion, end })
      // A forgotten file holds all that was typed before it was given up.
      const held = conversion === 'none' ? edits : (counts.get(conversion) ?? 0)
      if (end === 'stored') storedEdits = Math.max(storedEdits, held)
      return { end, conversion }
    },
    async storing(link) {
      const brought = bringing(link)
      brought?.heard()
      await brought?.over
    },
    losesReply: () =>
      [...underWay.values()].some(({ callback }) => callback.recorded === undefined),
  })

  /** The callback under way that has brought this link last: a save can come twice at once. */
  function bringing(link: string): UnderWay | undefined {
    return broughtBy(new URL(link).pathname).at(-1)
  }

  function broughtBy(path: string): UnderWay[] {
    return [...underWay.values()].filter(
      ({ callback: { body } }) => body.url !== undefined && new URL(body.url).pathname === path,
    )
  }

  function fileOf(link: string): string | undefined {
    const conversion = conversionOf(link)
    const count = counts.get(conversion)
    if (conversion === 'none') return `${ZIP}forgotten file with ${edits} edits`
    return count === undefined ? undefined : `${ZIP}conversion ${conversion} with ${count} edits`
  }

  /** The application may ask what the recorded one did not: who edits now, or for a forgotten file. */
  async function answerUnasked(body: CommandBody): Promise<object | undefined> {
    const { c, key = '', userdata: sent } = body
    unasked.push(body)
    const own = recordedOwn(body)
    if (own !== undefined) {
      taken.add(own.id)
      if ('userdata' in own.body) userdata.set(userdataOf(own.body), sent)
      return new Promise((respond) => waiting.set(own.id, { path: '', body, respond }))
    }
    const held = heldBy(recording, clock.now() - startedAt, key, replies)
    if (c === 'getForgotten') {
      const url = held === 'forgotten' ? forgottenLink(recording, key) : undefined
      return url === undefined ? { key, error: 1 } : withOwnLinks({ key, error: 0, url }, side.url)
    }
    if (c === 'deleteForgotten') return { key, error: 0 }
    if (c === 'forcesave') return { key, error: held === 'unknown' || held === 'forgotten' ? 1 : 4 }
    if (c !== 'info') return undefined
    if (held === 'unknown' || held === 'forgotten') return { key, error: 1 }
    const users = [...editors].flatMap((editor) => {
      const [of, user = ''] = editor.split(' ')
      return of === '' || of === key ? [user] : []
    })
    const presence = users.length > 0 || held === 'held' ? { status: 1, users } : { status: 4 }
    await side.post(application.callbackUrl, { key, ...presence, userdata: sent }, secret)
    return { key, error: 0, users }
  }

  /** The command that the recorded package has sent by itself at about this time. */
  function recordedOwn({ c, key }: CommandBody): CommandEntry | undefined {
    const t = clock.now() - startedAt
    return entries.find(
      (entry): entry is CommandEntry =>
        entry.type === 'command' &&
        entry.by === 'package' &&
        !taken.has(entry.id) &&
        entry.body.c === c &&
        entry.body.key === key &&
        !over.has(entry.id) &&
        Math.abs(entry.t - t) < SOON,
    )
  }

  async function command(id: number, body: CommandBody): Promise<void> {
    const arrival = side.next(body)
    const call = application.call(body)
    if (call === undefined) {
      leftOut.push(id)
      return
    }
    const request = await Promise.race([arrival, call.then(() => undefined)])
    if (request === undefined) throw new Error(`command ${id} was not sent`)
    const { path, body: sent } = request
    const played: PlayedCommand = {
      id,
      recorded: body,
      sent: { path, body: sent },
      answer: recordedAnswer(recording, id),
      at: clock.now(),
      edits,
      end: undefined,
    }
    waiting.set(id, request)
    commands.push(played)
    if ('userdata' in body) userdata.set(userdataOf(body), sent.userdata)
    void call.then(
      (value) => (played.end = { ok: true, value, at: clock.now(), storedEdits }),
      (error: unknown) => (played.end = { ok: false, error, at: clock.now(), storedEdits }),
    )
  }

  function callback(entry: CallbackEntry): UnderWay {
    const recorded = recordedReply(recording, entry.id)
    const played = { id: entry.id, body: entry.body, at: clock.now(), recorded, reply: undefined }
    // The only 403 of ours is for a bad token.
    const key = secret === null || recorded?.status !== 403 ? secret : WRONG_SECRET
    let end = (): void => {}
    const over = new Promise<void>((resolve) => (end = resolve))
    let heard = (): void => {}
    const arrived = new Promise<void>((resolve) => (heard = resolve))
    const reply = side.post(application.callbackUrl, asOurs(entry), key)
    const brought = { callback: played, reply, over, end, heard, arrived }
    underWay.set(entry.id, brought)
    return brought
  }

  /**
   * With the userdata that our command bore. A recorded command whose userdata was empty or null got
   * none back, and is known by `forcesavetype` 0; ours is never empty, so it comes back.
   */
  function asOurs({ body }: CallbackEntry): CallbackBody {
    const ofCommand = 'userdata' in body || body['forcesavetype'] === 0
    const linked = withOwnLinks(body, side.url)
    return ofCommand ? { ...linked, userdata: userdata.get(userdataOf(body)) } : linked
  }

  try {
    for (const [index, entry] of entries.entries()) {
      await application.quiet(held)
      await clock.advance(startedAt + entry.t - clock.now())
      await application.quiet(held)
      if (entry.type === 'editor') {
        const editor = `${entry.key ?? ''} ${entry.user}`
        if (entry.action === 'open') editors.add(editor)
        else if (entry.action === 'close') editors.delete(editor)
        else if (entry.action === 'edit') edits += 1
      }
      if (entry.type === 'command' && entry.by !== 'package') await command(entry.id, entry.body)
      if (entry.type === 'callback') {
        const { reply, arrived } = callback(entry)
        // What comes next is to find it there.
        const next = entries[index + 1]
        if (next?.type !== 'reply' || next.id !== entry.id) {
          await Promise.race([reply, arrived, patience(HEARD)])
        }
      }
      if (entry.type === 'response') {
        const { body } = entry
        over.add(entry.id)
        waiting.get(entry.id)?.respond(body && withOwnLinks(body, side.url))
        waiting.delete(entry.id)
      }
      if (entry.type === 'reply') {
        const brought = underWay.get(entry.id)
        if (brought === undefined) continue
        brought.end()
        const { url } = brought.callback.body
        if (url !== undefined) for (const { end } of broughtBy(new URL(url).pathname)) end()
        const reply = await Promise.race([brought.reply, patience(UNANSWERED)])
        if (reply === 'late') throw new Error(`callback ${entry.id} was not answered`)
        callbacks.push({ ...brought.callback, reply })
        replies.set(entry.id, reply)
        underWay.delete(entry.id)
      }
    }
    const open = (): boolean => commands.some(({ end }) => end === undefined)
    for (let waited = 0; waited < PATIENCE && open(); waited += 1000) {
      await application.quiet(held)
      await clock.advance(1000)
    }
  } finally {
    for (const { end } of underWay.values()) end()
    await application.close()
    await side.close()
  }
  return {
    ...{ commands, callbacks, storage, leftOut },
    ...{ unasked, timersLeft: clock.pending },
  }
}

function storageEnd(recorded: Reply): StorageEnd {
  if (recorded === undefined) return 'stored'
  if (recorded.status !== 200) return 'failed'
  return (recorded.body as { error: number }).error === 0 ? 'stored' : 'refused'
}

function withOwnLinks<Body extends object>(body: Body, url: string): Body {
  const json = JSON.stringify(body, (_name, value: unknown) =>
    typeof value === 'string' ? value.replace(/^http:\/\/127\.0\.0\.1:8000\//, `${url}/`) : value,
  )
  return JSON.parse(json) as Body
}

function recordedReply({ entries }: Recording, id: number): Reply {
  for (const entry of entries) if (entry.type === 'reply' && entry.id === id) return entry.reply
  throw new Error(`callback ${id} has no reply in the recording`)
}

const patience = (ms: number): Promise<'late'> =>
  new Promise((resolve) => setTimeout(() => resolve('late'), ms).unref())

function recordedAnswer({ entries }: Recording, id: number): number | undefined {
  for (const entry of entries) {
    if (entry.type === 'response' && entry.id === id) return entry.body?.error
  }
  throw new Error(`command ${id} has no response in the recording`)
}
