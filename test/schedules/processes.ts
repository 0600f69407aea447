/** The processes of the application: one on its own, or two over one Redis that come and go. */
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
  /** One of those that serve. */
  pick: () => Running
  /** One dies without a word, or is shut down, and another takes its place. */
  replace: (how: 'dies' | 'is shut down') => void
  close: () => Promise<void>
}

export interface ProcessesParts {
  count: number
  clock: Clock
  random: Random
  start: (process: Process) => Docs
  trace: (line: string) => void
}

export function startProcesses({ count, clock, random, start, trace }: ProcessesParts): Processes {
  let started = 0
  const serving = Array.from({ length: count }, begin)
  const closing: Promise<void>[] = []

  function begin(): Running & { kill: () => void } {
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

  // No draw where there is no choice: so it stays with one process as it was.
  const draw = <Item>(items: readonly [Item, ...Item[]] | readonly Item[]): Item =>
    items.length === 1 ? items[0] : random.pick(items)

  return {
    pick: () => draw(serving),
    replace(how) {
      const process = draw(serving)
      trace(`${process.name} ${how}`)
      serving[serving.indexOf(process)] = begin()
      if (how === 'dies') process.kill()
      else closing.push(process.docs.close())
    },
    async close() {
      await Promise.all([...closing, ...serving.map(({ docs }) => docs.close())])
    },
  }
}
