/** Where the state lives and where saves run: in this process, or in Redis for several. */
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { KeyStore } from '../keys/store.js'
import type { Ledger, Perform } from '../ledger/ledger.js'
import type { Rules } from '../settlement/state.js'
import type { Schedule, Sweep } from '../recovery/schedule.js'
import type { RunSave, SaveQueue, SaveReport } from '../saves/queue.js'

/**
 * A URL, ioredis options, or a connection of ioredis (a cluster too). Of no type of ioredis, which
 * those who do without Redis have not installed.
 */
export type RedisOption = string | object

export interface BackendParts {
  clock: Clock
  logger: Logger
  rules: Rules
  prefix: string
  /** Further attempts of `onSave`. */
  retries: number
  /** Saves at once; 0: this process runs none. */
  concurrency: number
  perform: Perform
}

export interface Backend {
  ledger: Ledger
  /** The current key of each file. */
  keys: KeyStore
  /** Called once, when there is something to run saves with. */
  startQueue: (run: RunSave, report: SaveReport) => SaveQueue
  /** Called once: sweeps begin every so many ms; undefined: never, and an earlier schedule ends. */
  startSchedule: (every: number | undefined, sweep: Sweep) => Schedule
  /** Lets go of what the ledger, the queue and the schedule have used, once all are closed. */
  close: () => Promise<void>
}
