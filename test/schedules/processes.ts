/** The processes of the application: one on its own, or two over one Redis, that come and go. */
import type { Docs } from '../../src/api.js'
import type { Clock } from '../../src/clock.js'
import { stoppable } from '../../src/testing/clock.js'
import type { Random } from './random.js'

export interface Process {
  readonly name: string
  /** Its timers end when it dies. */
  readonly clock: Clock
  readonly isAlive: boolean
  /** Resolves when it dies. */
  readonly death: Promise<'died'>
}

export interface Running extends Process {
  readonly docs: Docs
}

export interface Processes {
  /** One of those that serve, if one does. */
  pick: () => Running | undefined
  /**
   * One dies without a word, or is shut down, and another takes its place: at once, or after `away` ms.
   * Answers which one it was.
   */
  replace: (how: 'dies' | 'is shut down', away: number) => void
  /** All that are away are there again. */
  mend: () => void
  close: () => Promise<void>
}

export interface ProcessesParts {
  count: number
  clock: Clock
  random: Random
  start: (process: Process) => Docs
  trace: (line: string) => void
}

type Killable = Running & { kill: () => void }

export function startProcesses({ count, clock, random, start, trace }: ProcessesParts): Processes {
  let started = 0
  const serving: Killable[] = Array.from({ length: count }, begin)
  const away = new Set<() => void>()
  const closing: Promise<void>[] = []

  function begin(): Killable {
    const own = stoppable(clock)
    let isAlive = true
    let die = (): void => {}
    const process: Process = {
      name: `process ${(started += 1)}`,
      clock: own,
      get isAlive() {
        return isAlive
      },
      death: new Promise((resolve) => {
        die = () => resolve('died')
      }),
    }
    const docs = start(process)
    return Object.assign(process, {
      docs,
      kill() {
        isAlive = false
        own.stop()
        die()
      },
    })
  }

  function beginLater(ms: number): void {
    let begun = false
    const now = (): void => {
      if (begun) return
      begun = true
      away.delete(now)
      serving.push(begin())
    }
    away.add(now)
    if (ms === 0) now()
    else clock.after(ms, now)
  }

  return {
    pick: () => (serving.length === 0 ? undefined : random.pick(serving)),
    replace(how, ms) {
      if (serving.length === 0) return
      const process = random.pick(serving)
      trace(`${process.name} ${how}, and another is there in ${ms} ms`)
      serving.splice(serving.indexOf(process), 1)
      if (how === 'dies') process.kill()
      else if (count === 1) {
        // In one process, the next one starts when this one has ended.
        const over = process.docs.close().then(() => {
          process.kill()
          beginLater(ms)
        })
        return void closing.push(over)
      } else closing.push(process.docs.close())
      beginLater(ms)
    },
    mend() {
      for (const now of away) now()
    },
    async close() {
      await Promise.all([...closing, ...serving.map(({ docs }) => docs.close())])
    },
  }
}
