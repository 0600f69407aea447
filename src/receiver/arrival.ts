/** A callback as the ledger takes it. */
import type { PlainError } from '../errors.js'
import type { Arrival } from '../settlement/event.js'
import type { Trigger } from '../settlement/state.js'
import { whoIn, type FailureCallback, type SaveCallback } from '../protocol/callback.js'
import { saveName } from '../protocol/save-name.js'
import { sha256 } from '../protocol/sha256.js'
import { DAY } from '../settlement/timing.js'

/** `forcesavetype` (`docs-server.md`, "Callbacks"). */
const TRIGGERS: Record<number, Trigger> = { 0: 'command', 1: 'button', 2: 'timer', 3: 'form' }

/**
 * 3.4: with milliseconds it is the time of sending and not that of an edit; and one far in the future
 * would make every later save look old.
 */
function plausible(lastSave: number | undefined, now: number): number | undefined {
  const isEditTime = lastSave !== undefined && lastSave % 1000 === 0 && lastSave <= now + DAY
  return isEditTime ? lastSave : undefined
}

/** More changes than this are not compared: the record would grow with the session. */
const MAX_CHANGES = 100

/** A hash for each beginning of `history.changes` (3.1). */
function beginningsOf(history: unknown): string[] | undefined {
  const changes = (history as { changes?: unknown } | null | undefined)?.changes
  if (!Array.isArray(changes) || changes.length === 0 || changes.length > MAX_CHANGES)
    return undefined
  let before = ''
  return changes.map((change: unknown) => {
    before = sha256(`${before} ${JSON.stringify(change)}`).slice(0, 12)
    return before
  })
}

/** The link's query is signed anew each time (`docs-server.md`, "Callbacks"). */
function messageOf({ url, markedReplay }: SaveCallback): string {
  return sha256(`${url} ${markedReplay}`).slice(0, 16)
}

export function arrivalOf(
  callback: SaveCallback | FailureCallback,
  context: { ref: string; now: number; failure?: PlainError },
): Arrival {
  const { key, status, users, commandId, userdata, body } = callback
  const lastSave = plausible(callback.lastSave, context.now)
  const isSave = callback.kind === 'save'
  const final = status === 2 || status === 3
  const changes = isSave ? beginningsOf(callback.history) : undefined
  return {
    name: saveName({
      key,
      status,
      lastSave,
      // Two saves can be alike in all but the command that they were made for.
      mark: commandId,
      ...(isSave ? { url: callback.url, history: callback.history } : {}),
    }),
    status,
    trigger: final ? 'close' : (TRIGGERS[callback.forcesaveType ?? 0] ?? 'command'),
    ...(lastSave === undefined ? {} : { lastSave }),
    ...(commandId === undefined ? {} : { commandId }),
    markedReplay: isSave && callback.markedReplay,
    ...(isSave ? { message: messageOf(callback) } : {}),
    ...(final ? { left: whoIn(callback.actions, 0) } : {}),
    ...(changes === undefined ? {} : { changes }),
    ...(callback.notModified ? { notModified: true as const } : {}),
    facts: { filetype: isSave ? callback.filetype : undefined, users },
    payload: { ref: context.ref, userdata, body },
    ...(context.failure === undefined ? {} : { failure: context.failure }),
  }
}
