/** The recorded conversations of `test/wire/`, and those that the inspector has made, read and explained. */
import { readdirSync, readFileSync } from 'node:fs'
import type { DocsOptions } from '../../src/options.js'

export interface CommandBody {
  c: string
  key?: string
  userdata?: unknown
  [field: string]: unknown
}

export interface CallbackBody {
  key: string
  status: number
  userdata?: unknown
  url?: string
  [field: string]: unknown
}

/** What a storage application answered; `undefined` where its connection was destroyed. */
export type Reply = { status: number; body: unknown } | undefined

/** One line of a recording; `t` in ms since its start. Tokens are taken out. */
export type Entry = { t: number } & (
  | {
      type: 'editor'
      action: 'open' | 'edit' | 'edit-refused' | 'close'
      user: string
      key?: string
    }
  | { type: 'converter'; failing?: boolean; seconds?: number }
  /** It was killed, and started again. */
  | { type: 'server' | 'docs-server'; action: string }
  /** `by`: no call of the application has sent it, but the package by itself. */
  | { type: 'command'; id: number; path: string; by?: 'package'; body: CommandBody }
  /** `undefined`: no answer came. */
  | { type: 'response'; id: number; body: { error: number } | undefined }
  | { type: 'callback'; id: number; body: CallbackBody }
  | { type: 'reply'; id: number; reply: Reply }
)

export interface Recording {
  /** Its file's name without `.jsonl`. */
  name: string
  /** What it shows. */
  note: string
  jwt: boolean
  /** ms since the epoch. */
  startedAt: number
  /** Of the application that was recorded, where they are known. */
  options: Partial<DocsOptions>
  entries: Entry[]
}

export type CallbackEntry = Extract<Entry, { type: 'callback' }>

const FOLDER = new URL('../wire/', import.meta.url)

export const recordings: readonly Recording[] = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.jsonl'))
  .map((file) => file.slice(0, -'.jsonl'.length))
  .sort()
  .map((name) => recordingIn(name, readFileSync(new URL(`${name}.jsonl`, FOLDER), 'utf8')))

/** Reads the lines of a file. */
export function recordingIn(name: string, text: string): Recording {
  const [head = '', ...lines] = text.trim().split('\n')
  const { note, jwt, startedAt, options = {} } = JSON.parse(head) as Head
  const entries = lines.map(entryOf)
  return { name, note, jwt, startedAt: Date.parse(startedAt), options, entries }
}

interface Head {
  note: string
  startedAt: string
  jwt: boolean
  options?: Partial<DocsOptions>
}

function entryOf(line: string): Entry {
  const entry = JSON.parse(line) as Entry & {
    status: number
    connection?: 'destroyed'
    body?: Record<string, unknown>
  }
  if (entry.type === 'reply') {
    const { t, type, id, status, body, connection } = entry
    return { t, type, id, reply: connection === 'destroyed' ? undefined : { status, body } }
  }
  if (entry.type === 'response') {
    const { t, type, id, body, connection } = entry
    return { t, type, id, body: connection === 'destroyed' ? undefined : body }
  }
  delete entry.body?.['token']
  return entry
}

/** The digits that name a conversion in its link's path (`docs-server.md`, "Callbacks"). */
export function conversionOf(link: string): string {
  return /_(\d+)\/\w+\.\w+\//.exec(new URL(link).pathname)?.[1] ?? 'none'
}

/**
 * How many of the recorded edits each conversion holds: a forced save those made before the command
 * whose userdata it has, a final save all that were made before the user left whom it names: an older one
 * can come last.
 */
export function editsHeld(recording: Recording): Map<string, number> {
  const held = new Map<string, number>()
  const asked = new Map<string, number>()
  const left = new Map<string, number>()
  let edits = 0
  for (const entry of recording.entries) {
    if (entry.type === 'editor' && entry.action === 'edit') edits += 1
    if (entry.type === 'editor' && entry.action === 'close') left.set(entry.user, edits)
    if (entry.type === 'command') asked.set(userdataOf(entry.body), edits)
    if (entry.type !== 'callback' || entry.body.url === undefined) continue
    const conversion = conversionOf(entry.body.url)
    const [leaver] = (entry.body.actions ?? []) as { userid: string }[]
    const upTo =
      entry.body.status === 2 ? left.get(leaver?.userid ?? '') : asked.get(userdataOf(entry.body))
    held.set(conversion, held.get(conversion) ?? upTo ?? 0)
  }
  return held
}

/** An empty text and null do not come back at all (`docs-server.md`, "Commands"): one name for both. */
export function userdataOf({ userdata }: { userdata?: unknown }): string {
  return JSON.stringify(userdata === '' ? null : (userdata ?? null))
}

/**
 * What the Docs server holds of a key when nobody edits, at a time of the recording (`docs-server.md`,
 * "Seen since"): edits that nobody has acknowledged, a file that nobody took, or nothing.
 */
export function heldBy(
  recording: Recording,
  now: number,
  key: string,
  /** Ours, by the callback's number. */
  replies: ReadonlyMap<number, Reply>,
): 'unknown' | 'forgotten' | 'held' | 'acknowledged' {
  const counts = editsHeld(recording)
  let edits = 0
  let acknowledged = 0
  let attempts = 0
  let known = false
  let isForgotten = false
  for (const entry of recording.entries) {
    if (entry.t > now) break
    if (entry.type === 'editor' && (entry.key ?? key) === key) known = true
    if (entry.type === 'editor' && entry.action === 'edit') edits += 1
  }
  for (const entry of recording.entries) {
    if (entry.t > now || entry.type !== 'callback' || entry.body.key !== key) continue
    const { url, status } = entry.body
    const reply = replies.get(entry.id)
    const isTaken = reply?.status === 200 && (reply.body as { error: number }).error === 0
    if (isTaken && status === 3) acknowledged = edits
    if (isTaken && url !== undefined) {
      acknowledged = Math.max(acknowledged, counts.get(conversionOf(url)) ?? 0)
    }
    if (status !== 2 || !replies.has(entry.id)) continue
    attempts += 1
    const isFinal = reply !== undefined && reply.status < 500 && reply.status !== 429
    isForgotten = !isTaken && (isFinal || attempts === 4)
  }
  if (!known) return 'unknown'
  if (isForgotten) return 'forgotten'
  return edits > acknowledged ? 'held' : 'acknowledged'
}

/** The link of the key's forgotten file, where the recording has one. */
export function forgottenLink({ entries }: Recording, key: string): string | undefined {
  for (const entry of entries) {
    if (entry.type !== 'response') continue
    const { key: of, url } = (entry.body ?? {}) as { key?: unknown; url?: unknown }
    if (of === key && typeof url === 'string') return url
  }
  return undefined
}
