/** Rule 18 of `settlement.md`: the ref of a key. A callback for one file never stores into another. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DocumentState } from '../src/settlement/state.js'
import { arrivalOf, quietStory, story, type Story } from './support/story.js'

type Arriving = Parameters<typeof arrivalOf>[2]

/** Arrives at the callback URL of another file; the key is bound to `file-1`. */
function arriveElsewhere(s: Story, name: string, options?: Arriving): Story {
  const save = arrivalOf(name, s.now, options)
  s.event({ type: 'arrived', save: { ...save, payload: { ...save.payload, ref: 'file-2' } } })
  return s
}

function comesElsewhere(s: Story, users = ['u2']): Story {
  s.event({ type: 'presence', status: 1, users, ref: 'file-2', joined: users, left: [] })
  return s
}

const refsRun = (s: Story): string[] =>
  s.effects.flatMap((effect) => (effect.type === 'run' ? [effect.save.payload.ref] : []))

const misdirected = (s: Story): string[] =>
  s.effects.flatMap((effect) => (effect.type === 'misdirected' ? [effect.ref] : []))

describe('rule 18: a save that comes for another ref', () => {
  for (const status of [2, 6] as const) {
    it(`rule 18: is not stored (${status}), and told as failed for good`, () => {
      const s = story().editing().accepted('a')
      arriveElsewhere(s, 'A', { status, for: 'a' })
      assert.deepEqual(s.runs, [])
      assert.equal(s.told('a'), 'STORAGE_FAILED, for good')
      assert.deepEqual([s.save('A')?.phase, s.save('A')?.ref], ['failed', 'file-1'])
      assert.equal(s.state.ref, 'file-1')
    })
  }

  it('rule 18: whichever kind of callback was the first of the key', () => {
    const s = story().saved('A', { status: 6 })
    arriveElsewhere(s, 'B', { status: 2 })
    assert.deepEqual(s.runs, ['A'])
    assert.deepEqual(refsRun(s), ['file-1'])
  })

  it('rule 18: its edits are not in storage: never unchanged, until something newer is stored', () => {
    const s = quietStory()
    arriveElsewhere(s, 'A', { at: 1 })
    s.wait(2_000).ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'STORAGE_FAILED')
    s.saved('B', { at: 2 }).ask('b').answer('b', 4)
    assert.equal(s.told('b'), 'unchanged, no-changes')
  })

  const phases: [what: string, until: (s: Story) => Story][] = [
    ['waits', (s) => s.arrive('0', { at: 0 }).arrive('A', { for: 'a' })],
    ['is being stored', (s) => s.arrive('A', { for: 'a' })],
    ['is stored', (s) => s.saved('A', { for: 'a' })],
    ['has failed', (s) => s.arrive('A', { for: 'a' }).fail('A')],
    ['has failed and comes again', (s) => s.arrive('A', { status: 2 }).fail('A')],
  ]
  for (const [what, until] of phases) {
    it(`rule 18: that is known already and ${what}: nothing changes`, () => {
      const s = until(story().editing().accepted('a'))
      const relevant = ({ saves, commands, users, ref }: DocumentState): unknown => ({
        ...{ saves, commands, users, ref },
      })
      const before = relevant(s.state)
      const effects = s.effects.length
      arriveElsewhere(s, 'A', { for: 'a' })
      assert.deepEqual(relevant(s.state), before)
      assert.equal(s.effects.length, effects)
    })
  }

  it('rule 18: a failed conversion is told all the same', () => {
    const s = story().editing().accepted('a')
    arriveElsewhere(s, 'A', { status: 7, for: 'a' })
    assert.equal(s.told('a'), 'CONVERSION_FAILED')
  })

  it('rule 18: a forgotten file comes to no URL: stored under the ref that it was searched for', () => {
    const s = story().editing().ask('a').answer('a', 1)
    const found = arrivalOf('G', s.now, { status: 2, at: null, trigger: 'forgotten' })
    const save = { ...found, payload: { ...found.payload, ref: 'file-2' } }
    s.event({ type: 'searched', id: 'a', save })
    assert.deepEqual([refsRun(s), s.state.ref], [['file-2'], 'file-1'])
  })
})

describe('rule 18: who comes with another ref', () => {
  it('rule 18: counts as editing, changes no ref, and is told', () => {
    const s = comesElsewhere(story().editing(), ['u1', 'u2'])
    assert.deepEqual([s.state.ref, s.state.users], ['file-1', ['u1', 'u2']])
    assert.deepEqual(misdirected(s), ['file-2'])
    arriveElsewhere(s, 'A')
    s.saved('B')
    assert.deepEqual(refsRun(s), ['file-1'])
  })

  it('rule 18: binds a new session to it once the last one is closed: the file was renamed', () => {
    const s = comesElsewhere(story().editing().closed())
    assert.deepEqual([s.state.ref, misdirected(s)], ['file-2', []])
    arriveElsewhere(s, 'A').store('A').arrive('B')
    assert.deepEqual(refsRun(s), ['file-2'])
    assert.equal(s.save('B')?.phase, 'failed')
  })

  it('rule 18: and once its final save is stored', () => {
    const s = story().editing().arrive('F', { status: 2 })
    assert.equal(comesElsewhere(s).state.ref, 'file-1')
    const t = story().editing().saved('F', { status: 2 })
    assert.equal(comesElsewhere(t).state.ref, 'file-2')
  })

  it('rule 18: not while a save of the last session has failed: it may come again', () => {
    const s = story().editing().arrive('F', { status: 2 }).fail('F')
    assert.equal(comesElsewhere(s).state.ref, 'file-1')
    assert.equal(s.saved('F', { status: 2 }).save('F')?.phase, 'stored')
    assert.deepEqual(refsRun(s), ['file-1', 'file-1'])
  })

  it('rule 18: a callback that tells of nobody who came binds nothing: an info, somebody who left', () => {
    const s = story().editing().closed()
    for (const left of [[], ['u1']]) {
      s.event({ type: 'presence', status: 1, users: ['u2'], ref: 'file-2', joined: [], left })
    }
    assert.deepEqual([s.state.ref, misdirected(s)], ['file-1', []])
  })
})
