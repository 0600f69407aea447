/** State machines with one rule broken each, and more, to show that the checker of the schedules can fail. */
import type { World } from './schedule.js'
import { transition, type Step, type Transition } from '../../src/settlement/machine.js'
import type { Verdict } from '../../src/settlement/event.js'
import { isFinal, type Command, type DocumentState, type Save } from '../../src/settlement/state.js'
import type { RedisStore } from '../../src/ledger/redis-store.js'
import { saved, unchanged } from '../../src/settlement/verdict.js'

export interface BrokenRule {
  rule: number
  /** What it does wrong. */
  how: string
  /** The invariant that this breaks. */
  breaks: 'I1' | 'I2' | 'I4'
  machine: Transition
  /** The kind of world in which it shows soonest. */
  world?: Partial<World>
}

const isWaiting = ({ kind, settled }: Command): boolean =>
  kind === 'forcesave' && settled === undefined

/** Settles commands that the rules would let wait. */
function settleToo(
  step: Step,
  which: (command: Command) => boolean,
  verdictOn: (command: Command) => Verdict,
  at: number,
): Step {
  const effects = [...step.effects]
  const commands = step.state.commands.map((command) => {
    if (!isWaiting(command) || !which(command)) return command
    const { id, kind } = command
    effects.push({ type: 'settle', id, kind, verdict: verdictOn(command) })
    return { ...command, settled: { turn: step.state.turn, at } }
  })
  return { ...step, state: { ...step.state, commands }, effects }
}

const certainly =
  (save: Save) =>
  (command: Command): Verdict =>
    saved(command, save, { rule: 0, certain: true })

const nothingNew = (reason: 'no-changes' | 'not-open') => (): Verdict =>
  unchanged({ rule: 0, certain: true, reason })

const findSave = (state: DocumentState, name: string): Save | undefined =>
  state.saves.find((save) => save.name === name)

export const brokenRules: readonly BrokenRule[] = [
  {
    rule: 3,
    how: 'saves are stored in the order of their arrival, whatever their lastsave says',
    breaks: 'I4',
    machine(state, event, now, rules) {
      if (event.type !== 'arrived') return transition(state, event, now, rules)
      const { lastSave, ...save } = event.save
      return transition(state, { type: 'arrived', save }, now, rules)
    },
  },
  {
    rule: 4,
    how: 'a forced save settles every forcesave, also those registered after it',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      if (event.type !== 'stored') return step
      const save = findSave(step.state, event.name)
      return save === undefined ? step : settleToo(step, () => true, certainly(save), now)
    },
  },
  {
    rule: 5,
    how: 'a final save settles when it arrives, before it is stored',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      if (event.type !== 'arrived' || event.save.status !== 2) return step
      const save = findSave(step.state, event.save.name)
      return save === undefined ? step : settleToo(step, () => true, certainly(save), now)
    },
  },
  {
    rule: 6,
    how: 'answered 4 means that nothing is to be saved',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      return settleToo(step, ({ answer }) => answer?.error === 4, nothingNew('no-changes'), now)
    },
  },
  {
    rule: 8,
    world: { failing: 0.75, keys: ['k1'], steps: 30 },
    how: 'answered 1 means that everything is stored, forgotten files or not',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      return settleToo(step, ({ answer }) => answer?.error === 1, nothingNew('not-open'), now)
    },
  },
  {
    rule: 9,
    world: { failing: 0.75, keys: ['k1'], steps: 30 },
    how: 'an answer 4 or 1 over a failed save is unchanged',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      const effects = step.effects.map((effect) =>
        effect.type === 'settle' && effect.verdict.outcome === 'failed' && effect.verdict.rule === 9
          ? { ...effect, verdict: nothingNew('no-changes')() }
          : effect,
      )
      return { ...step, effects }
    },
  },
  {
    rule: 10,
    world: {
      ...{ failing: 0.75, slowest: 50, loss: 0, slowConversion: 2000, failingConversion: 0 },
      ...{ keys: ['k1'], steps: 30, otherSaves: false },
    },
    how: 'any forcesave unanswered when a replay comes shares its fate, however many there are',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      return step.state.saves
        .filter(({ phase, replays }) => phase === 'stored' && replays > 0)
        .reduce(
          (last, save) =>
            settleToo(
              last,
              ({ id, answer }) => answer?.error === 0 && save.candidates.includes(id),
              certainly(save),
              now,
            ),
          step,
        )
    },
  },
  {
    rule: 12,
    how: 'a forced save that onSave could not store counts as stored',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const isForced = event.type === 'failed' && findSave(state, event.name)?.status === 6
      return isForced
        ? transition(state, { ...event, type: 'stored', stored: null }, now, rules)
        : transition(state, event, now, rules)
    },
  },
  {
    rule: 15,
    how: 'deadlines pass unnoticed',
    breaks: 'I2',
    machine(state, event, now, rules) {
      const commands = state.commands.map((command) => ({ ...command, deadline: Infinity }))
      return transition({ ...state, commands }, event, now, rules)
    },
  },
  {
    rule: 5,
    how: 'a failed final save rejects nobody and settles as if it were stored',
    breaks: 'I1',
    machine(state, event, now, rules) {
      const step = transition(state, event, now, rules)
      if (event.type !== 'failed') return step
      const save = findSave(step.state, event.name)
      if (save === undefined || !isFinal(save)) return step
      return settleToo(step, () => true, certainly(save), now)
    },
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
