/**
 * Rule 17, one key, one file: the `ref` of a key's first callback. A save that comes to the callback
 * URL of another file is never stored there.
 */
import { DocsError, toPlainError } from '../errors.js'
import { hasOpen } from './digest.js'
import type { Arrival, LedgerEvent } from './event.js'
import { standingFailures } from './failure.js'
import type { DocumentState } from './state.js'

type Presence = Extract<LedgerEvent, { type: 'presence' }>

/** Why a callback was turned away; for the application's developer. */
export const MISDIRECTED =
  'it came to the callback URL of another ref than the one of the key: give every editor of a key the same callbackUrl, also after the file was renamed'

/** Whether a save came for another file. A forgotten file does not come to a URL. */
export const isMisdirected = (state: DocumentState, { trigger, payload }: Arrival): boolean =>
  trigger !== 'forgotten' && state.ref !== undefined && state.ref !== payload.ref

/** The save as one that cannot be stored. */
export function refused(save: Arrival): Arrival {
  const error = new DocsError('STORAGE_FAILED', `a save is not stored: ${MISDIRECTED}`, {
    retryable: false,
  })
  return { ...save, failure: save.failure ?? toPlainError(error) }
}

/**
 * The ref once somebody has come or left. A new session may be one of another file (it was renamed
 * while nobody edited), as soon as nothing of the last session is left to be stored.
 */
export function refAfter(state: DocumentState, { ref, joined }: Presence): string | undefined {
  if (state.ref === undefined || ref === undefined) return state.ref ?? ref
  const isOver =
    state.users?.length === 0 && !hasOpen(state.saves) && standingFailures(state).length === 0
  return isOver && joined.length > 0 ? ref : state.ref
}

/** Somebody has come with another ref: what they save may come to that URL, and be refused. */
export const cameElsewhere = (state: DocumentState, event: LedgerEvent): string | undefined =>
  event.type === 'presence' && event.joined.length > 0 && refAfter(state, event) !== event.ref
    ? event.ref
    : undefined
