/** `settlement.md`, rules 7 to 10: answers 3 and 1, failures that stand, replays. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plainError, quietStory, RULES, story, type Story } from './support/story.js'

describe('rule 7: answered 3', () => {
  const answered3 = () => story().editing().ask('a').answer('a', 3)

  it('rule 7: fails after the grace period, retryable', () => {
    const s = answered3().wait(999)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1).told('a'), 'COMMAND_REJECTED 3')
  })

  it('rule 7: a callback of its own within the grace period is waited for, however long it takes', () => {
    const s = answered3().wait(900).arrive('A', { for: 'a' }).wait(20_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('A').told('a'), 'saved A')
  })

  it('rule 7: a failed conversion of its own within the grace period is the failure it tells', () => {
    assert.equal(answered3().arrive('A', { for: 'a', status: 7 }).told('a'), 'CONVERSION_FAILED')
  })

  it('rule 7: a final save within the grace period is waited for', () => {
    const s = answered3().wait(900).arrive('F', { status: 2 }).wait(20_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('F').told('a'), 'saved F')
  })

  it('rule 7: a final save that fails comes again, and is still waited for', () => {
    const s = answered3().arrive('F', { status: 2 }).fail('F').wait(4_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.saved('F', { status: 2 }).told('a'), 'saved F')
  })

  it('rule 7: a final save that never comes again is waited for until the deadline', () => {
    const s = answered3().arrive('F', { status: 2 }).fail('F').wait(60_000)
    assert.equal(s.told('a'), 'TIMEOUT')
  })

  it('rule 7: a save of nobody known does not help it', () => {
    assert.equal(answered3().saved('X').wait(1_000).told('a'), 'COMMAND_REJECTED 3')
  })

  it('rule 7: a callback of its own before its answer counts as well', () => {
    const s = story().ask('a').arrive('A', { for: 'a' }).answer('a', 3).wait(20_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('A').told('a'), 'saved A')
  })

  it('rule 7: a callback after the grace period is late, and its save stored all the same', () => {
    const s = answered3().wait(1_000).saved('A', { for: 'a' })
    assert.equal(s.told('a'), 'COMMAND_REJECTED 3')
    assert.equal(s.save('A')?.phase, 'stored')
    assert.equal(s.count('late'), 1)
  })

  it('rule 7: others answered 4 wait for it no longer than its grace period', () => {
    const s = quietStory({ grace: 1_000 }).ask('a').answer('a', 3).ask('b').answer('b', 4)
    assert.equal(s.wait(999).told('b'), 'waits')
    assert.equal(s.wait(1_001).told('b'), 'unchanged, no-changes')
  })

  for (const [error, told] of [
    [2, 'COMMAND_REJECTED 2, for good'],
    [5, 'COMMAND_REJECTED 5, for good'],
    [6, 'COMMAND_REJECTED 6, for good'],
    [7, 'COMMAND_REJECTED 7, for good'],
    [99, 'COMMAND_REJECTED 99, for good'],
  ] as const) {
    it(`rule 7: answered ${error}, it fails at once`, () => {
      assert.equal(story().ask('a').answer('a', error).told('a'), told)
    })
  }

  it('rule 7: a request that certainly never arrived fails at once', () => {
    assert.equal(story().ask('a').unreachable('a', true).told('a'), 'UNREACHABLE')
  })

  it('rule 7: a request that may have arrived fails after the grace period', () => {
    const s = story().ask('a').unreachable('a', false).wait(999)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1).told('a'), 'UNREACHABLE')
  })

  it('rule 7: unless its callback shows that it has', () => {
    const s = story().ask('a').unreachable('a', false).arrive('A', { for: 'a' }).wait(9_000)
    assert.equal(s.store('A').told('a'), 'saved A')
    const t = story().ask('a').unreachable('a', false).arrive('F', { status: 2 }).wait(9_000)
    assert.equal(t.store('F').told('a'), 'saved F')
  })
})

describe('rule 8: answered 1', () => {
  const answered1 = (...ids: string[]) => {
    const s = story().editing()
    for (const id of ids) s.ask(id).answer(id, 1)
    return s
  }

  it('rule 8: a forgotten file is searched, under the ref that callbacks told', () => {
    const s = answered1('a')
    assert.equal(s.told('a'), 'waits')
    assert.deepEqual(s.effects, [{ type: 'search', id: 'a', ref: 'file-1' }])
  })

  it('rule 8: there is none: unchanged, not open, certain', () => {
    assert.equal(answered1('a').searched('a', undefined).told('a'), 'unchanged, not-open')
  })

  it("rule 8: one is found: it joins the key's saves and settles once stored", () => {
    const s = answered1('a').searched('a', 'G')
    assert.deepEqual(s.runs, ['G'])
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('G').told('a'), 'saved G')
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.deepEqual([verdict.trigger, verdict.certain], ['forgotten', true])
  })

  for (const permanent of [false, true]) {
    it(`rule 8: one is found and fails${permanent ? ' for good' : ''}: never unchanged`, () => {
      const s = answered1('a').searched('a', 'G').fail('G', permanent)
      assert.equal(s.told('a').startsWith('STORAGE_FAILED'), true, s.told('a'))
    })
  }

  it('rule 8: the search fails: so does the call', () => {
    const s = answered1('a').searched('a', plainError('UNREACHABLE'))
    assert.equal(s.told('a'), 'UNREACHABLE')
  })

  it('rule 8: one search at a time; the second follows when the first found nothing', () => {
    const s = answered1('a', 'b')
    assert.deepEqual(s.searches, ['a'])
    assert.deepEqual(s.searched('a', undefined).searches, ['a', 'b'])
    assert.equal(s.searched('b', undefined).told('b'), 'unchanged, not-open')
  })

  it('rule 8: the second follows when the first has failed', () => {
    const s = answered1('a', 'b').searched('a', plainError('UNREACHABLE'))
    assert.deepEqual(s.searches, ['a', 'b'])
    assert.equal(s.searched('b', undefined).told('b'), 'unchanged, not-open')
  })

  it('rule 8: the second follows when the file found is stored, and not before', () => {
    const s = answered1('a', 'b').searched('a', 'G')
    assert.deepEqual(s.searches, ['a'])
    s.store('G')
    // A final save settles those registered before it arrived (rule 5): b needs no search any more.
    assert.deepEqual([s.told('a'), s.told('b')], ['saved G', 'saved G'])
    s.ask('c').answer('c', 1)
    assert.deepEqual(s.searches, ['a', 'c'])
  })

  it('rule 8: a command that comes while the file found is being stored searches afterwards', () => {
    const s = answered1('a').searched('a', 'G').ask('b').answer('b', 1)
    assert.deepEqual(s.searches, ['a'])
    assert.deepEqual(s.store('G').searches, ['a', 'b'])
    assert.equal(s.searched('b', undefined).told('b'), 'saved G')
  })

  it('rule 8: a command after a failed attempt searches again, and finds it', () => {
    const s = answered1('a').searched('a', 'G').fail('G').ask('b').answer('b', 1)
    assert.deepEqual(s.searches, ['a', 'b'])
    assert.equal(s.searched('b', 'H').store('H').told('b'), 'saved H')
  })

  it('rule 8: a search that never ends holds up nobody once its command has run out of time', () => {
    const s = answered1('a').wait(60_000).ask('b').answer('b', 1)
    assert.equal(s.told('a'), 'TIMEOUT')
    assert.deepEqual(s.searches, ['a', 'b'])
  })

  it('rule 8: waits for saves that have arrived and are not stored', () => {
    const s = story().arrive('X').ask('a').answer('a', 1).searched('a', undefined)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('X').told('a'), 'saved X')
  })

  it('rule 8: what was stored before the call is no news', () => {
    const s = story().saved('X').ask('a').answer('a', 1).searched('a', undefined)
    assert.equal(s.told('a'), 'unchanged, not-open')
  })
})

describe('rule 9: never unchanged over a failure', () => {
  const failedSave = (options = {}) =>
    quietStory()
      .arrive('A', { at: 5, ...options })
      .fail('A', true)
  const ask4 = (s: ReturnType<typeof story>) => s.ask('z').answer('z', 4).told('z')
  const ask1 = (s: ReturnType<typeof story>) =>
    s.ask('y').answer('y', 1).searched('y', undefined).told('y')

  it('rule 9: after a failed save, a 4 ends as that failure, retryable', () => {
    assert.equal(ask4(failedSave()), 'STORAGE_FAILED')
  })

  it('rule 9: a 1 does, too', () => {
    assert.equal(ask1(failedSave()), 'STORAGE_FAILED')
  })

  for (const status of [7, 3] as const) {
    it(`rule 9: after a failed conversion (${status}) both end as that failure`, () => {
      const s = quietStory().arrive('A', { status, at: 5 })
      assert.equal(ask4(s), 'CONVERSION_FAILED')
      assert.equal(ask1(s), 'CONVERSION_FAILED')
    })
  }

  it('rule 9: after a final save that failed, both end as that failure', () => {
    const s = quietStory().arrive('F', { status: 2 }).fail('F', true)
    assert.equal(ask4(s), 'STORAGE_FAILED')
    assert.equal(ask1(s), 'STORAGE_FAILED')
  })

  it('rule 9: with editors, after the grace period', () => {
    const s = story().editing().arrive('A').fail('A').ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1_000).told('a'), 'STORAGE_FAILED')
  })

  const healing: [string, (s: ReturnType<typeof story>) => unknown][] = [
    ['a stored save with a later lastSave', (s) => s.saved('B', { at: 6 })],
    ['the same save stored after all', (s) => s.saved('A', { at: 5 })],
    ['a final save', (s) => s.saved('F', { status: 2, at: 5 })],
    ['a final save without a lastSave', (s) => s.saved('F', { status: 2, at: null })],
  ]
  for (const [what, happens] of healing) {
    it(`rule 9: ${what} heals it`, () => {
      const s = failedSave()
      happens(s)
      assert.equal(ask4(s), 'unchanged, no-changes')
      assert.equal(ask1(s), 'unchanged, not-open')
    })
  }

  it('rule 9: the final save heals a final conversion that failed', () => {
    const s = quietStory().arrive('E', { status: 3, at: 5 }).saved('F', { status: 2, at: 5 })
    assert.equal(ask4(s), 'unchanged, no-changes')
  })

  it('rule 9: a save whose command left after the failed one had come heals it, without any time', () => {
    const s = failedSave({ at: null }).accepted('b').saved('B', { for: 'b', at: null })
    assert.equal(ask4(s), 'unchanged, no-changes')
  })

  const standing: [string, (s: ReturnType<typeof story>) => unknown][] = [
    ['a stored save with an older lastSave', (s) => s.saved('B', { at: 4 })],
    ['another save of the same second', (s) => s.saved('B', { at: 5 })],
    ['a save without a lastSave', (s) => s.saved('B', { at: null })],
    ['another failure', (s) => s.arrive('B', { at: 6 }).fail('B', true)],
    ['a close', (s) => s.editing().closed()],
    ['half an hour', (s) => s.wait(1_800_000)],
  ]
  for (const [what, happens] of standing) {
    it(`rule 9: ${what} does not heal it`, () => {
      const s = failedSave()
      happens(s)
      assert.equal(ask4(s), 'STORAGE_FAILED')
      assert.equal(ask1(s), 'STORAGE_FAILED')
    })
  }

  it('rule 9: a save stored before the failed one, of the same second, does not heal it', () => {
    const s = quietStory().saved('B', { at: 5 }).arrive('A', { at: 5 }).fail('A', true)
    assert.equal(ask4(s), 'STORAGE_FAILED')
  })

  it('rule 9: a save of the same second whose command left before the failed one came does not heal it', () => {
    const s = quietStory().accepted('b').arrive('A', { at: 5 }).fail('A', true)
    s.saved('B', { for: 'b', at: 5 })
    assert.equal(ask4(s), 'STORAGE_FAILED')
  })

  it('rule 9: once a newer save has failed and is healed, the older failure is, too', () => {
    const s = failedSave().arrive('B', { at: 6 }).fail('B', true).saved('B', { at: 6 })
    assert.equal(ask4(s), 'unchanged, no-changes')
  })
})

describe('rule 10: a replay', () => {
  /** a's save was refused once; then these commands are on their way. */
  const refused = (...ids: string[]) =>
    quietStory()
      .accepted('a')
      .arrive('A', { for: 'a' })
      .fail('A')
      .ask(...ids)
  const replay = { for: 'a', marked: true }

  it('rule 10: the one forcesave unanswered when it arrives shares its fate, once answered 0', () => {
    const s = refused('b').arrive('A', replay).store('A')
    assert.equal(s.told('b'), 'waits', 'it may yet be answered 4')
    assert.equal(s.answer('b', 0).told('b'), 'saved A')
    const t = refused('b').arrive('A', replay).answer('b', 0)
    assert.equal(t.told('b'), 'waits')
    assert.equal(t.store('A').told('b'), 'saved A')
  })

  it('rule 10: it fails again: so does the one that shares its fate', () => {
    const s = refused('b').arrive('A', replay).answer('b', 0).fail('A')
    assert.equal(s.told('b'), 'STORAGE_FAILED')
  })

  it('rule 10: also of a save that is stored already, since our reply was lost', () => {
    const s = quietStory().accepted('a').saved('A', { for: 'a' }).ask('b').arrive('A', replay)
    assert.equal(s.answer('b', 0).told('b'), 'saved A')
    assert.deepEqual(s.runs, ['A'])
  })

  it('rule 10: the very same message again is no replay: whoever heard it can send it', () => {
    const heard = { for: 'a', message: 'heard' }
    const s = quietStory().accepted('a').saved('A', heard).ask('b').arrive('A', heard)
    assert.equal(s.answer('b', 0).told('b'), 'waits', 'its own save is still to come')
    assert.equal(s.saved('B', { for: 'b' }).told('b'), 'saved B')
  })

  it('rule 5: the very same final save again settles nothing that was registered since', () => {
    const heard = { status: 2, message: 'heard' } as const
    const s = quietStory().saved('F', heard).accepted('b').arrive('F', heard)
    assert.equal(s.told('b'), 'waits')
  })

  it('rule 10: two candidates, one replay, both answered 0: neither shares it', () => {
    const s = refused('b', 'c').arrive('A', replay).answer('b', 0).answer('c', 0).store('A')
    assert.deepEqual([s.told('b'), s.told('c')], ['waits', 'waits'])
    s.saved('C', { for: 'c' })
    assert.deepEqual([s.told('b'), s.told('c')], ['saved C', 'saved C'])
  })

  it('rule 10: two candidates, two replays, both answered 0: both share it', () => {
    const s = refused('b', 'c').arrive('A', replay).fail('A').arrive('A', replay)
    s.answer('b', 0).answer('c', 0)
    assert.deepEqual([s.told('b'), s.told('c')], ['waits', 'waits'])
    s.store('A')
    assert.deepEqual([s.told('b'), s.told('c')], ['saved A', 'saved A'])
  })

  for (const order of [
    ['b', 'c'],
    ['c', 'b'],
  ]) {
    it(`rule 10: a candidate answered 4 has not caused it (${order.join(' before ')})`, () => {
      const s = refused('b', 'c').arrive('A', replay)
      for (const id of order) s.answer(id, id === 'c' ? 4 : 0)
      s.store('A')
      assert.deepEqual([s.told('b'), s.told('c')], ['saved A', 'saved A'])
    })
  }

  it('rule 10: a forcesave answered before it arrived is no candidate', () => {
    const s = refused('b').answer('b', 0).ask('c').arrive('A', replay).answer('c', 0).store('A')
    assert.deepEqual([s.told('b'), s.told('c')], ['waits', 'saved A'])
  })

  it('rule 10: a forcesave registered after it arrived is no candidate', () => {
    const s = refused('b').arrive('A', replay).ask('c').answer('b', 0).answer('c', 0).store('A')
    assert.deepEqual([s.told('b'), s.told('c')], ['saved A', 'waits'])
  })

  it('rule 10: a nudge is a candidate, and an info is none', () => {
    const s = refused().register('n', { kind: 'nudge' }).register('i', { kind: 'info' })
    s.ask('c').arrive('A', replay).answer('n', 0).answer('c', 0).store('A')
    assert.equal(s.told('c'), 'waits', 'the nudge may have caused it')
    const t = refused('c').register('i', { kind: 'info' }).arrive('A', replay).answer('c', 0)
    assert.equal(t.store('A').told('c'), 'saved A')
  })

  it('rule 10: "encrypted": false tells a replay whose first delivery was lost', () => {
    const s = quietStory().accepted('a').ask('b').arrive('A', replay).answer('b', 0).store('A')
    assert.deepEqual([s.told('a'), s.told('b')], ['saved A', 'saved A'])
  })

  it('rule 10: a late first delivery is none: who is answered 0 gets a callback of its own', () => {
    const s = quietStory().accepted('a', 'b').saved('B', { for: 'b', at: 1 })
    s.ask('c').arrive('A', { for: 'a', at: 2 }).answer('c', 0).store('A')
    assert.deepEqual([s.told('a'), s.told('c')], ['saved B', 'waits'])
    assert.equal(s.saved('C', { for: 'c', at: 3 }).told('c'), 'saved C')
  })

  it('rule 10: a final save sent again is none', () => {
    const s = quietStory().arrive('F', { status: 2 }).fail('F').editing().ask('b')
    s.arrive('F', { status: 2 }).answer('b', 0)
    assert.equal(s.state.commands[0]?.shares, undefined)
  })

  it('rule 10: nobody was unanswered: it is stored, and nobody shares it', () => {
    const s = refused().arrive('A', replay).ask('b').answer('b', 0).store('A')
    assert.equal(s.told('b'), 'waits')
    assert.equal(s.save('A')?.phase, 'stored')
  })
})

