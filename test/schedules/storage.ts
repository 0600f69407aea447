/** The application's storage, as the checker sees it: which edits each file holds, and I4 and I5. */
import { RejectSave } from '../../src/saves/reject-save.js'
import type { Save } from '../../src/saves/save.js'
import { editsIn, type Core } from '../../src/testing/index.js'
import type { Process } from './processes.js'
import type { Random } from './random.js'

export interface Storage {
  /** `process` is the one that it runs in: what one that has died was at may be done again. */
  onSave: (save: Save, process: Process) => Promise<{ holds: number }>
  /** The last edit in the newest file of a key; every one before it is in there as well. */
  holds: (key: string) => number
  /** Two saves of one second came the wrong way round, and nothing newer has been stored since. */
  wentBack: (key: string) => boolean
}

export interface StorageParts {
  random: Random
  /** Probability that an attempt of `onSave` fails. */
  failing: number
  slowest: number
  core: () => Core
  violate: (invariant: string, what: string) => void
  trace: (line: string) => void
}

export function createStorage(parts: StorageParts): Storage {
  const { random, failing, slowest, core, violate, trace } = parts
  const files = new Map<string, number>()
  const most = new Map<string, { holds: number; lastSave: unknown }>()
  const running = new Map<string, Process>()
  const done = new Map<string, Process>()

  return {
    holds: (key) => files.get(key) ?? 0,
    wentBack: (key) => (files.get(key) ?? 0) < (most.get(key)?.holds ?? 0),
    async onSave(save, process) {
      const { key, id } = save
      if (running.get(key)?.isAlive) violate('I5', `onSave runs twice at once for ${key}`)
      if (done.get(id)?.isAlive) violate('I5', `onSave runs again for a stored save of ${key}`)
      running.set(key, process)
      try {
        await new Promise<void>((resolve) => process.clock.after(random.whole(0, slowest), resolve))
        if (random.chance(failing)) {
          trace(`onSave ${key} ${id.slice(0, 5)}: fails`)
          throw random.chance(0.2) ? new RejectSave() : new Error('storage is down')
        }
        const bytes = core().file(save.url)
        if (bytes === undefined) throw new RejectSave('the link is dead')
        const edits = editsIn(bytes)
        const holds = edits.at(-1) ?? 0
        if (edits.length !== holds) violate('I1', `a file of ${key} misses edits in its middle`)
        const before = most.get(key) ?? { holds: 0, lastSave: undefined }
        const lastSave = save.body.lastsave
        trace(`onSave ${key} ${id.slice(0, 5)}: stores ${holds} (${save.trigger})`)
        // `lastsave` has whole seconds: two saves of one second cannot be told apart by it.
        if (holds < before.holds && save.order === 'newest') {
          violate('I4', `${key} went back from edit ${before.holds} to ${holds}`)
        }
        if (holds >= before.holds) most.set(key, { holds, lastSave })
        files.set(key, save.order === 'newest' ? holds : Math.max(holds, before.holds))
        done.set(id, process)
        return { holds }
      } finally {
        running.delete(key)
      }
    },
  }
}
