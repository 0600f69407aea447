/** The application of a schedule: its processes, what they share, and what they are given. */
import type { Backend, BackendParts } from '../../src/backends/backend.js'
import { createMemoryBackend } from '../../src/backends/memory.js'
import { assembleDocs } from '../../src/docs.js'
import type { Docs } from '../../src/api.js'
import { createMemoryKeyStore } from '../../src/keys/store.js'
import type { Transition } from '../../src/settlement/machine.js'
import { createMemoryLedger } from '../../src/ledger/memory.js'
import { createRedisLedger } from '../../src/ledger/redis.js'
import type { RedisStore } from '../../src/ledger/redis-store.js'
import { createTimerSchedule } from '../../src/recovery/schedule.js'
import type { Network } from './network.js'
import type { Process } from './processes.js'
import type { SharedQueue } from './queue.js'
import type { Random } from './random.js'
import type { Stage } from './redis.js'
import type { Storage } from './storage.js'
import type { World } from './troubles.js'

/** With tokens. */
export const SECRET = 'the secret of the schedules, of 32 bytes and more'

export interface ApplicationParts {
  world: World
  random: Random
  network: Network
  storage: Storage
  stage: Stage | undefined
  queue: SharedQueue
  machine: Transition | undefined
  store: ((store: RedisStore) => RedisStore) | undefined
}

/** Starts one process of it. */
export function createApplication(parts: ApplicationParts): (process: Process) => Docs {
  const { world, random, network, storage, stage, queue, store: change } = parts
  const machine = parts.machine === undefined ? {} : { machine: parts.machine }

  function createBackend(process: Process, given: BackendParts): Backend {
    if (stage === undefined) {
      const ledger = createMemoryLedger({ ...given, ...machine })
      return { ...createMemoryBackend(given), ledger }
    }
    const { store, subscribe, disconnect } = stage.connect(process, { ...world, random })
    const ledger = createRedisLedger({
      ...{ ...given, ...machine, subscribe, ownTime: true },
      store: change?.(store) ?? store,
    })
    return {
      ledger,
      // Nobody opens a file by its ref here (`test/openings/`).
      keys: createMemoryKeyStore(process.clock),
      startQueue: (run, report) =>
        queue.join({ process, ledger, run, report, retries: given.retries }),
      startSchedule: (every, sweep) => createTimerSchedule(process.clock, every, sweep),
      close: () => Promise.resolve(disconnect()),
    }
  }

  return (process) =>
    assembleDocs(
      {
        server: 'http://127.0.0.1:8000',
        publicUrl: 'http://app',
        secret: world.signed ? SECRET : null,
        onSave: (save) => storage.onSave(save, process),
        otherSaves: world.otherSaves,
        refOf: () => 'file',
        ...(world.retention === undefined ? {} : { retention: world.retention }),
        ...(world.discards ? { onConversionFailed: () => 'discard' } : {}),
      },
      {
        clock: process.clock,
        http: network.http,
        createBackend: (given) => createBackend(process, given),
      },
    )
}