it('rule 9: a failure stands for as long as the document is open, and is forgotten in the end', () => {
  const s = quietStory().wait(2_000).accepted('x').arrive('A', { for: 'x', status: 7 })
  s.wait(RULES.retention + 1)
    .ask('a')
    .answer('a', 4)
    .wait(20_000)
  assert.equal(s.told('a'), 'CONVERSION_FAILED')
  s.saved('F', { status: 2 })
    .wait(RULES.retention + 1)
    .comes('u1')
  assert.equal(s.state.saves.length, 0)
})

describe('rule 6: what never came is remembered for as long as the document is open', () => {
  const later = RULES.retention + 60_001

  it('an accepted command: a 4 is no word that its save is stored', () => {
    const s = quietStory().wait(2_000).accepted('x').wait(later).ask('a').answer('a', 4)
    s.wait(60_000)
    assert.equal(s.told('a'), 'TIMEOUT')
  })

  it('a request of unknown fate: no result is certain', () => {
    const s = quietStory().wait(2_000).ask('x').unreachable('x', false).wait(later)
    s.ask('a').answer('a', 4).wait(20_000)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  for (const [what, answer] of [
    ['an accepted command', (s: Story) => s.answer('x', 0)],
    ['a request of unknown fate', (s: Story) => s.unreachable('x', false)],
  ] as const) {
    it(`${what}: until a save is stored that was asked for since`, () => {
      const s = quietStory().wait(2_000)
      answer(s.ask('x')).wait(later)
      s.accepted('b').saved('B', { for: 'b' }).wait(1).ask('a').answer('a', 4).wait(20_000)
      assert.equal(s.told('a'), 'unchanged, no-changes')
    })
  }

  it('the last accepted one is not forgotten over a later one of unknown fate', () => {
    const s = quietStory().wait(2_000).accepted('x').wait(1).ask('y').unreachable('y', false)
    s.wait(later).ask('a').answer('a', 4).wait(60_000)
    assert.equal(s.told('a'), 'TIMEOUT')
  })

  it('and of many only the last: whatever makes up for that one makes up for them all', () => {
    const s = quietStory().wait(2_000)
    for (let hour = 0; hour < 5; hour += 1) s.accepted(`x${hour}`).wait(later)
    s.ask('a').answer('a', 4)
    const forcesaves = s.state.commands.filter(({ kind }) => kind === 'forcesave')
    assert.deepEqual(
      forcesaves.map(({ id }) => id),
      ['x4', 'a'],
    )
  })

  it('and no longer', () => {
    const s = quietStory().wait(2_000).accepted('x').wait(later)
    s.ask('over').answer('over', 1).searched('over', undefined).wait(later).comes('u1')
    assert.deepEqual(s.state.commands, [])
  })
})
