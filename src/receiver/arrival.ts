/** A callback as the ledger takes it. */
import type { PlainError } from '../errors.js'
import type { Arrival, Trigger } from '../ledger/state.js'
import type { FailureCallback, SaveCallback } from '../protocol/callback.js'
import { saveName } from '../protocol/save-name.js'
import { unpackUserdata } from '../protocol/userdata.js'

/** `forcesavetype` (`docs-server.md`, "Callbacks"). */
const TRIGGERS: Record<number, Trigger> = { 0: 'command', 1: 'button', 2: 'timer', 3: 'form' }

export function arrivalOf(
  callback: SaveCallback | FailureCallback,
  context: { ref: string; prefix: string; failure?: PlainError },
): Arrival {
  const { key, status, lastSave, users, body } = callback
  const { commandId, userdata } = unpackUserdata(context.prefix, callback.userdata)
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
    facts: { filetype: isSave ? callback.filetype : undefined, users },
    payload: { ref: context.ref, userdata, body },
    ...(context.failure === undefined ? {} : { failure: context.failure }),
  }
}
