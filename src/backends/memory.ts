/** Everything in this process. */
import { createMemoryKeyStore } from '../keys/store.js'
import { createMemoryLedger } from '../ledger/memory.js'
import { createMemoryQueue } from '../saves/memory-queue.js'
import { createTimerSchedule } from '../recovery/schedule.js'
import type { Backend, BackendParts } from './backend.js'

export function createMemoryBackend(parts: BackendParts): Backend {
  return {
    ledger: createMemoryLedger(parts),
    keys: createMemoryKeyStore(parts.clock),
    startQueue: (run, report) => createMemoryQueue({ ...parts, run, report }),
    startSchedule: (every, sweep) => createTimerSchedule(parts.clock, every, sweep),
    close: () => Promise.resolve(),
  }
}
