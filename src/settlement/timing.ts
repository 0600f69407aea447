/**
 * Every duration of `docs/settlement.md`, in ms, with the clause that needs it. A duration decides when
 * to ask and when to stop waiting. None of them makes a result certain.
 */

/** Pauses between two questions about the same key (8.2). */
export const QUESTION_PAUSES: readonly number[] = [200, 1_000, 2_000, 3_000, 4_000, 5_000]

/** Held as often in a row, the edits are not being saved (9.2): a final save takes less long. */
export const HELD_FOR_GOOD = 5

/** Infos without a usable answer in a row, after a request that had none either (8.5). */
export const GIVE_UP_AFTER = 2

/** A question without an answer by then was asked by a process that has died (8.3). */
export const QUESTION_PATIENCE = 20_000

/** Pauses before a forcesave is sent again after an answer 3 (8.5). */
export const RESEND_PAUSES: readonly number[] = [500, 1_000, 2_000]

/** How long the save of a forcesave that was answered 0 is waited for by other calls (7.2). */
export const LONGEST_SAVE = 30_000

/** The same after an answer 3 or none: the save was seen to come within 5 s (`docs-server.md`). */
export const LONGEST_UNLIKELY_SAVE = 15_000

/** A final save that is asked for again comes after 1, 2 and 4 s (12.3; `docs-server.md`). */
export const COMES_AGAIN_WITHIN = 15_000

/** A `lastsave` this far in the future is not a time (3.4). */
export const DAY = 86_400_000

/** A document that is not heard of for so long is no longer listed as open: over a long weekend. */
export const SESSION_KEPT = 7 * DAY

/** After so long without a word of an open document the Docs server is asked before it is listed. */
export const SESSION_SILENCE = 600_000

/** The close of the session before may come so long after somebody has come again. */
export const LATE_CLOSE = 60_000

/** The pause for the n-th time in a row, counted from 0. */
export const pauseOf = (pauses: readonly number[], times: number): number =>
  pauses[Math.min(times, pauses.length - 1)] ?? 0
