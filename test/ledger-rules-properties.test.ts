/**
 * What holds for the state machine of `settlement.md` whatever happens, in any order. A failing run
 * prints its seed; {@link Story} checks purity, JSON, one verdict per command and one save at a time.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { LedgerEvent } from '../src/settlement/event.js'
import { arrivalOf, plainError, runOf, START, Story } from './support/story.js'

/** What the Docs server can have made: a name always means the same save. */
const SAVES = [
  { name: 'A', options: { for: 'a', at: 1 } },
  { name: 'B', options: { for: 'b', at: 1 } },
  { name: 'C', options: { for: 'c', at: 2, marked: true } },
  { name: 'D', options: { for: 'd', at: null } },
  { name: 'X', options: { at: 2, trigger: 'button' } },
  { name: 'Y', options: { at: 3, trigger: 'timer' } },
  { name: 'F', options: { status: 2, at: 2 } },
  { name: 'G', options: { status: 2, at: 3 } },
  { name: 'E', options: { status: 3, at: 3 } },
  { name: 'Q', options: { for: 'b', status: 7, at: 2 } },
] as const

interface Happening {
  pause: number
  event: LedgerEvent
}

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const name = fc.constantFrom(...SAVES.map((save) => save.name))
const kind = fc.constantFrom('forcesave', 'forcesave', 'forcesave', 'nudge', 'info')
const timeout = fc.constantFrom(2_000, 15_000, 60_000)
const answer = fc.oneof(
  fc.constantFrom(0, 0, 0, 4, 4, 1, 3, 6).map((error) => ({ error })),
  fc.boolean().map((neverArrived) => ({
    error: null,
    failure: plainError('UNREACHABLE'),
    neverArrived,
  })),
)
/** How late a report on a run is: 0 is on the last one of its save. */
const sequence = fc.constantFrom(0, 0, 0, 1)
const users = fc.constantFrom<string[][]>(['u1'], ['u1', 'u2'])
const who = fc.constantFrom<string[][]>([], [], ['u1'], ['u2'])

const event: fc.Arbitrary<LedgerEvent> = fc.oneof(
  fc.record({ type: fc.constant('registered'), id, kind, deadline: timeout }),
  fc.record({ type: fc.constant('answered'), id, answer }),
  fc.record({ type: fc.constant('answered'), id, answer }),
  fc
    .constantFrom(...SAVES)
    .map((save) => ({ type: 'arrived', save: arrivalOf(save.name, START, save.options) }) as const),
  fc.record({ type: fc.constant('stored'), name, sequence, stored: fc.constant({ file: 'some' }) }),
  fc.record({
    type: fc.constant('failed'),
    name,
    sequence,
    error: fc.constant(plainError('STORAGE_FAILED')),
    permanent: fc.boolean(),
  }),
  fc.record({
    type: fc.constant('presence'),
    status: fc.constantFrom<(1 | 4)[]>(1, 4),
    users,
    joined: who,
    left: who,
  }),
  fc.record({
    type: fc.constant('presence'),
    status: fc.constantFrom<(1 | 4)[]>(1, 4),
    users,
    joined: fc.constant([]),
    left: fc.constant([]),
    commandId: id,
  }),
  fc.record({
    type: fc.constant('looked'),
    id,
    presence: fc.constantFrom('editing', 'closed', 'unknown'),
  }),
  fc.record({ type: fc.constant('searched'), id }),
  fc.record({ type: fc.constant('searched'), id, failure: fc.constant(plainError('UNREACHABLE')) }),
  fc.constant({ type: 'tick' } as const),
)

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.record({ pause: fc.constantFrom(0, 0, 0, 1, 500, 1_000, 12_000), event }),
  { maxLength: 40 },
)

/** Plays them; ticks happen when they are due, and looks and searches end only by what happens. */
function play(otherSaves: boolean, all: readonly Happening[]): Story {
  const s = new Story({ otherSaves })
  s.sees = undefined
  for (const { pause, event } of all) {
    s.wait(pause)
    if (event.type === 'registered') s.event({ ...event, deadline: s.now + event.deadline })
    else if (event.type === 'stored' || event.type === 'failed') {
      const last = runOf(s.state, event.name).sequence
      s.event({ ...event, sequence: last - event.sequence })
    } else s.event({ ...event })
  }
  return s
}

