/**
 * What `settlement.md` makes of every recorded `forcesave` and `info`, written by hand from the
 * recordings and the rules, not from what the code does. Times in the reasons are those of the
 * recordings, in ms.
 *
 * Three ways to play each: with the default options (a grace period of 1 s), with `grace: 200`, and
 * with that and `otherSaves: false`; `quick` and `alone` are there where the verdict differs then.
 */
import type { DocsErrorCode } from '../../src/errors.js'
import type { Trigger } from '../../src/settlement/state.js'

export type Expected =
  | {
      outcome: 'saved'
      rule: string
      /** The conversion whose file is in storage. */
      conversion: string
      trigger: Trigger
      certain: boolean
    }
  | {
      outcome: 'unchanged'
      rule: string
      reason: 'no-changes' | 'not-open'
      certain: boolean
    }
  | { outcome: 'failed'; rule: string; code: DocsErrorCode; error?: number; retryable: boolean }
  | { outcome: 'info'; rule: string; status: 'editing' | 'closed'; users: readonly string[] }

export interface ExpectedVerdict {
  recording: string
  /** The command's number in the recording. */
  command: number
  /** In a few words, for the demo's table. */
  situation: string
  verdict: Expected
  why: string
  quick?: { verdict: Expected; why: string }
  alone?: { verdict: Expected; why: string }
}

const saved = (
  rule: string,
  conversion: string,
  { trigger = 'command', certain = true }: { trigger?: Trigger; certain?: boolean } = {},
): Expected => ({ outcome: 'saved', rule, conversion, trigger, certain })
const byFinal = (conversion: string): Expected => saved(5, conversion, { trigger: 'close' })
const unchanged = (rule: string, certain: boolean): Expected => ({
  ...{ outcome: 'unchanged', rule, reason: 'no-changes', certain },
})
const failed = (rule: string, code: DocsErrorCode, retryable: boolean): Expected => ({
  ...{ outcome: 'failed', rule, code, retryable },
})
const rejected = (rule: string, error: number, retryable: boolean): Expected => ({
  ...{ outcome: 'failed', rule, code: 'COMMAND_REJECTED', error, retryable },
})
const info = (...users: string[]): Expected => ({
  ...{ outcome: 'info', rule: 16, status: users.length > 0 ? 'editing' : 'closed', users },
})

/** Nobody's save comes within the grace period, and there may be one that nobody told us about. */
const graceOver = {
  verdict: unchanged(6, false),
  why: 'the grace period ends before the final save comes: unchanged, and not certain',
}
const nobodyElse = {
  verdict: unchanged(6, true),
  why: 'nobody else saves, nothing of ours was under way, and nobody comes again in the grace period',
}

function basic(recording: string, forced: string, final: string): ExpectedVerdict[] {
  const of = (command: number): { recording: string; command: number } => ({ recording, command })
  return [
    {
      ...of(2),
      situation: 'info, before anybody opens',
      verdict: rejected(16, 1, false),
      why: 'answered 1, the Docs server does not know the key, and sends no callback',
    },
    {
      ...of(3),
      situation: 'info, u1 edits',
      verdict: info('u1'),
      why: 'callback 1 with its userdata comes before the response 0: both are there',
    },
    {
      ...of(4),
      situation: 'nothing typed yet',
      verdict: saved(4, forced),
      why: 'answered 4: it waits the grace period, in which a forcesave registered later is stored, and that one settles all before it',
    },
    {
      ...of(5),
      situation: 'after typing',
      verdict: saved(4, forced),
      why: 'a status 6 with its id was stored',
    },
    {
      ...of(6),
      situation: 'nothing new since',
      verdict: byFinal(final),
      why: 'answered 4: it waits the grace period, in which the final save comes and is stored',
    },
    {
      ...of(8),
      situation: 'info, all have left',
      verdict: info(),
      why: 'callback 4 with its userdata comes before the response 0',
    },
    {
      ...of(9),
      situation: 'all have left, all is stored',
      verdict: unchanged(6, true),
      why: 'answered 4; by the last callback nobody edits, so nobody else can save: no grace period',
    },
  ]
}

