/** `settlement.md`, rules 11 to 16: strangers, failures, closing, nudges, deadlines, info. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { plainError, quietStory, runOf, story } from './support/story.js'

describe('rule 11: a save without an id of ours', () => {
  for (const trigger of ['button', 'timer', 'form', 'command'] as const) {
    it(`rule 11: one with the trigger ${trigger} is stored, and settles no accepted forcesave`, () => {
      const s = story().accepted('a').ask('b').saved('X', { trigger })
      assert.deepEqual(s.runs, ['X'])
      assert.deepEqual([s.told('a'), s.told('b')], ['waits', 'waits'])
      assert.equal(s.saved('A', { for: 'a', at: 1 }).told('a'), 'saved A')
    })
  }

  it('rule 11: it settles a command that waits for it by rule 6', () => {
    const s = quietStory().arrive('X', { trigger: 'timer' }).ask('a').answer('a', 4).store('X')
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.equal(verdict.trigger, 'timer')
  })

  it('rule 11: its failure rejects no accepted forcesave', () => {
    const s = story().accepted('a').arrive('X').fail('X', true).arrive('Y', { status: 7 })
    assert.equal(s.told('a'), 'waits')
  })
})

describe('rule 12: failure', () => {
  it('rule 12: a 7 rejects its command, and neither earlier nor later ones', () => {
    const s = story().accepted('a', 'b', 'c').arrive('B', { for: 'b', status: 7 })
    assert.deepEqual(
      [s.told('a'), s.told('b'), s.told('c')],
      ['waits', 'CONVERSION_FAILED', 'waits'],
    )
  })

  it('rule 12: a 7 is not handed to onSave', () => {
    const s = story().accepted('a').arrive('A', { for: 'a', status: 7 })
    assert.deepEqual(s.runs, [])
  })

  it('rule 12: a 7 that comes before the answer rejects its command', () => {
    const s = story().ask('a').arrive('A', { for: 'a', status: 7 })
    assert.equal(s.answer('a', 0).told('a'), 'CONVERSION_FAILED')
  })

  it('rule 12: a 3 rejects every forcesave registered before it arrived', () => {
    const s = story().accepted('a').ask('b').arrive('E', { status: 3 }).accepted('c')
    assert.deepEqual(
      [s.told('a'), s.told('b'), s.told('c')],
      ['CONVERSION_FAILED', 'CONVERSION_FAILED', 'waits'],
    )
    assert.deepEqual(s.runs, [])
  })

  it('rule 12: onSave failing on a forced save rejects those that it would have settled', () => {
    const s = story().accepted('a', 'b', 'c').arrive('B', { for: 'b' }).fail('B')
    assert.deepEqual(
      [s.told('a'), s.told('b'), s.told('c')],
      ['STORAGE_FAILED', 'STORAGE_FAILED', 'waits'],
    )
  })

  it('rule 12: a newer forced save that is stored settles the earlier ones, whose own is not run any more', () => {
    const s = story().accepted('a', 'b').arrive('B', { for: 'b', at: 2 })
    s.arrive('A', { for: 'a', at: 1 }).store('B')
    assert.deepEqual([s.told('a'), s.told('b')], ['saved B', 'saved B'])
    assert.deepEqual(s.runs, ['B'])
  })

  it('rule 12: RejectSave on a forced save rejects for good', () => {
    const s = story().accepted('a').arrive('A', { for: 'a' }).fail('A', true)
    assert.equal(s.told('a'), 'STORAGE_FAILED, for good')
  })

  it('rule 12: onSave failing on a final save rejects nobody, since it comes again', () => {
    const s = story().accepted('a').arrive('F', { status: 2 }).fail('F').wait(4_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.saved('F', { status: 2 }).told('a'), 'saved F')
  })

  it('rule 12: a final save that never comes again: its commands end by their deadline', () => {
    const s = story().accepted('a').arrive('F', { status: 2 }).fail('F').wait(59_999)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1).told('a'), 'TIMEOUT')
  })

  it('rule 12: RejectSave on a final save rejects: it is kept as forgotten, not sent again', () => {
    const s = story().accepted('a').arrive('F', { status: 2 }).accepted('b').fail('F', true)
    assert.deepEqual([s.told('a'), s.told('b')], ['STORAGE_FAILED, for good', 'waits'])
  })

  it('rule 12: a save whose link is not allowed fails as it arrives, for good', () => {
    const failure = plainError('BAD_RESPONSE', false)
    const s = story().accepted('a').arrive('A', { for: 'a', failure })
    assert.equal(s.told('a'), 'BAD_RESPONSE, for good')
    assert.deepEqual(s.runs, [])
  })
})

describe('rule 13: closed without changes', () => {
  it('rule 13: accepted forcesaves end after the grace period, unchanged and not certain', () => {
    const s = story().editing().accepted('a').closed().wait(999)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1).told('a'), 'unchanged, no-changes, uncertain')
    const verdict = s.verdict('a')
    assert.equal(verdict?.rule, 13)
  })

  it('rule 13: a callback of its own within the grace period is waited for', () => {
    const s = story()
      .editing()
      .accepted('a')
      .closed()
      .wait(500)
      .arrive('A', { for: 'a' })
      .wait(9_000)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('A').told('a'), 'saved A')
  })

  it('rule 13: so is a final save', () => {
    const s = story().editing().accepted('a').closed().arrive('F', { status: 2 }).wait(9_000)
    assert.equal(s.store('F').told('a'), 'saved F')
  })

  it('rule 13: a forcesave not accepted yet is not ended by it', () => {
    const s = story().editing().ask('a').closed().wait(5_000)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 13: nor is one that is accepted later', () => {
    const s = story().editing().closed().editing().accepted('a').wait(5_000)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 13: over a failure that stands it is that failure (rule 9)', () => {
    const s = story().editing().arrive('X').fail('X', true).accepted('a').closed().wait(1_000)
    assert.equal(s.told('a'), 'STORAGE_FAILED')
  })

  it('rule 13: somebody who leaves while others edit on closes nothing', () => {
    const s = story().editing(['u1', 'u2']).accepted('a').leaves('u2', ['u1'])
    assert.equal(s.wait(5_000).told('a'), 'waits')
  })

  it("rule 13: an info's 4 closes nothing: edits may be on their way in a final save", () => {
    const s = story().editing().accepted('a').register('i', { kind: 'info' }).informed('i', [])
    assert.equal(s.wait(5_000).told('a'), 'waits')
    assert.equal(s.saved('F', { status: 2 }).told('a'), 'saved F')
  })

  it('rule 13: others answered 4 wait no longer for one that a close has ended', () => {
    const s = quietStory().accepted('a').ask('b').answer('b', 4).closed()
    assert.equal(s.wait(1_000).told('b'), 'unchanged, no-changes')
  })
})

describe('rule 14: nudges', () => {
  /** The times of the nudges in seconds; each is sent, and answered 4. */
  function nudgesOf(s: ReturnType<typeof story>, seconds: number): number[] {
    const times: number[] = []
    for (let second = 1; second <= seconds; second += 1) {
      const before = s.count('nudge')
      s.wait(1_000)
      for (let sent = before; sent < s.count('nudge'); sent += 1) {
        times.push(second)
        s.register(`n${second}`, { kind: 'nudge' }).answer(`n${second}`, 4)
      }
    }
    return times
  }

  it('rule 14: 10, 20 and 40 s after the acceptance, and never again', () => {
    const s = story().register('a', { timeout: 500_000 }).wait(3_000).answer('a', 0)
    assert.deepEqual(nudgesOf(s, 400), [10, 20, 40])
  })

  it('rule 14: the time is an option', () => {
    const s = story({ nudgeAfter: 2_000 }).accepted('a')
    assert.deepEqual(nudgesOf(s, 50), [2, 4, 8])
  })

  it('rule 14: not for a command that is not accepted', () => {
    const s = story().ask('a').ask('b').answer('b', 3).ask('c').answer('c', 4)
    assert.deepEqual(nudgesOf(s, 50), [])
  })

  it('rule 14: not for a command that has its verdict', () => {
    assert.deepEqual(nudgesOf(story().accepted('a').saved('A', { for: 'a' }), 50), [])
  })

  it('rule 14: nudges are not nudged themselves', () => {
    const s = story().register('n', { kind: 'nudge', timeout: 100_000 }).answer('n', 0)
    assert.deepEqual(nudgesOf(s, 90), [])
  })

  it('rule 14: not while anything of the key is being stored; then at once', () => {
    const s = story().accepted('a').arrive('X').wait(15_000)
    assert.equal(s.count('nudge'), 0)
    assert.equal(s.store('X').count('nudge'), 1)
  })

  it('rule 14: a nudge that brings the replay settles the command it helps', () => {
    const s = story().accepted('a').wait(10_000)
    assert.equal(s.count('nudge'), 1)
    s.register('n', { kind: 'nudge' }).arrive('A', { for: 'a', marked: true }).answer('n', 0)
    assert.equal(s.store('A').told('a'), 'saved A')
  })

  it('rule 14: a nudge that makes a save of its own settles the command it helps', () => {
    const s = story().accepted('a').wait(10_000).register('n', { kind: 'nudge' }).answer('n', 0)
    assert.equal(s.saved('N', { for: 'n' }).told('a'), 'saved N')
  })

  it('rule 14: a nudge that fails takes nothing from the command it helps', () => {
    const s = story().accepted('a').wait(10_000).register('n', { kind: 'nudge' }).answer('n', 6)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.saved('A', { for: 'a' }).told('a'), 'saved A')
  })

  it('rule 14: a nudge that was never sent does not cost the next one', () => {
    const s = story().register('a', { timeout: 500_000 }).answer('a', 0).wait(400_000)
    assert.equal(s.count('nudge'), 3)
  })
})

