/** Clocks that are set: what they say jumps, how long a timer takes does not. */
import type { Clock } from '../../src/clock.js'
import type { Random } from './random.js'

export interface SteppedClock extends Clock {
  /** Sets it forward or back, by `most` ms at the most; sometimes right again. Answers by how much it is wrong. */
  step: (random: Random, most: number) => number
  /** Sets it right. */
  mend: () => void
}

export function createSteppedClock(clock: Clock): SteppedClock {
  let wrong = 0
  return {
    now: () => clock.now() + wrong,
    after: (ms, task) => clock.after(ms, task),
    step(random, most) {
      const sign = random.chance(0.5) ? 1 : -1
      wrong = random.chance(0.2) ? 0 : wrong + sign * random.whole(1, most)
      return wrong
    },
    mend: () => void (wrong = 0),
  }
}
