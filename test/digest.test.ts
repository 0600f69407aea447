/** What is carried along from list to list is what would be found by looking through it again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { added, changed, digestOf, without } from '../src/settlement/digest.js'
import type { Save } from '../src/settlement/state.js'
import { firstSeed } from './support/seed.js'

const facts = { filetype: 'docx', users: [] }
const always = {
  name: fc.constantFrom('a', 'b'),
  ref: fc.constant('file'),
  status: fc.constantFrom(2 as const, 6 as const),
  turn: fc.nat(9),
  lastTurn: fc.nat(9),
  at: fc.nat(9),
  facts: fc.constant(facts),
  messages: fc.constant([]),
  trigger: fc.constant('command' as const),
  by: fc.record({ id: fc.constantFrom('x', 'y'), turn: fc.nat(3) }),
  sequence: fc.nat(3),
}
/** What mostly is: on its way to being stored, or stored. */
const usual: fc.Arbitrary<Save> = fc.record({
  ...always,
  phase: fc.constantFrom('waiting', 'running', 'stored', 'stored'),
})
const rare: fc.Arbitrary<Save> = fc.record(
  {
    ...always,
    trigger: fc.constantFrom('command', 'close', 'forgotten'),
    phase: fc.constantFrom('doubtful', 'waiting', 'running', 'stored', 'failed', 'dropped'),
    done: fc.record({ turn: fc.nat(9), at: fc.nat(9) }),
    order: fc.constantFrom('newest', 'unknown'),
    replayed: fc.nat(9),
    discarded: fc.constant(true),
    within: fc.constant('a'),
    lastSave: fc.nat(9),
    changes: fc.array(fc.constant('h'), { maxLength: 3 }),
  },
  {
    requiredKeys: [
      ...(['name', 'ref', 'status', 'trigger', 'turn', 'lastTurn'] as const),
      ...(['at', 'facts', 'messages', 'phase'] as const),
    ],
  },
)
const aSave = fc.oneof({ arbitrary: usual, weight: 3 }, { arbitrary: rare, weight: 1 })
type Step = { what: 'add' | 'change' | 'drop'; at: number; save: Save }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.constantFrom('add', 'add', 'change', 'drop'),
    at: fc.nat(20),
    save: aSave,
  }),
  { maxLength: 30 },
)

function after(saves: readonly Save[], { what, at, save }: Step): readonly Save[] {
  const chosen = saves[at % saves.length]
  if (what === 'add' || chosen === undefined) return added(saves, save)
  return what === 'change' ? changed(saves, chosen, save) : without(saves, [chosen])
}

describe('the digest of the saves of a key', () => {
  it('is the same however its list came about, and its limits still hold', () => {
    fc.assert(
      fc.property(steps, (all) => {
        let saves: readonly Save[] = []
        for (const step of all) {
          saves = after(saves, step)
          const { writtenUpTo, orderedUpTo, mostChanges, lastSave, firstEnd, ...exact } =
            digestOf(saves)
          const found = digestOf([...saves])
          assert.deepEqual({ ...found, ...exact }, found)
          assert.ok(writtenUpTo >= found.writtenUpTo && orderedUpTo >= found.orderedUpTo)
          assert.ok(mostChanges >= found.mostChanges && lastSave >= found.lastSave)
          assert.ok(firstEnd <= found.firstEnd)
        }
      }),
      { seed: firstSeed(), numRuns: 2_000 },
    )
  })
})
