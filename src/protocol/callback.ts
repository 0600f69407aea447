/**
 * The callbacks of the Docs server, as a union by status. Facts: `docs-server.md`, "Callbacks";
 * the recorded ones are in `test/wire/`.
 */
import { describe } from '../errors.js'
import { isKey, KEY_RULE } from './key.js'
import { userId, userIds } from './user-id.js'
import { unpackUserdata } from './userdata.js'

/** Who came or went (status 1, 2, 4), or who pressed the save button (status 6). */
export interface Action {
  /** 0: disconnected, 1: connected, 2: pressed the save button. */
  type: number
  /** The user's id, as in the editor's config; a number there is its text here. */
  userid: string
}

/** The statuses of callbacks with a file (`docs/docs-server.md`, "Callbacks"): 2 a final save, 6 a forced one. */
export type SaveStatus = 2 | 6
export type FailureStatus = 3 | 7
export type PresenceStatus = 1 | 4

interface Common {
  key: string
  /** The ids of the users who edit now (status 1) or whose edits the save holds. */
  users: string[]
  actions: Action[]
  /** Our id of the command that has caused it; undefined: none of ours has. */
  commandId: string | undefined
  /** What the application gave to that command; else as it came, which may be any JSON. */
  userdata: unknown
  /** The whole callback as it came, unknown fields included; its token is left out. */
  body: Readonly<Record<string, unknown>>
}

/** Somebody connected or disconnected (1), or the last editor left without changes (4). */
export interface PresenceCallback extends Common {
  kind: 'presence'
  status: PresenceStatus
}

interface SaveFields extends Common {
  /** `lastsave`, ms since the epoch: when the last edit in it was made, in whole seconds. */
  lastSave: number | undefined
  /** 0 command, 1 save button, 2 timer, 3 form; absent on a final save. */
  forcesaveType: number | undefined
  notModified: boolean
}

/** A forced save (6) or the final save (2). */
export interface SaveCallback extends SaveFields {
  kind: 'save'
  status: SaveStatus
  url: string | undefined
  changesUrl: string | undefined
  formsDataUrl: string | undefined
  filetype: string | undefined
  history: unknown
  /** `"encrypted": false` is on replays only, in the versions that were seen (`settlement.md` 10). */
  markedReplay: boolean
}

/** The conversion failed: of a forced save (7) or of the final save (3). */
export interface FailureCallback extends SaveFields {
  kind: 'failure'
  status: FailureStatus
}

/** A status this package gives no meaning to: 0, 5, 8 and what later versions may add. */
export interface OtherCallback extends Common {
  kind: 'other'
  status: number
}

export type Callback = PresenceCallback | SaveCallback | FailureCallback | OtherCallback

/** Recorded callbacks have 5 levels. */
const MAX_DEPTH = 1000

/**
 * Reads a verified callback body. Answers `undefined` when it is not a callback: not an object,
 * no legal key, no status that is a whole
 * number from 0 up, or nested too deeply to be written down again. A field of the wrong type counts as absent.
 *
 * @param prefix tells our userdata from that of others
 * @example parseCallback({ key: 'k1', status: 4 }, 'docs')
 */
export function parseCallback(value: unknown, prefix: string): Callback | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  if (isDeeperThan(value, MAX_DEPTH)) return undefined
  const own = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
  const text = (name: string): string | undefined => {
    const field = own(name)
    return typeof field === 'string' ? field : undefined
  }
  const key = own('key')
  const status = own('status')
  if (!isKey(key)) return undefined
  if (typeof status !== 'number' || !Number.isSafeInteger(status) || status < 0) return undefined

  const { token, ...body } = value as Record<string, unknown>
  const common: Common = {
    key,
    users: users(own('users')),
    actions: actions(own('actions')),
    ...unpackUserdata(prefix, own('userdata')),
    body,
  }
  const saveFields = {
    lastSave: time(own('lastsave')),
    forcesaveType: wholeNumber(own('forcesavetype')),
    notModified: own('notmodified') === true,
  }
  switch (status) {
    case 1:
    case 4:
      return { kind: 'presence', status, ...common }
    case 3:
    case 7:
      return { kind: 'failure', status, ...common, ...saveFields }
    case 2:
    case 6:
      return {
        kind: 'save',
        status,
        ...common,
        ...saveFields,
        url: text('url'),
        changesUrl: text('changesurl'),
        formsDataUrl: text('formsdataurl'),
        filetype: text('filetype'),
        history: own('history'),
        markedReplay: own('encrypted') === false,
      }
    default:
      return { kind: 'other', status, ...common }
  }
}

/** Why a body is no callback, of which `parseCallback` has answered `undefined`. */
export function noCallback(body: unknown): {
  code: 'key-form' | 'not-a-callback'
  reason: string
} {
  const fields = isObject(body) ? (body as { key?: unknown; status?: unknown }) : {}
  const has = (name: 'key' | 'status'): boolean =>
    Object.hasOwn(fields, name) && fields[name] !== null && fields[name] !== ''
  if (!has('key') || !has('status')) {
    return { code: 'not-a-callback', reason: 'not a callback: no key or no status' }
  }
  if (!isKey(fields.key)) {
    return { code: 'key-form', reason: `the key: got ${describe(fields.key)}; ${KEY_RULE}` }
  }
  const reason = 'not a callback: its status is no whole number, or it is nested too deeply'
  return { code: 'not-a-callback', reason }
}

/** Without recursion, which is what a deep value would exhaust. */
function isDeeperThan(value: object, limit: number): boolean {
  let level: object[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true
    level = level.flatMap((item) => Object.values(item).filter(isObject))
  }
  return false
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const users = (value: unknown): string[] => (Array.isArray(value) ? userIds(value) : [])

function actions(value: unknown): Action[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return []
    const { type, userid } = item as Record<string, unknown>
    const id = userId(userid)
    return typeof type === 'number' && id !== undefined ? [{ type, userid: id }] : []
  })
}

function wholeNumber(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined
}

function time(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

/** 0: disconnected, 1: connected. The callback of an `info` has none (`test/wire/basic-session.jsonl`). */
export function whoIn(actions: readonly Action[], type: 0 | 1): string[] {
  return actions.filter((action) => action.type === type).map(({ userid }) => userid)
}
