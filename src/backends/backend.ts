/** Where the state lives and where saves run: in this process, or in Redis for several. */
import type { Clock } from '../clock.js'
import type { Logger } from '../events.js'
import type { Ledger, Perform } from '../ledger/ledger.js'
import type { Rules } from '../ledger/state.js'
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
  /** Called once, when there is something to run saves with. */
  startQueue: (run: RunSave, report: SaveReport) => SaveQueue
  /** Lets go of what the ledger and the queue have used, once both are closed. */
  close: () => Promise<void>
}
