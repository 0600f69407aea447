/** Takes back what was written to Redis last, as a failover does to a copy that was behind. */
import type { Redis } from 'ioredis'

/** A document as it was before a write; null: there was none. */
export interface Before {
  dump: Buffer | null
  expiry: number
}

export interface Undo {
  look: (name: string) => Promise<Before>
  /** What stood there before a write, and the verdicts that were written with it. */
  remember: (name: string, before: Before, verdicts: readonly string[]) => void
  /** Takes back what was written after `since`. */
  undo: (since: number) => Promise<void>
}

interface Written {
  at: number
  name: string
  before: Before
  verdicts: readonly string[]
}

export function createUndo(redis: Redis, prefix: string, now: () => number): Undo {
  let log: Written[] = []
  const documentKey = (name: string): string => `${prefix}:{${name}}:document`

  return {
    async look(name) {
      const [dump, expiry] = await Promise.all([
        redis.dumpBuffer(documentKey(name)),
        redis.pttl(documentKey(name)),
      ])
      return { dump, expiry }
    },
    remember(name, before, verdicts) {
      log.push({ at: now(), name, before, verdicts })
    },
    async undo(since) {
      const lost = log.filter(({ at }) => at > since).reverse()
      log = log.filter(({ at }) => at <= since)
      // In one step, as nobody sees half of a failover.
      const step = redis.multi()
      for (const { name, before, verdicts } of lost) {
        const { dump, expiry } = before
        for (const id of verdicts) step.del(`${prefix}:{${name}}:verdict:${id}`)
        if (dump === null) step.del(documentKey(name))
        else step.restore(documentKey(name), Math.max(expiry, 1), dump, 'REPLACE')
      }
      await step.exec()
    },
  }
}
