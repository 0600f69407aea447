/** What a process of the tests is told when it starts, and what it and the test say to each other. */
import type { DocsOptions } from '../../src/options.js'

/** Where a worker dies by SIGKILL, the first time it stores a save of a key. */
export type DeathAt = 'before' | 'in' | 'after' | 'reported'

export interface Settings {
  /** The simulated Docs server. */
  server: string
  secret: string
  redis: string
  prefix: string
  /** Where the Docs server reaches the application, and on which port this process listens. */
  publicUrl: string
  port: number
  /** The storage of all workers: files and their history. */
  folder: string
  /** How long `onSave` takes, ms, and whether it takes notice of its signal. */
  storing: number
  deaf: boolean
  /** The program ends itself once `docs.close()` is done, whatever is left running. */
  exits: boolean
  /** How often, 0 to 1, `onSave` fails, before or after it has stored, and how often it is slow. */
  trouble: { failing: number; slow: number }
  worker: DocsOptions['worker']
  /** By key. */
  deaths: Record<string, DeathAt>
  options: Pick<
    DocsOptions,
    'nudgeAfter' | 'otherSaves' | 'replyTimeout' | 'timeout' | 'grace' | 'maxBody'
  >
}

/** What the test asks a process to do: a method of `docs`. */
export interface Ask {
  number: number
  call: 'forcesave' | 'startForcesave' | 'outcome' | 'info' | 'callbackUrl'
  args: unknown[]
}

/** How a call ended; an error as its code, or its text where it has none of ours. */
export type End =
  | { result: unknown }
  | { error: { code: string | undefined; message: string; key: string | undefined } }

export type FromProcess = { ready: true } | { number: number; end: End }

export function readSettings(): Settings {
  const [, , text] = process.argv
  if (text === undefined) throw new Error('this program is started by the tests')
  return JSON.parse(text) as Settings
}
