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

/**
 * Not played against the package yet: its verdicts over them belong to the rules by proofs. When those are
 * there, this list goes.
 */
const UNPROVEN: ReadonlySet<string> = new Set([
  'answered-3-then-saved',
  'final-save-of-the-session-before-comes-last',
  'final-save-of-the-session-before-dropped',
  'forcesave-after-refused-final-save',
  'forcesave-between-final-saves',
  'forcesaves-at-once',
  'info-while-final-save-converts',
  'reopened-after-final-save',
  'reopened-while-final-save-converts',
  'restart-while-converting',
  'restart-while-replying',
  'restart-with-unsaved-edits',
])

/** Those whose verdicts are written down in `wire-verdicts.ts`. */
export const provenRecordings = recordings.filter(({ name }) => !UNPROVEN.has(name))

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
