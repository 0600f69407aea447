/**
 * What storage gets in each recorded conversation and where our replies differ from those of the
 * recorded storage applications (`settlement.md`, "Replies to the Docs server").
 */
import type { StorageEnd } from './player.js'
import type { Reply } from './recording.js'

/** What storage gets, in order: the conversion and what became of it, as the recording has it. */
export const expectedStorage: Readonly<Record<string, readonly `${string} ${StorageEnd}`[]>> = {
  'answered-3-then-saved': ['6339 stored'],
  'basic-session': ['2394 stored', '3761 stored'],
  'basic-session-without-jwt': ['1867 stored', '9694 stored'],
  'closed-without-changes': [],
  // A status 3 or 7 has no file.
  'conversion-fails': [],
  'failed-final-save-acknowledged': [],
  'failed-final-save-refused': ['238 stored', '1618 stored'],
  // A bad token: nothing of the callback is believed.
  'final-save-answered-403': [],
  'final-save-answered-503': ['1101 failed', '1101 stored'],
  'final-save-forgotten-after-500s': ['954 failed', '954 failed', '954 failed', '954 failed'],
  'final-save-forgotten-after-error-reply': ['2251 refused'],
  // The older one, 8609, is contained in what is stored by then.
  'final-save-of-the-session-before-comes-last': ['4098 stored', '9945 stored'],
  'final-save-of-the-session-before-dropped': ['6565 stored'],
  'final-save-retried-on-500': ['2361 failed', '2361 failed', '2361 stored'],
  // A forgotten file has no digits.
  'forcesave-after-refused-final-save': ['8068 refused', 'none stored'],
  'forcesave-between-final-saves': ['4208 failed', '4208 failed', '4208 failed', '4208 stored'],
  'forcesave-overlapping-edits': ['1499 stored', '1494 stored', '6788 stored'],
  'forcesave-overtaken-by-close': ['4605 stored'],
  'forcesave-while-in-flight': ['2534 stored', '5254 stored'],
  'forcesaves-at-once': ['9089 stored', '75 stored'],
  'info-while-final-save-converts': ['933 stored'],
  'rejected-commands': [],
  'reopened-after-final-save': ['9643 stored'],
  'reopened-while-final-save-converts': ['6795 stored', '53 stored', '8563 stored'],
  'replay-after-500': ['1079 failed', '1079 stored', '7839 stored'],
  // Stored before the reply got lost: the replay of 3774 does not come to storage again (rule 2).
  'replay-after-connection-reset': ['3774 stored', '5452 stored'],
  'replay-after-error-reply': ['43 refused', '43 stored', '4631 stored'],
  // Not sent again in the recording: the final save after it is asked for again (12).
  'restart-while-converting': ['4124 stored'],
  'restart-while-replying': ['8554 stored'],
  'restart-with-unsaved-edits': ['1783 stored', '6924 stored', '7621 stored'],
  'userdata-kinds': [
    ...(['782 stored', '7743 stored', '4946 stored', '6625 stored'] as const),
    ...(['3982 stored', '7937 stored', '7895 stored'] as const),
  ],
}

const keep: Reply = { status: 200, body: { error: 1 } }
const sendAgain: Reply = { status: 503, body: { error: 1 } }
const forbidden: Reply = { status: 403, body: { error: 1 } }

export interface OtherReply {
  recording: string
  callback: number
  ours: Reply
  why: string
}

const keepsEdits =
  'the recorded application acknowledged a failed conversion, which makes the Docs server throw the edits away; ours keeps them'
const oneFailure = 'any 5xx has the same effect; ours is always 503 with error 1'
const failures = (recording: string, ...callbacks: number[]): OtherReply[] =>
  callbacks.map((callback) => ({ recording, callback, ours: sendAgain, why: oneFailure }))

/** Every other reply of ours is the recorded one. */
export const otherReplies: readonly OtherReply[] = [
  { recording: 'conversion-fails', callback: 2, ours: keep, why: keepsEdits },
  { recording: 'conversion-fails', callback: 3, ours: keep, why: keepsEdits },
  { recording: 'failed-final-save-acknowledged', callback: 2, ours: keep, why: keepsEdits },
  {
    ...{ recording: 'final-save-answered-403', callback: 2, ours: forbidden },
    why: 'our one body for a bad token has error 1; with a 403 it is not read',
  },
  ...failures('final-save-answered-503', 2),
  ...failures('final-save-forgotten-after-500s', 2, 3, 4, 5),
  ...failures('final-save-retried-on-500', 2, 3),
  ...failures('replay-after-500', 2),
  ...['restart-while-converting 11', 'restart-while-replying 16'].map((place) => ({
    recording: place.split(' ')[0] ?? '',
    callback: Number(place.split(' ')[1]),
    ours: sendAgain,
    why: 'its `lastsave` has milliseconds, as that of an older final save has: it is asked for again (12)',
  })),
  {
    ...{
      recording: 'restart-while-replying',
      callback: 13,
      ours: { status: 200, body: { error: 0 } },
    },
    why: 'the same save came once more meanwhile and was stored',
  },
]

/** Recorded commands that cannot be said with this package, and so are not sent. */
export const leftOut: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  'rejected-commands': {
    1: 'the command `nope`: there is no call for it',
    2: 'a forcesave without a key: a call without one is refused (BAD_OPTION)',
    4: 'an info with the key 5: a key is a text, else BAD_OPTION',
    5: 'meta without `meta`: the call has no form without a title',
  },
}