const own = (command: number, situation: string, conversion: string): ExpectedVerdict => ({
  ...{ recording: 'userdata-kinds', command, situation, verdict: saved(4, conversion) },
  why: 'a status 6 with its id was stored; the id is in every userdata, so that none is empty',
})

export const expectedVerdicts: readonly ExpectedVerdict[] = [
  ...basic('basic-session', '2394', '3761'),
  ...basic('basic-session-without-jwt', '1867', '9694'),
  {
    recording: 'conversion-fails',
    command: 1,
    situation: 'the conversion fails',
    verdict: failed(12, 'CONVERSION_FAILED', true),
    why: 'a status 7 with its id rejects it',
  },
  {
    recording: 'conversion-fails',
    command: 2,
    situation: 'again; the final save fails as well',
    verdict: failed(12, 'CONVERSION_FAILED', true),
    why: 'answered 3 at 1159; within the grace period (1747) a status 3 comes and rejects every forcesave before it',
    quick: {
      verdict: rejected(7, 3, true),
      why: 'answered 3 and the grace period ends at 1359 with neither a callback of its own nor a final save',
    },
  },
  {
    recording: 'failed-final-save-acknowledged',
    command: 1,
    situation: 'after a final save that failed',
    verdict: failed(9, 'CONVERSION_FAILED', true),
    why: 'answered 4, while the newest save known is a failed one: never unchanged over a failure. Nobody edits: no grace period',
  },
  {
    recording: 'failed-final-save-acknowledged',
    command: 2,
    situation: 'opened again: those edits are gone',
    verdict: failed(9, 'CONVERSION_FAILED', true),
    why: 'answered 4, and nothing has been stored since the failure; no callback tells that u2 has come',
  },
  {
    recording: 'failed-final-save-refused',
    command: 1,
    situation: 'after a final save that failed',
    verdict: saved(4, '238'),
    why: 'answered 3 at 2740, which waits the grace period (7); a status 6 with its id comes at 2807 and is stored',
  },
  {
    recording: 'failed-final-save-refused',
    command: 2,
    situation: 'opened again, nothing typed',
    verdict: byFinal('1618'),
    why: 'answered 4 at 3336; the final save comes at 4203, within the grace period, and is stored',
    quick: {
      verdict: unchanged(6, false),
      why: 'the grace period ends at 3536. The failure no longer stands (9): the save stored at 2807 was asked for after it',
    },
    alone: nobodyElse,
  },
  {
    recording: 'forcesave-overlapping-edits',
    command: 1,
    situation: 'typing, a slow conversion',
    verdict: saved(4, '1499'),
    why: 'a status 6 with its id was stored',
  },
  {
    recording: 'forcesave-overlapping-edits',
    command: 2,
    situation: 'more typing while that converts',
    verdict: saved(4, '1494'),
    why: "the first one's save does not settle what was registered after it; a status 6 with its own id does",
  },
  {
    recording: 'forcesave-overtaken-by-close',
    command: 1,
    situation: 'all leave while it converts',
    verdict: byFinal('4605'),
    why: 'its status 6 never comes; the final save that is stored holds its edits',
  },
  {
    recording: 'forcesave-while-in-flight',
    command: 1,
    situation: 'typing, a slow conversion',
    verdict: saved(4, '2534'),
    why: 'a status 6 with its id was stored',
  },
  {
    recording: 'forcesave-while-in-flight',
    command: 2,
    situation: 'again, while nothing is stored yet',
    verdict: byFinal('5254'),
    why: 'answered 4 while the first is under way: waits for it until 1762, then the grace period, in which the final save comes (2682)',
    quick: {
      verdict: saved(6, '2534', { certain: false }),
      why: 'what was under way was stored at 1762, and nobody else has saved by the end of the grace period',
    },
    alone: {
      verdict: saved(6, '2534'),
      why: 'what was under way was stored at 1762, nobody else saves, and nobody comes again in the grace period',
    },
  },
  {
    recording: 'rejected-commands',
    command: 3,
    situation: 'a key that was never opened',
    verdict: { outcome: 'unchanged', rule: 8, reason: 'not-open', certain: true },
    why: 'answered 1, the Docs server holds no forgotten file for it, and no save of it has arrived',
  },
  {
    recording: 'rejected-commands',
    command: 8,
    situation: 'info, by the older address',
    verdict: info('u1'),
    why: 'callback 1 with its userdata, then the response 0',
  },
  {
    recording: 'rejected-commands',
    command: 9,
    situation: 'info, with a shardkey',
    verdict: info('u1'),
    why: 'callback 1 with its userdata, then the response 0',
  },
  {
    recording: 'replay-after-500',
    command: 1,
    situation: 'our storage fails',
    verdict: failed(12, 'STORAGE_FAILED', true),
    why: 'onSave failed on the save that would have settled it, and a forced save is not sent again by itself',
  },
  {
    recording: 'replay-after-500',
    command: 2,
    situation: 'again, nothing typed since',
    verdict: byFinal('7839'),
    why: 'a replay; a stranger may have caused it, so the grace period passes, and the final save comes in it',
    quick: {
      verdict: saved(10, '1079', { certain: false }),
      why: 'the same, and it passes before that',
    },
    alone: {
      verdict: saved(10, '1079'),
      why: "the same save comes again with the first one's id inside this command, which is then answered 0: it shares that save's fate",
    },
  },
  {
    recording: 'replay-after-connection-reset',
    command: 1,
    situation: 'stored, but our reply gets lost',
    verdict: saved(4, '3774'),
    why: 'a status 6 with its id was stored; that the reply got lost does not undo that',
  },
  {
    recording: 'replay-after-connection-reset',
    command: 2,
    situation: 'again, nothing typed since',
    verdict: byFinal('5452'),
    why: 'a replay; a stranger may have caused it, so the grace period passes, and the final save comes in it',
    quick: {
      verdict: saved(10, '3774', { certain: false }),
      why: 'the same, and it passes before that',
    },
    alone: {
      verdict: saved(10, '3774'),
      why: 'a replay of a save that is stored already: answered 0 without running onSave again (2), and its fate is shared',
    },
  },
  {
    recording: 'replay-after-error-reply',
    command: 1,
    situation: 'our storage refuses for good',
    verdict: failed(12, 'STORAGE_FAILED', false),
    why: 'onSave threw a RejectSave: not retryable',
  },
  {
    recording: 'replay-after-error-reply',
    command: 2,
    situation: 'again, nothing typed since',
    verdict: byFinal('4631'),
    why: 'a replay; a stranger may have caused it, so the grace period passes, and the final save comes in it',
    quick: {
      verdict: saved(10, '43', { certain: false }),
      why: 'the same, and it passes before that',
    },
    alone: {
      verdict: saved(10, '43'),
      why: 'a save that failed runs again when it comes again (2); this time it is stored, and its fate is shared',
    },
  },
  {
    recording: 'replay-after-error-reply',
    command: 3,
    situation: 'once more, nothing typed since',
    verdict: byFinal('4631'),
    why: 'answered 4 at 1431; the final save comes at 1678, within the grace period, and is stored',
    quick: graceOver,
    alone: nobodyElse,
  },
  own(1, 'userdata: the empty text', '782'),
  own(2, 'userdata: recorded as an object', '7743'),
  own(3, 'userdata: recorded as a number', '4946'),
  own(4, 'userdata: umlauts, quotes, brackets', '6625'),
  own(5, 'userdata: recorded as null', '3982'),
  own(6, 'userdata: JSON as a text', '7937'),
  {
    recording: 'userdata-kinds',
    command: 7,
    situation: 'info, u1 edits',
    verdict: info('u1'),
    why: 'callback 1 with its userdata, then the response 0',
  },
]
