/** A callback as the ledger takes it. */
import { createHash } from 'node:crypto'
import type { PlainError } from '../errors.js'
import type { Arrival } from '../ledger/event.js'
import type { Trigger } from '../ledger/state.js'
import { whoIn, type FailureCallback, type SaveCallback } from '../protocol/callback.js'
import { saveName } from '../protocol/save-name.js'

/** `forcesavetype` (`docs-server.md`, "Callbacks"). */
const TRIGGERS: Record<number, Trigger> = { 0: 'command', 1: 'button', 2: 'timer', 3: 'form' }

const DAY = 86_400_000

/**
 * A `lastsave` far in the future would make every later save look old, so it counts as absent and
 * the order falls back to arrival (`settlement.md` 3).
 */
function plausible(lastSave: number | undefined, now: number): number | undefined {
  return lastSave === undefined || lastSave > now + DAY ? undefined : lastSave
}

/** The link's query is signed anew each time (`docs-server.md`, "Callbacks"). */
function messageOf({ url, markedReplay }: SaveCallback): string {
  return createHash('sha256').update(`${url} ${markedReplay}`).digest('base64url').slice(0, 16)
}

export function arrivalOf(
  callback: SaveCallback | FailureCallback,
  context: { ref: string; now: number; failure?: PlainError },
): Arrival {
  const { key, status, users, commandId, userdata, body } = callback
  const lastSave = plausible(callback.lastSave, context.now)
  const isSave = callback.kind === 'save'
  const final = status === 2 || status === 3
  return {
    name: saveName({
      key,
      status,
      lastSave,
      // A failure has no `url` that would tell two of them apart.
      ...(isSave ? { url: callback.url, history: callback.history } : { mark: commandId }),
    }),
    status,
    trigger: final ? 'close' : (TRIGGERS[callback.forcesaveType ?? 0] ?? 'command'),
    ...(lastSave === undefined ? {} : { lastSave }),
    ...(commandId === undefined ? {} : { commandId }),
    markedReplay: isSave && callback.markedReplay,
    ...(isSave ? { message: messageOf(callback) } : {}),
    ...(final ? { left: whoIn(callback.actions, 0) } : {}),
    facts: { filetype: isSave ? callback.filetype : undefined, users },
    payload: { ref: context.ref, userdata, body },
    ...(context.failure === undefined ? {} : { failure: context.failure }),
  }
}
