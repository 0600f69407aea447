/**
 * Which run of `onSave` a call is made from. What waits for that very run to end would wait for itself, so it
 * is refused at once.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { badCall, type DocsError } from '../errors.js'

export interface Inside {
  /** Runs `onSave` for this key: until it ends, what it calls is inside. */
  run: <Result>(key: string, work: () => Result | Promise<Result>) => Promise<Result>
  /** @throws DocsError `BAD_OPTION` when the key's own `onSave` calls */
  refuseOwn: (key: string, call: string) => void
  /** Whether a run of any key calls. */
  isInside: () => boolean
}

/** One run, and those within which it was begun, of whichever `docs`. */
interface Run {
  readonly of: Inside
  readonly key: string
  /** A timer that the run leaves behind is not inside any more. */
  ended: boolean
  readonly outer: Run | undefined
}

/** One for all, and off while nothing runs: one that was used makes every promise slower. */
const storage = new AsyncLocalStorage<Run>()
let running = 0

export function createInside(): Inside {
  function* open(): Iterable<Run> {
    for (let run = storage.getStore(); run !== undefined; run = run.outer) {
      if (run.of === inside && !run.ended) yield run
    }
  }

  const inside: Inside = {
    async run(key, work) {
      const run: Run = { of: inside, key, ended: false, outer: storage.getStore() }
      running += 1
      try {
        return await storage.run(run, work)
      } finally {
        run.ended = true
        running -= 1
        // What has ended is looked for by nobody.
        if (running === 0) storage.disable()
      }
    },
    refuseOwn(key, call) {
      for (const run of open()) if (run.key === key) throw ownKey(key, call)
    },
    isInside: () => !open()[Symbol.iterator]().next().done,
  }
  return inside
}

const ownKey = (key: string, call: string): DocsError =>
  badCall(
    `${call} was called inside onSave for the key that onSave is storing: it would wait for itself; call it when onSave has ended, for example on the event \`saved\`, or use startForcesave(), which does not wait`,
    key,
  )
