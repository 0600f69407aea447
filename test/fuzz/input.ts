/** One input of the fuzzer: bytes, and what they must get. */
import type { Random } from '../schedules/random.js'
import type { Ending } from './wire.js'
import type { Fields } from './tokens.js'

export interface Input {
  /** In words, for the report. */
  what: string
  bytes: Buffer
  ending: Ending
  /** Sent that many times, one after the other. */
  times?: number
  expected: Expected
}

export type Expected =
  /** Not signed: exactly 403, or any refusal, or (where the bytes are no HTTP) no answer at all. */
  | { unsigned: 'forbidden' | 'refused' | 'anything but success' }
  | {
      /** Validly signed: this answer each time. */
      status: number
      error: 0 | 1
      key?: string
      /** `onSave` gets this body once. */
      stored?: Fields
    }

/** What the generators need to know of the world. */
export interface Ground {
  random: Random
  /** Makes keys and links of this input its own. */
  seed: number
  /** Virtual time, in seconds. */
  now: number
  /** The signed path of the callbacks about `file-1`. */
  path: string
  /** Where the files are. */
  files: string
}

/** A callback as a Docs server makes it. */
export function callbackOf({ random, seed, files }: Ground, key: string): Fields {
  const status = random.pick([1, 2, 2, 4, 6, 6, 3, 7])
  return {
    key,
    status,
    url: `${files}/cache/files/data/${seed}_${random.whole(1000, 9999)}/output.docx/output.docx?md5=a`,
    users: ['u1'],
    actions: [{ type: 0, userid: 'u1' }],
    history: { serverVersion: '9.0.0', changes: [] },
    filetype: 'docx',
  }
}