describe('rule 15: the first verdict wins', () => {
  it('rule 15: a command ends by its deadline, and not before', () => {
    for (const s of [story().ask('a'), story().accepted('a'), story().ask('a').answer('a', 0)]) {
      assert.equal(s.wait(59_999).told('a'), 'waits')
      assert.equal(s.wait(1).told('a'), 'TIMEOUT')
    }
  })

  it('rule 15: also while its save is being stored, which goes on', () => {
    const s = story().accepted('a').arrive('A', { for: 'a' }).wait(60_000)
    assert.equal(s.told('a'), 'TIMEOUT')
    assert.equal(s.save('A')?.phase, 'running')
  })

  it('rule 15: a save that comes later is stored, told as late, and settles others', () => {
    const s = story().register('a', { timeout: 1_000 }).answer('a', 0).accepted('b').wait(1_000)
    s.arrive('B', { for: 'b' }).store('B')
    assert.deepEqual([s.told('a'), s.told('b')], ['TIMEOUT', 'saved B'])
    const t = story().ask('b').register('a', { timeout: 1_000 }).answer('a', 0).wait(1_000)
    t.saved('A', { for: 'a' })
    assert.deepEqual([t.told('a'), t.told('b')], ['TIMEOUT', 'saved A'])
    assert.deepEqual(
      t.effects.filter(({ type }) => type === 'late'),
      [{ type: 'late', id: 'a' }],
    )
  })

  it('rule 15: a save in time is not late', () => {
    const s = story().accepted('a', 'b').saved('B', { for: 'b' })
    assert.equal(s.count('late'), 0)
  })

  it('rule 15: nor is it when it is reported stored twice', () => {
    const s = story().accepted('a').saved('A', { for: 'a' }).store('A')
    assert.equal(s.count('late'), 0)
  })

  it('rule 15: nor is what a worker tells that was taken for dead: that run has ended otherwise', () => {
    const s = story().ask('a').register('b', { timeout: 1_000 }).answer('b', 0)
    s.arrive('B', { for: 'b' })
    const first = runOf(s.state, 'B')
    s.fail('B').wait(1_000).arrive('B', { for: 'b', url: 'again' })
    s.event({ type: 'stored', ...first, stored: null })
    assert.equal(s.count('late'), 0)
    s.store('B')
    assert.equal(s.count('late'), 1)
  })

  it('rule 15: whatever comes after a verdict changes nothing', () => {
    const s = story().accepted('a').saved('A', { for: 'a' })
    s.answer('a', 6).arrive('A', { for: 'a' }).arrive('E', { status: 3 }).closed().wait(200_000)
    assert.equal(s.told('a'), 'saved A')
    assert.equal(s.count('settle'), 1)
  })

  it('rule 15: without a deadline nothing ends it by time', () => {
    const s = story().register('a', { timeout: Infinity }).answer('a', 0).wait(86_400_000)
    assert.equal(s.told('a'), 'waits')
  })
})