describe('whatever happens', () => {
  const check = (property: (s: Story) => void): void =>
    fc.assert(
      fc.property(fc.boolean(), happenings, (otherSaves, all) => property(play(otherSaves, all))),
      { numRuns: 1_500 },
    )

  it('every command gets exactly one verdict, by its deadline', () => {
    check((s) => {
      for (const { id, settled, deadline } of s.state.commands) {
        assert.ok(settled !== undefined || (deadline ?? Infinity) > s.now, id)
      }
      s.wait(60_000)
      for (const { id, settled } of s.state.commands) assert.ok(settled !== undefined, id)
    })
  })

  it('the sequence grows from save to save', () => {
    check(({ effects }) => {
      let last = 0
      for (const effect of effects) {
        if (effect.type !== 'run') continue
        assert.ok(effect.save.sequence > last)
        last = effect.save.sequence
      }
    })
  })

  it('no save waits while none is being stored', () => {
    check(({ state }) => {
      if (state.saves.some(({ phase }) => phase === 'running')) return
      assert.ok(!state.saves.some(({ phase }) => phase === 'waiting'))
    })
  })

  it('nothing is told before it is stored: a command is saved only when some save is', () => {
    check(({ effects, state }) => {
      const saved = effects.some((e) => e.type === 'settle' && e.verdict.outcome === 'saved')
      assert.ok(!saved || state.saves.some(({ phase }) => phase === 'stored'))
    })
  })

  it('a failed conversion is never handed to onSave', () => {
    check(({ runs }) => assert.ok(!runs.includes('E') && !runs.includes('Q')))
  })

  it('payloads are kept for what is still to be stored only', () => {
    check(({ state }) => {
      for (const { name, phase, payload } of state.saves) {
        const open = phase === 'waiting' || phase === 'running'
        assert.ok(open || payload === undefined, `${name} is ${phase}`)
      }
    })
  })

  it('after the retention time everything that has ended is dropped, once the document is not open', () => {
    check((s) => {
      s.wait(60_000).ask('over').answer('over', 1).searched('over', undefined)
      for (const { phase, name } of s.state.saves) if (phase === 'running') s.store(name)
      for (let run = s.state.saves.find(isRunning); run; run = s.state.saves.find(isRunning)) {
        s.store(run.name)
      }
      s.wait(s.rules.retention)
      s.event({ type: 'tick' })
      assert.deepEqual([s.state.commands, s.state.saves], [[], []])
      assert.equal(s.dueAt, Infinity)
    })
  })
})

const isRunning = ({ phase }: { phase: string }): boolean => phase === 'running'

describe('what is kept of a busy key', () => {
  /** Neither the number nor the choice of what is kept is promised, only that it has a bound. */
  const BOUND = 100

  /** Within the retention time, `round` happens 300 times. */
  function busy(round: (s: Story, number: number) => void): Story {
    const s = new Story()
    for (let number = 0; number < 300; number += 1) {
      s.wait(1_000)
      round(s, number)
    }
    return s
  }

  it('stored saves and their commands are bounded', () => {
    const { state } = busy((s, n) => s.accepted(`a${n}`).saved(`A${n}`, { for: `a${n}` }))
    assert.ok(state.commands.length <= BOUND, `${state.commands.length} commands`)
    assert.ok(state.saves.length <= BOUND, `${state.saves.length} saves`)
  })

  it('the newest of them are kept', () => {
    const { state } = busy((s, n) => s.accepted(`a${n}`).saved(`A${n}`, { for: `a${n}` }))
    assert.equal(state.commands.at(-1)?.id, 'a299')
    assert.equal(state.saves.at(-1)?.name, 'A299')
  })

  it('infos are bounded', () => {
    const { state } = busy((s, n) => {
      s.register(`i${n}`, { kind: 'info' }).informed(`i${n}`, ['u1']).answer(`i${n}`, 0)
    })
    assert.ok(state.commands.length <= BOUND, `${state.commands.length} commands`)
  })

  it('what is unfinished is kept, however much is finished after it', () => {
    const s = new Story().register('first', { timeout: 2_000_000 }).answer('first', 0)
    for (let n = 0; n < 300; n += 1) s.register(`i${n}`, { kind: 'info' }).answer(`i${n}`, 1)
    assert.ok(s.state.commands.some(({ id }) => id === 'first'))
  })

  it('failed saves are bounded', () => {
    const { state } = busy((s, n) => s.arrive(`A${n}`).fail(`A${n}`))
    assert.ok(state.saves.length <= BOUND, `${state.saves.length} saves`)
  })

  it('the newest failure is kept, for rule 9', () => {
    const { state } = busy((s, n) => s.arrive(`A${n}`).fail(`A${n}`))
    assert.equal(state.saves.at(-1)?.name, 'A299')
  })
})
