/** A sweep of the schedule: `recover()` that tells how it went and never rejects. */
import type { Events, Logger } from '../events.js'
import type { Recovery } from './forgotten.js'
import type { Recover } from './recover.js'
import type { Sweep } from './schedule.js'

export interface SweepParts {
  recover: Recover
  events: Events
  logger: Logger
  /** Aborted by `close()`. */
  closing: AbortSignal
}

export function createSweep({ recover, events, logger, closing }: SweepParts): Sweep {
  return async () => {
    const counts: Recovery = { recovered: 0, left: 0, gone: 0, failed: 0 }
    try {
      await recover({ signal: closing, onResult: ({ outcome }) => (counts[outcome] += 1) })
    } catch (error) {
      if (closing.aborted) return counts
      logger.error({ err: error }, 'a sweep of forgotten files has ended before its time')
      events.emit('recovery', { ...counts, error })
      return counts
    }
    logger.info(counts, 'a sweep of forgotten files has ended')
    events.emit('recovery', counts)
    return counts
  }
}
