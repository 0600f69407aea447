/**
 * State machines that are broken on purpose, to show that the checker of the schedules can fail. Each is a
 * wrapper: it changes what goes into the transition function, or what comes out.
 */
import type { Trouble } from './troubles.js'
import { transition, type Step, type Transition } from '../../src/settlement/machine.js'
import type { LedgerEvent, Verdict } from '../../src/settlement/event.js'
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

/** Verdicts that are changed on their way out. */
const verdicts = (change: (verdict: Verdict) => Verdict): Transition =>
  afterwards((step) => ({
    ...step,
    effects: step.effects.map((effect) =>
      effect.type === 'settle' ? { ...effect, verdict: change(effect.verdict) } : effect,
    ),
  }))

/** What happens, as the machine is told something else. */
const instead =
  (change: (event: LedgerEvent) => LedgerEvent): Transition =>
  (state, event, now, rules) =>
    transition(state, change(event), now, rules)

const certain = (verdict: Verdict): Verdict =>
  'certain' in verdict ? { ...verdict, certain: true } : verdict

export const breakages: readonly Breakage[] = [
  {
    how: 'every result says that it is certain',
    breaks: 'I1',
    troubles: ['lost joins', 'slow conversions'],
    machine: verdicts(certain),
  },
  {
    how: 'a gap in the story of the callbacks is no doubt (7.3)',
    breaks: 'I1',
    troubles: ['Docs server restarts'],
    machine: verdicts((verdict) =>
      'doubt' in verdict && verdict.doubt === 'docs-server-may-have-restarted'
        ? certain(verdict)
        : verdict,
    ),
  },
  {
    how: 'a doubt ends with the next event (11.2)',
    breaks: 'I1',
    troubles: ['Docs server restarts'],
    machine(state, event, now, rules) {
      const { doubt: _over, ...rest } = state
      return transition(rest, event, now, rules)
    },
  },
  {
    how: 'an info that says that edits are held counts as one that all is acknowledged (8.1)',
    breaks: 'I1',
    troubles: ['slow conversions'],
    machine: instead((event) =>
      event.type === 'presence' && event.commandId !== undefined && event.users.length === 0
        ? { ...event, status: 4 }
        : event,
    ),
  },
  {
    how: 'no forgotten file is looked for (5, 6)',
    breaks: 'I1',
    troubles: ['refused by the front'],
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      const search = step.effects.find((effect) => effect.type === 'search')
      if (search === undefined) return step
      const next = transition(step.state, { type: 'searched', since: search.since }, now, rules)
      const effects = step.effects.filter((effect) => effect !== search)
      return { ...next, effects: [...effects, ...next.effects] }
    },
  },
  {
    how: 'a save proves the edits of every call that waits (4.2)',
    breaks: 'I1',
    troubles: ['slow conversions'],
    machine: (state, event, now, rules) =>
      transition(
        {
          ...state,
          saves: state.saves.map((save) =>
            save.by === undefined ? save : { ...save, by: { ...save.by, turn: state.turn + 2 } },
          ),
        },
        event,
        now,
        rules,
      ),
  },
  {
    how: 'nothing is ever outstanding (7.2)',
    breaks: 'I1',
    troubles: ['slow conversions', 'same key again'],
    machine: (state, event, now, rules) =>
      transition({ ...state, proven: state.turn }, event, now, rules),
  },
  {
    how: 'what is of unknown order is called the newest (3.2)',
    breaks: 'I4',
    troubles: ["the Docs server's clock", 'slow conversions'],
    machine: afterwards((step) => ({
      ...step,
      effects: step.effects.map((effect) =>
        effect.type === 'run' ? { ...effect, save: { ...effect.save, order: 'newest' } } : effect,
      ),
    })),
  },
  {
    how: 'what onSave failed at counts as stored (10)',
    breaks: 'I3',
    troubles: ['failing onSave'],
    machine: instead((event) =>
      event.type === 'failed' ? { ...event, type: 'stored', stored: null } : event,
    ),
  },
  {
    how: 'a forgotten file is never taken (13.1)',
    breaks: 'I1',
    troubles: ['refused by the front'],
    machine: instead((event) =>
      event.type === 'searched' ? { type: 'searched', since: event.since } : event,
    ),
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
      if (!('lost' in written)) return written
      next = { ...change, version: written.lost.version }
    }
  },
})
