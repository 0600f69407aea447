/** The application's storage: which edits each file holds. It keeps what may be newer beside the newest. */
import { RejectSave } from '../../src/saves/reject-save.js'
import type { Save } from '../../src/saves/save.js'
import { editsIn, type Core } from '../../src/testing/index.js'
import type { Process } from './processes.js'
import type { Random } from './random.js'
import type { World } from './troubles.js'

export interface Storage {
  /** `process` is the one that it runs in: what one that has died was at may be done again. */
  onSave: (save: Save, process: Process) => Promise<{ holds: number }>
  /** The last edit in what is kept of a key; every one before it is in there as well. */
  holds: (key: string) => number
  /** From now on it is quick and does not fail. */
  mend: () => void
}

export interface StorageParts {
  random: Random
  world: World
  core: () => Core
  violate: (invariant: string, what: string) => void
  trace: (line: string) => void
}

/** The last edits in the files of one key. */
interface Files {
  newest: number
  /** Those of which it is not known whether they are newer. */
  beside: number[]
  /** Of all that was ever handed over. */
  most: number
}

export function createStorage({ random, world, core, violate, trace }: StorageParts): Storage {
  let { slowSave, failingSave } = world
  const files = new Map<string, Files>()
  const running = new Map<string, Process>()
  const pause = (process: Process): Promise<void> =>
    new Promise((resolve) => process.clock.after(random.whole(0, slowSave / 2), resolve))

  function keep({ key, order }: Save, holds: number): void {
    const before = files.get(key) ?? { newest: 0, beside: [], most: 0 }
    const most = Math.max(before.most, holds)
    if (order !== 'newest') {
      files.set(key, { ...before, most, beside: [...before.beside, holds] })
      return
    }
    if (holds < before.most) {
      violate('I4', `${key} went back from edit ${before.most} to ${holds}`)
    }
    // It is said to hold all that was kept beside the one before, too.
    files.set(key, { newest: holds, beside: [], most })
  }

  return {
    holds(key) {
      const { newest, beside } = files.get(key) ?? { newest: 0, beside: [] }
      return Math.max(newest, ...beside)
    },
    mend() {
      slowSave = 10
      failingSave = 0
    },
    async onSave(save, process) {
      const { key, id } = save
      if (running.get(key)?.isAlive) violate('I5', `onSave runs twice at once for ${key}`)
      running.set(key, process)
      try {
        await pause(process)
        if (random.chance(failingSave)) {
          trace(`onSave ${key} ${id.slice(0, 5)}: fails`)
          throw random.chance(0.2) ? new RejectSave() : new Error('storage is down')
        }
        const bytes = core().file(save.url)
        if (bytes === undefined) throw new RejectSave('the link is dead')
        const holds = editsIn(bytes).at(-1) ?? 0
        trace(`onSave ${key} ${id.slice(0, 5)}: stores ${holds} (${save.trigger})`)
        keep(save, holds)
        // It can die when the file is there and nobody has been told.
        await pause(process)
        return { holds }
      } finally {
        running.delete(key)
      }
    },
  }
}