describe('rule 16: info', () => {
  const info = () => story().register('i', { kind: 'info', timeout: 15_000 })
  const answered = (s: ReturnType<typeof story>, users?: string[]) => {
    const answer = users === undefined ? { error: 0 } : { error: 0, users }
    s.event({ type: 'answered', id: 'i', answer })
    return s
  }

  it('rule 16: settles when callback and response are there, in this order', () => {
    const s = info().informed('i', ['u1'])
    assert.equal(s.told('i'), 'waits')
    assert.equal(answered(s, ['u1']).told('i'), 'editing u1')
  })

  it('rule 16: and in the other', () => {
    const s = answered(info(), ['u1'])
    assert.equal(s.told('i'), 'waits')
    assert.equal(s.informed('i', ['u1']).told('i'), 'editing u1')
  })

  it('rule 16: nobody edits', () => {
    assert.equal(answered(info().informed('i', []), []).told('i'), 'closed')
  })

  it('rule 16: an older Docs server has no users in its response', () => {
    assert.equal(answered(info().informed('i', ['u1', 'u2'])).told('i'), 'editing u1 u2')
  })

  it('rule 16: error 1 rejects', () => {
    assert.equal(info().answer('i', 1).told('i'), 'COMMAND_REJECTED 1, for good')
  })

  it('rule 16: no answer rejects', () => {
    assert.equal(info().unreachable('i', true).told('i'), 'UNREACHABLE')
  })

  for (const [what, s] of [
    ['no callback', answered(info(), ['u1'])],
    ['no response', info().informed('i', ['u1'])],
    ["another's callback", answered(info(), ['u1']).informed('j', ['u1']).editing(['u1'])],
  ] as const) {
    it(`rule 16: ${what}: TIMEOUT`, () => {
      assert.equal(s.wait(14_999).told('i'), 'waits')
      assert.equal(s.wait(1).told('i'), 'TIMEOUT')
    })
  }

  it('rule 16: saves and closes do not settle it', () => {
    const s = answered(info(), ['u1']).saved('F', { status: 2 }).arrive('E', { status: 3 }).closed()
    assert.equal(s.told('i'), 'waits')
  })

  it('rule 16: two infos each wait for their own callback', () => {
    const s = answered(info(), ['u1']).register('j', { kind: 'info' }).informed('j', ['u1'])
    assert.deepEqual([s.told('i'), s.told('j')], ['waits', 'waits'])
  })
})
