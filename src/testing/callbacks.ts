/**
 * The bodies of callbacks, with the fields and in the order of the recordings. They are sent as
 * they stand when tokens are off; `tokens.ts` adds the tokens.
 */
import { filetypeOf, lastOf, wholeSeconds, type Snapshot } from './content.js'
import type { Files } from './files.js'

/** A callback's body, without its token. */
export type CallbackBody = Record<string, unknown>

/** `actions[].type` (docs-server.md "Callbacks"). */
export const ACTION = { left: 0, came: 1, saved: 2 } as const

/** `forcesavetype`: what asked for a forced save (docs-server.md "Callbacks"). */
export const FORCESAVE = { command: 0, button: 1, timer: 2, form: 3 } as const
export type ForcesaveType = (typeof FORCESAVE)[keyof typeof FORCESAVE]

export interface Action {
  type: number
  userid: string
}

/**
 * Status 1 while somebody edits, and, with no users, while the server holds edits that nobody has
 * acknowledged (`info-while-final-save-converts.jsonl`), else 4. A 4 has no `users`
 * (`closed-without-changes.jsonl`).
 */
export function presenceBody(
  key: string,
  users: readonly string[],
  more: { actions?: Action[]; userdata?: unknown; holdsEdits?: boolean },
): CallbackBody {
  return {
    key,
    ...(users.length > 0 || more.holdsEdits ? { status: 1, users } : { status: 4 }),
    ...(more.actions === undefined ? {} : { actions: more.actions }),
    ...returned(more.userdata),
  }
}

/** The users as some versions send them: ids of digits alone are numbers. */
export function withNumericIds<Body extends object>(body: Body): Body {
  const { users, actions } = body as { users?: unknown[]; actions?: Action[] }
  return {
    ...body,
    ...(users === undefined ? {} : { users: users.map(numeric) }),
    ...(actions === undefined
      ? {}
      : { actions: actions.map(({ type, userid }) => ({ type, userid: numeric(userid) })) }),
  }
}

function numeric(id: unknown): unknown {
  return String(Number(id)) === id && /^\d+$/.test(id) ? Number(id) : id
}

export interface ForcedDetails {
  /** Where the result is; undefined: the conversion failed. */
  folder: string | undefined
  type: ForcesaveType
  user: string | undefined
  userdata: unknown
  replay: boolean
}

/** Status 6, or 7 without a result (`conversion-fails.jsonl`). */
export function forcedBody(
  key: string,
  snapshot: Snapshot,
  details: ForcedDetails,
  files: Files,
): CallbackBody {
  const { folder, type, user } = details
  const last = lastOf(snapshot)
  return {
    key,
    status: folder === undefined ? 7 : 6,
    ...result(folder, snapshot, files),
    ...(folder === undefined || type !== FORCESAVE.form
      ? {}
      : { formsdataurl: files.link(folder, 'formsdata.json') }),
    // Not all editors, but the one who edited last (public API documentation, `users`).
    users: last === undefined ? [] : [last.user],
    ...(type === FORCESAVE.button && user !== undefined
      ? { actions: [{ type: ACTION.saved, userid: user }] }
      : {}),
    ...returned(details.userdata),
    ...(last === undefined ? {} : { lastsave: wholeSeconds(last.at) }),
    forcesavetype: type,
    // Only a replay says so (`replay-after-*.jsonl`).
    ...(details.replay ? { encrypted: false } : {}),
    ...(folder === undefined ? {} : { filetype: filetypeOf(snapshot) }),
  }
}

export interface FinalDetails {
  /** Where the result is; undefined: the conversion failed. */
  folder: string | undefined
  /** Whose leaving set it off. */
  user: string
  lastsave: string
  notmodified: boolean | null
}

/** Status 2, or 3 without a result (`conversion-fails.jsonl`). */
export function finalBody(
  key: string,
  snapshot: Snapshot,
  { folder, user, lastsave, notmodified }: FinalDetails,
  files: Files,
): CallbackBody {
  const last = lastOf(snapshot)
  return {
    key,
    status: folder === undefined ? 3 : 2,
    ...result(folder, snapshot, files),
    users: last === undefined ? [] : [last.user],
    actions: [{ type: ACTION.left, userid: user }],
    lastsave,
    notmodified,
    ...(folder === undefined ? {} : { filetype: filetypeOf(snapshot) }),
  }
}

function result(folder: string | undefined, snapshot: Snapshot, files: Files): CallbackBody {
  if (folder === undefined) return {}
  return {
    url: files.resultLink(folder, snapshot),
    changesurl: files.link(folder, 'changes.zip'),
    history: { serverVersion: '4.1.2', changes: snapshot.changes },
  }
}

/** userdata as it comes back: the empty string and null do not (`userdata-kinds.jsonl`). */
function returned(userdata: unknown): CallbackBody {
  return userdata === undefined || userdata === null || userdata === '' ? {} : { userdata }
}
