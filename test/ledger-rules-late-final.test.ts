/**
 * Rules 3, 5 and 6 where the final save of a session is still on its way when somebody comes again: it
 * lacks what is typed since.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { quietStory, story } from './support/story.js'

const late = { status: 2 as const, left: ['u1'] }

describe('rule 5: a final save that arrives after somebody else has come', () => {
  /** u1 has left, which no callback has told yet; u2 has come. */
  const reopened = () => story().comes('u1').comes('u2')

  it('rule 5: settles nothing that was called since', () => {
    const s = reopened().accepted('a').saved('F', late)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.saved('A', { for: 'a' }).told('a'), 'saved A')
  })

  it('rule 5: settles what was called before they came', () => {
    const s = story().comes('u1').accepted('a').comes('u2').saved('F', late)
    assert.equal(s.told('a'), 'saved F')
  })

  it('rule 5: the same with those who have come to these', () => {
    const s = reopened().comes('u3', ['u2', 'u3']).accepted('a').saved('F', late)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 5: leaves those there who edit; their own final save counts', () => {
    const s = reopened().accepted('a').saved('F', late)
    assert.deepEqual(s.state.users, ['u2'])
    assert.equal(s.saved('G', { status: 2, left: ['u2'] }).told('a'), 'saved G')
  })

  it('rule 5: also after their own final save it settles nothing of theirs', () => {
    const s = reopened().accepted('a')
    s.arrive('G', { status: 2, left: ['u2'] }).arrive('F', late)
    assert.equal(s.store('F').told('a'), 'waits')
    assert.equal(s.store('G').told('a'), 'saved G')
  })

  it('rule 3: is not stored over a later save of theirs', () => {
    const s = reopened().accepted('a').saved('A', { for: 'a', at: 10 })
    s.arrive('F', { ...late, at: 5 })
    assert.deepEqual(s.runs, ['A'])
    assert.equal(s.save('F')?.phase, 'stored')
    assert.equal(s.save('F')?.staleBy, 'A')
  })

  it('rule 9: does not heal a failure of theirs', () => {
    const s = reopened().accepted('a').arrive('A', { for: 'a', status: 7 }).saved('F', late)
    s.ask('b').answer('b', 4).wait(1_000)
    assert.equal(s.told('b'), 'CONVERSION_FAILED')
  })
})

describe('rule 5: a final save that arrives after the same user has come again', () => {
  const reloaded = () => story().comes('u1').comes('u1')

  it('rule 5: may be of either session, so it settles without being certain', () => {
    const s = reloaded().accepted('a').saved('F', late)
    assert.equal(s.told('a'), 'saved F, uncertain')
  })

  it('rule 5: a minute later it is of the present one', () => {
    const s = reloaded().wait(60_000).accepted('a').saved('F', late)
    assert.equal(s.told('a'), 'saved F')
  })

  it('rule 5: is certain for what was called before', () => {
    const s = story().comes('u1').accepted('a').comes('u1').saved('F', late)
    assert.equal(s.told('a'), 'saved F')
  })

  it('rule 5: is of the one before when a later save has been made since', () => {
    const s = reloaded()
      .saved('B', { at: 10 })
      .accepted('a')
      .saved('F', { ...late, at: 5 })
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 5: is certain when the end of the session before was told', () => {
    const s = story()
      .comes('u1')
      .saved('E', { ...late, at: 5 })
      .comes('u1')
    s.accepted('a').saved('F', { ...late, at: 10 })
    assert.equal(s.told('a'), 'saved F')
  })
})

describe('rule 6: answered 4 after somebody has come, and the end of the session before was not told', () => {
  const asked = (ms: number) =>
    quietStory({ grace: 1_000 }).comes('u2').wait(ms).ask('a').answer('a', 4).looked('a', 'editing')

  it('rule 6: its final save may be on its way: waits for it, and is not certain', () => {
    assert.equal(asked(0).told('a'), 'waits')
    assert.equal(asked(0).wait(1_000).told('a'), 'unchanged, no-changes, uncertain')
    assert.equal(asked(0).saved('F', late).wait(1_000).told('a'), 'saved F, uncertain')
  })

  it('rule 6: a minute later it was called off', () => {
    assert.equal(asked(60_000).wait(1_000).told('a'), 'unchanged, no-changes')
  })
})

describe('rule 5: a final save that comes again after the same user has come again', () => {
  const reopened = () =>
    story({ otherSaves: false })
      .comes('u1')
      .saved('F', { ...late, message: 'one' })
      .wait(5_000)
      .comes('u1')
      .wait(5_000)

  for (const message of ['one', 'another']) {
    it(`rule 5: says nothing of who edits now, in ${message} message`, () => {
      const s = reopened().arrive('F', { ...late, message })
      assert.deepEqual(s.state.users, ['u1'])
    })

    it(`rule 6: confirms nothing while their own is on its way, in ${message} message`, () => {
      const s = reopened().arrive('F', { ...late, message })
      s.sees = 'closed'
      s.ask('a').answer('a', 4).wait(2_000)
      assert.equal(s.told('a'), 'waits')
      assert.equal(s.saved('G', late).told('a'), 'saved G')
    })
  }
})

describe('rule 5: who came before any callback has told, or without one', () => {
  it('rule 5: a final save just after the first who was told of may be of the session before', () => {
    const s = story({ otherSaves: false }).ask('x').answer('x', 4).wait(2_000)
    s.comes('u1').wait(500).ask('a').answer('a', 0).arrive('F', late)
    s.ask('b').answer('b', 4).store('F')
    assert.equal(s.told('a'), 'saved F, uncertain')
    assert.deepEqual(s.state.users, ['u1'], 'and it is no word of the end of the present one')
  })

  it('rule 5: it is not where nothing was open before', () => {
    const s = story({ otherSaves: false }).ask('x').answer('x', 1).searched('x', undefined)
    s.wait(2_000).comes('u1').wait(500).accepted('a').saved('F', late)
    assert.equal(s.told('a'), 'saved F')
  })

  it('rule 5: somebody is there of whom nobody told: the final save before may lack what was typed since', () => {
    const s = story().comes('u1').wait(70_000).accepted('a').arrive('F', late)
    s.comes('u3', ['u2', 'u3']).store('F')
    assert.equal(s.told('a'), 'saved F, uncertain')
  })
})
