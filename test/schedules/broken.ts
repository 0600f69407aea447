/**
 * State machines that are broken on purpose, to show that the checker of the schedules can fail. Each is a
 * wrapper: it changes what goes into the transition function, or what comes out.
 */
import type { Trouble } from './troubles.js'
import { transition, type Step, type Transition } from '../../src/settlement/machine.js'
import type { LedgerEvent } from '../../src/settlement/event.js'
import type { RedisStore } from '../../src/ledger/redis-store.js'
import type { DocumentState } from '../../src/settlement/state.js'

export interface Breakage {
  /** What it does wrong. */
  how: string
  /** The invariant that this breaks. */
  breaks: 'I1' | 'I2' | 'I3' | 'I4' | 'I8'
  machine: Transition
  /** The kind of world in which it shows soonest; left out: all kinds. */
  troubles?: readonly Trouble[]
}

/** Everything as it should be, but for what `change` makes of each step. */
function afterwards(
  change: (step: Step, event: LedgerEvent, before: DocumentState) => Step,
): Transition {
  return (state, event, now, rules) => change(transition(state, event, now, rules), event, state)
}

// More of them, one for each proof, come with the state machine that works by proofs.
export const breakages: readonly Breakage[] = [
  {
    how: 'every result says that it is certain',
    breaks: 'I1',
    troubles: ['lost joins', 'slow conversions'],
    machine: afterwards((step) => ({
      ...step,
      effects: step.effects.map((effect) => {
        if (effect.type !== 'settle' || !('certain' in effect.verdict)) return effect
        return { ...effect, verdict: { ...effect.verdict, certain: true } }
      }),
    })),
  },
  {
    how: 'nothing is ever due',
    breaks: 'I2',
    troubles: ['lost'],
    machine: afterwards((step) => ({ ...step, dueAt: Infinity })),
  },
]

/** A way to Redis on which the last write wins, whatever another process has written meanwhile. */
export const overwriting = (store: RedisStore): RedisStore => ({
  ...store,
  async write(key, change) {
    for (let next = change; ;) {
      const written = await store.write(key, next)
      if (written !== undefined) return written
      next = { ...change, version: (await store.read(key)).version }
    }
  },
})
