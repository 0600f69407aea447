/** `settlement.md`, rules 4 to 6: what a save settles, and what an answer 4 means. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { quietStory, story } from './support/story.js'

describe('rule 4: a forced save with a known id', () => {
  it('rule 4: settles its command once it is stored, not before', () => {
    const s = story().accepted('a').arrive('A', { for: 'a' })
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('A').told('a'), 'saved A')
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.deepEqual([verdict.rule, verdict.trigger, verdict.final], [4, 'command', false])
  })

  it('rule 4: settles every unsettled forcesave registered before, whatever it was answered', () => {
    const s = story().ask('a').accepted('b').ask('c').answer('c', 4).accepted('d')
    s.saved('D', { for: 'd' })
    for (const id of ['a', 'b', 'c', 'd']) assert.equal(s.told(id), 'saved D', id)
  })

  it('rule 4: does not settle those registered after: their edits may be newer', () => {
    const s = story().accepted('a').ask('b').accepted('c').saved('A', { for: 'a' })
    assert.deepEqual([s.told('a'), s.told('b'), s.told('c')], ['saved A', 'waits', 'waits'])
  })

  it('rule 4: does not settle one registered while it was on its way to storage', () => {
    const s = story().accepted('a').arrive('A', { for: 'a' }).accepted('b').store('A')
    assert.equal(s.told('b'), 'waits')
  })

  it('rule 4: the save of a nudge settles those before it, like any forcesave', () => {
    const s = story().accepted('a').register('n', { kind: 'nudge' }).answer('n', 0)
    assert.equal(s.saved('N', { for: 'n' }).told('a'), 'saved N')
  })

  it('rule 4: the id of an info makes no save known', () => {
    const s = story().accepted('a').register('i', { kind: 'info' }).saved('X', { for: 'i' })
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 4: a stale save settles its command', () => {
    // b's request was overtaken by a's on its way, so a's save is the newer one.
    const s = story().ask('a', 'b').answer('b', 0).answer('a', 0)
    s.saved('A', { for: 'a', at: 5 }).arrive('B', { for: 'b', at: 3 })
    assert.equal(s.told('b'), 'saved A')
  })
})

describe('rule 5: a final save', () => {
  it('rule 5: settles every forcesave registered before it arrived', () => {
    const s = story().accepted('a').ask('b').ask('c').answer('c', 4).arrive('F', { status: 2 })
    assert.equal(s.told('a'), 'waits')
    s.store('F')
    for (const id of ['a', 'b', 'c']) assert.equal(s.told(id), 'saved F', id)
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.deepEqual([verdict.rule, verdict.trigger, verdict.final], [5, 'close', true])
  })

  it('rule 5: does not settle one registered after it arrived', () => {
    const s = story().accepted('a').arrive('F', { status: 2 }).accepted('b').store('F')
    assert.deepEqual([s.told('a'), s.told('b')], ['saved F', 'waits'])
  })

  it('rule 5: its last arrival counts', () => {
    const s = story().arrive('F', { status: 2 }).fail('F').accepted('a')
    s.arrive('F', { status: 2 }).accepted('b').store('F')
    assert.deepEqual([s.told('a'), s.told('b')], ['saved F', 'waits'])
  })

  it('rule 5: settles them also when another final save has come meanwhile', () => {
    const s = story().accepted('a').arrive('F', { status: 2, at: 1 }).editing()
    s.arrive('G', { status: 2, at: 9 }).store('F')
    assert.equal(s.told('a'), 'saved F')
  })
})

describe('rule 6: answered 4, while something is under way', () => {
  it('rule 6: nothing was there: unchanged, and certain when nobody else saves', () => {
    assert.equal(quietStory().ask('a').answer('a', 4).told('a'), 'unchanged, no-changes')
  })

  it('rule 6: what was stored before the call is no news', () => {
    const s = quietStory().accepted('a').saved('A', { for: 'a' }).ask('b').answer('b', 4)
    assert.equal(s.told('b'), 'unchanged, no-changes')
  })

  it('rule 6: what was stored between registration and answer is', () => {
    const s = quietStory().accepted('a').arrive('A', { for: 'a' }).ask('b').store('A')
    assert.equal(s.answer('b', 4).told('b'), 'saved A')
  })

  for (const error of [4, 1, 2, 6]) {
    it(`rule 6: waits for a forcesave not answered yet; it is answered ${error}: unchanged`, () => {
      const s = quietStory().ask('a', 'b').answer('b', 4)
      assert.equal(s.told('b'), 'waits')
      assert.equal(s.answer('a', error).told('b'), 'unchanged, no-changes')
    })
  }

  it('rule 6: waits for a forcesave not answered yet; it is accepted: waits for its save', () => {
    const s = quietStory().ask('a', 'b').answer('b', 4).answer('a', 0)
    assert.equal(s.told('b'), 'waits')
    s.arrive('A', { for: 'a' })
    assert.equal(s.told('b'), 'waits')
    assert.equal(s.store('A').told('b'), 'saved A')
  })

  it('rule 6: a forcesave registered after it, but before its answer, is under way as well', () => {
    const s = quietStory().ask('a', 'b').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.answer('b', 0).told('a'), 'waits')
  })

  it('rule 6: one registered after its answer is not waited for', () => {
    const s = quietStory().ask('x', 'a').answer('a', 4).ask('b').answer('x', 4)
    assert.equal(s.told('a'), 'unchanged, no-changes')
  })

  it('rule 6: a forcesave that certainly never left is not waited for', () => {
    const s = quietStory().ask('a', 'b').answer('b', 4).unreachable('a', true)
    assert.equal(s.told('b'), 'unchanged, no-changes')
  })

  it('rule 6: waits for an accepted forcesave whose own callback is to come', () => {
    const s = quietStory().accepted('a').ask('b').answer('b', 4)
    assert.equal(s.told('b'), 'waits')
    assert.equal(s.saved('A', { for: 'a' }).told('b'), 'saved A')
  })

  it('rule 6: also when another save has settled that one already', () => {
    const s = quietStory().ask('a').ask('b').answer('a', 0).answer('b', 0)
    assert.equal(s.saved('B', { for: 'b', at: 5 }).told('a'), 'saved B')
    s.ask('c').answer('c', 4)
    assert.equal(s.told('c'), 'waits')
    assert.equal(s.arrive('A', { for: 'a', at: 9 }).told('c'), 'waits')
    assert.equal(s.store('A').told('c'), 'saved A')
  })

  it('rule 6: not for one that a save asked for after its answer covers: that holds all it can hold', () => {
    const s = quietStory().ask('a').answer('a', 0).ask('b').answer('b', 0)
    assert.equal(s.saved('B', { for: 'b', at: 5 }).told('a'), 'saved B')
    assert.equal(s.ask('c').answer('c', 4).told('c'), 'unchanged, no-changes')
  })

  it('rule 6: also when that one ran out of time already', () => {
    const s = quietStory().register('a', { timeout: 5_000 }).answer('a', 0).wait(5_000)
    s.ask('b').answer('b', 4)
    assert.deepEqual([s.told('a'), s.told('b')], ['TIMEOUT', 'waits'])
    assert.equal(s.saved('A', { for: 'a' }).told('b'), 'saved A')
  })

  it('rule 6: waits for saves that have arrived and are not stored, whoever made them', () => {
    const s = quietStory().arrive('X', { at: 1 }).arrive('Y', { at: 2 })
    s.ask('a').answer('a', 4).store('X')
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('Y').told('a'), 'saved Y')
  })

  it('rule 6: waits for a save that came between registration and answer', () => {
    const s = quietStory().ask('a').arrive('X').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('X').told('a'), 'saved X')
  })

  it('rule 6: waits for all of them, and tells the newest', () => {
    const s = quietStory().accepted('a', 'b').arrive('X', { at: 1 }).ask('c').answer('c', 4)
    s.saved('A', { for: 'a', at: 2 }).store('X').store('A')
    assert.equal(s.told('c'), 'waits')
    assert.equal(s.saved('B', { for: 'b', at: 3 }).told('c'), 'saved B')
  })

  it('rule 6: an info or its callback is not under way', () => {
    const s = quietStory().register('i', { kind: 'info' }).ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'unchanged, no-changes')
  })

  it('rule 6: a nudge is', () => {
    const s = quietStory().register('n', { kind: 'nudge' }).answer('n', 0).ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.saved('N', { for: 'n' }).told('a'), 'saved N')
  })
})

describe('rule 6: answered 4, and what was under way ends badly', () => {
  for (const permanent of [false, true]) {
    it(`rule 6: a forced save fails${permanent ? ' for good' : ''}: it fails, retryable`, () => {
      const s = quietStory().accepted('a').arrive('A', { for: 'a' }).ask('b').answer('b', 4)
      assert.equal(s.fail('A', permanent).told('b'), 'STORAGE_FAILED')
    })
  }

  it('rule 6: a conversion fails: it fails, retryable', () => {
    const s = quietStory()
      .accepted('a')
      .ask('b')
      .answer('b', 4)
      .arrive('A', { for: 'a', status: 7 })
    assert.equal(s.told('b'), 'CONVERSION_FAILED')
  })

  it('rule 6: one fails and another is stored: it fails', () => {
    const s = quietStory().arrive('X', { at: 2 }).arrive('Y', { at: 1 }).ask('a').answer('a', 4)
    assert.equal(s.fail('X').store('Y').told('a'), 'STORAGE_FAILED')
  })

  it('rule 6: a final save fails: it comes again, so the command waits for that', () => {
    const s = quietStory().arrive('F', { status: 2 }).ask('a').answer('a', 4).fail('F')
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.arrive('F', { status: 2 }).store('F').told('a'), 'saved F')
  })

  it('rule 6: a forcesave without an answer runs out of time: TIMEOUT', () => {
    const s = quietStory().register('a', { timeout: 5_000 }).ask('b').answer('b', 4)
    assert.equal(s.wait(4_999).told('b'), 'waits')
    assert.equal(s.wait(1).told('b'), 'TIMEOUT')
  })

  it('rule 6: one that may have arrived is waited for as long as a save takes, then TIMEOUT', () => {
    // Its save may be converting, whatever the patience of its own caller was.
    const s = quietStory().register('a', { timeout: 5_000 }).unreachable('a', false)
    s.register('b', { timeout: 200_000 }).answer('b', 4).wait(59_999)
    assert.deepEqual([s.told('a'), s.told('b')], ['UNREACHABLE', 'waits'])
    assert.equal(s.wait(1).told('b'), 'TIMEOUT')
  })

  it('rule 6: also when that one, never answered, has its verdict already', () => {
    const s = quietStory().register('a', { timeout: 5_000 }).accepted('b').saved('B', { for: 'b' })
    s.ask('c').answer('c', 4)
    assert.equal(s.told('a'), 'saved B')
    assert.equal(s.wait(5_000).told('c'), 'TIMEOUT')
  })

  it('rule 6: what it waits for never ends: its own deadline does', () => {
    const s = quietStory()
      .register('a', { timeout: 200_000 })
      .answer('a', 0)
      .ask('b')
      .answer('b', 4)
    assert.equal(s.wait(59_999).told('b'), 'waits')
    assert.equal(s.wait(1).told('b'), 'TIMEOUT')
  })
})

describe('rule 6: answered 4, when others may save too', () => {
  const answered4 = () => story().editing().ask('a').answer('a', 4)

  it('rule 6: with editors it waits the grace period, and says that it is not certain', () => {
    const s = answered4().wait(999)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1).told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: while nobody has told who edits, there may be editors', () => {
    const s = story().ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1_000).told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: without editors it is certain at once', () => {
    assert.equal(
      story().editing().closed().ask('a').answer('a', 4).told('a'),
      'unchanged, no-changes',
    )
    const afterFinal = story().editing().saved('F', { status: 2 })
    assert.equal(afterFinal.ask('a').answer('a', 4).told('a'), 'unchanged, no-changes')
  })

  it('rule 6: editors who have come back count again', () => {
    const s = story().editing().saved('F', { status: 2 }).editing().ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 6: joins a button save that comes in the grace period', () => {
    const s = answered4().wait(500).arrive('X').wait(5_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('X').told('a'), 'saved X, uncertain')
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.deepEqual([verdict.rule, verdict.trigger], [6, 'button'])
  })

  it('rule 6: that save stored within the grace period does not cut the period short', () => {
    const s = answered4().wait(100).saved('X', { at: 1 }).wait(100)
    assert.equal(s.told('a'), 'waits')
    s.arrive('Y', { at: 2, trigger: 'timer' }).wait(5_000).store('Y')
    assert.equal(s.told('a'), 'saved Y, uncertain')
  })

  it('rule 6: a save that joined and fails makes it fail, retryable', () => {
    assert.equal(answered4().arrive('X').fail('X', true).told('a'), 'STORAGE_FAILED')
  })

  it('rule 6: a save that comes after the grace period is too late to join', () => {
    const s = answered4().wait(1_000).saved('X')
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: what was known to be under way is followed by the grace period', () => {
    const s = story().editing().accepted('a').ask('b').answer('b', 4).wait(5_000)
    s.saved('A', { for: 'a' })
    assert.equal(s.told('b'), 'waits')
    assert.equal(s.wait(1_000).told('b'), 'saved A, uncertain')
  })

  it('rule 6: a save with an id that covers it is certain, and ends the grace period', () => {
    const s = answered4().accepted('b').saved('B', { for: 'b' })
    assert.equal(s.told('a'), 'saved B')
  })

  it('rule 6: a grace period of 0 does not wait', () => {
    const s = story({ grace: 0 }).editing().ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })
})

describe('rule 6: answered 4, when the last editor may just have left', () => {
  // The final save is converting then, and nobody has told yet: the Docs server answers 4 as well.
  const answered4 = (rules = {}) => {
    const s = quietStory(rules)
    s.sees = undefined
    return s.ask('a').answer('a', 4)
  }

  it('rule 6: asks who edits, once, and judges nothing before that is known', () => {
    const s = answered4({ otherSaves: true }).wait(5_000)
    assert.equal(s.count('look'), 1)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 6: somebody edits of whom no callback has told: others may be saving, so not certain', () => {
    const s = story().closed()
    s.sees = 'editing'
    assert.equal(
      s.ask('a').answer('a', 4).wait(1_000).told('a'),
      'unchanged, no-changes, uncertain',
    )
  })

  it('rule 6: somebody edits: certain when nobody else saves', () => {
    assert.equal(answered4().looked('a', 'editing').told('a'), 'unchanged, no-changes')
  })

  it('rule 6: who edits may have come after the answer: their callback is waited for', () => {
    const s = quietStory({ grace: 1_000 }).wait(2_000).ask('a').answer('a', 4)
    s.wait(999)
    assert.equal(s.told('a'), 'waits')
    s.comes('u1').wait(1_000)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: no such callback comes: certain', () => {
    const s = quietStory({ grace: 1_000 }).wait(2_000).ask('a').answer('a', 4).wait(1_000)
    assert.equal(s.told('a'), 'unchanged, no-changes')
  })

  it('rule 6: somebody edits who came after the call: not certain', () => {
    const s = quietStory().ask('a').comes('u2', ['u1', 'u2']).answer('a', 4)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: nobody edits any more: the final save is waited for', () => {
    const s = answered4().looked('a', 'closed').wait(5_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.arrive('F', { status: 2 }).wait(20_000).told('a'), 'waits')
    assert.equal(s.store('F').told('a'), 'saved F')
  })

  it('rule 6: nobody edits any more and nothing comes: not certain', () => {
    const s = answered4().looked('a', 'closed').wait(59_999)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  it('rule 6: it cannot be found out who edits: not certain', () => {
    const s = answered4().looked('a', 'unknown').wait(1_000)
    assert.equal(s.told('a'), 'unchanged, no-changes, uncertain')
  })

  it("rule 6: an info's 4 does not say that nothing is being saved", () => {
    const s = quietStory().register('i', { kind: 'info' }).informed('i', [])
    s.sees = 'closed'
    assert.equal(s.ask('a').answer('a', 4).told('a'), 'waits')
  })
})

describe('rule 6: a request that goes on when its caller has given up', () => {
  it('rule 6: makes no later result certain before it has ended, whatever is stored meanwhile', () => {
    const s = story({ otherSaves: false }).comes('u1').register('a', { timeout: 1_000 }).wait(1_000)
    // While its request is on its way still: it may get there after the one of `b`, and save more.
    s.accepted('b').wait(500).saved('B', { for: 'b' }).ask('c').answer('c', 4).wait(2_000)
    assert.equal(s.told('c'), 'unchanged, no-changes, uncertain')
    s.unreachable('a', false).ask('d').answer('d', 4).wait(2_000)
    assert.equal(s.told('d'), 'unchanged, no-changes, uncertain')
    s.accepted('e').wait(500).saved('E', { for: 'e', at: 2 }).ask('f').answer('f', 4).wait(2_000)
    assert.equal(s.told('f'), 'unchanged, no-changes')
  })
})
