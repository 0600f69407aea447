/** Which forgotten files `recover()` may take, as stories (`settlement.md` 8, `src/ledger/forgotten.ts`). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeFound } from '../src/settlement/forgotten.js'
import { arrivalOf, story, type Story } from './support/story.js'

/** `recover()` has found a file: it arrives as `name` if it may. Gives what it is told. */
function find(s: Story, name = 'G', { since = s.state.turn, vouched = false } = {}): string {
  const save = arrivalOf(name, s.now, { status: 2, at: null, trigger: 'forgotten' })
  s.event({ type: 'found', since, vouched, save })
  const arrived = s.save(name)
  if (arrived !== undefined) return 'taken'
  const found = judgeFound(s.state, { since, vouched }, s.now)
  if (found.outcome === 'left') return found.reason
  return found.outcome === 'joined' ? `joined ${found.name}` : found.outcome
}

/** A final save that failed for good: the Docs server keeps it as forgotten. */
const refused = (): Story => story().editing().arrive('F', { status: 2, at: 5 }).fail('F', true)

describe('a forgotten file that recover() has found', () => {
  it('rule 8: is taken where the newest final save has failed', () => {
    const s = refused()
    assert.equal(find(s), 'taken')
    assert.deepEqual(s.runs, ['F', 'G'])
  })

  it('rule 8: is taken where a session began and nobody has told of its end', () => {
    assert.equal(find(story().editing()), 'taken')
    assert.equal(find(story().editing().saved('A')), 'taken')
  })

  it('rule 8: is left where the end of a session is unheard in which nothing may have changed', () => {
    const s = story().editing().saved('F', { status: 2, at: 5 }).editing(['u2'])
    assert.equal(find(s, 'G', { vouched: true }), 'outdated')
    // A forced save tells of changes, so a final save was due.
    assert.equal(find(s.saved('A', { at: 9 }).editing(['u3'])), 'taken')
  })

  it('rule 8: is left where it may be that of a final save whose edits are stored by now', () => {
    const s = refused().editing(['u2']).saved('A', { at: 9 })
    assert.equal(find(s), 'outdated', 'the end of this session is unheard, and was perhaps a 3')
  })

  it('rule 8: of a key of which nothing is known is taken only if the application vouches for it', () => {
    assert.equal(find(story()), 'outdated')
    assert.equal(find(story(), 'G', { vouched: true }), 'taken')
  })

  it('rule 8: after a session without changes is taken only if the application vouches for it', () => {
    const s = story().editing().closed()
    assert.equal(find(s), 'outdated')
    assert.equal(find(s, 'G', { vouched: true }), 'taken')
  })

  for (const vouched of [false, true]) {
    it(`rule 8: is left where the final save is stored${vouched ? ', vouched for or not' : ''}`, () => {
      const s = story().editing().saved('F', { status: 2 })
      assert.equal(find(s, 'G', { vouched }), 'outdated')
      assert.deepEqual(s.runs, ['F'])
    })
  }

  it('rule 9: is left where what has failed is in something newer that is stored', () => {
    assert.equal(find(refused().saved('B', { at: 6 })), 'outdated')
    const s = refused().editing(['u2']).saved('B', { status: 2, at: 6 })
    assert.equal(find(s), 'outdated')
  })

  it('rule 9: is taken where what is stored is older than what has failed', () => {
    const s = story().editing().saved('A', { at: 1 }).arrive('F', { status: 2, at: 5 })
    assert.equal(find(s.fail('F', true)), 'taken')
  })

  it('rule 3: is left while a save of its key is being stored', () => {
    assert.equal(find(story().editing().arrive('A')), 'open')
    assert.equal(find(story().arrive('F', { status: 2 })), 'open')
  })

  it('is left while the final save that failed will come again, and taken afterwards', () => {
    const s = story().arrive('F', { status: 2 }).fail('F')
    assert.equal(find(s), 'open')
    assert.equal(find(s.wait(14_999)), 'open')
    assert.equal(find(s.wait(1)), 'taken')
  })

  for (const [what, happens] of [
    ['somebody comes', (s) => s.editing(['u2'])],
    ['a save arrives', (s) => s.saved('A', { at: 1 })],
    ['the failed save arrives again', (s) => s.arrive('F', { status: 2, at: 5 }).fail('F', true)],
  ] as [string, (s: Story) => Story][]) {
    it(`is left where ${what} while it is looked at`, () => {
      const s = refused()
      const since = s.state.turn
      happens(s)
      assert.equal(find(s, 'G', { since }), 'open')
    })
  }

  it('is left where the state was lost while it was looked at', () => {
    assert.equal(find(refused(), 'G', { since: 1_000 }), 'open')
  })

  it('found twice at once it is one save', () => {
    const s = refused()
    const since = s.state.turn
    assert.equal(find(s, 'G', { since }), 'taken')
    assert.equal(find(s, 'H', { since }), 'joined G', 'while it is being stored')
    s.store('G')
    assert.equal(find(s, 'H', { since }), 'joined G', 'and once it is')
    assert.deepEqual(s.runs, ['F', 'G'])
  })

  it('found again after it has failed, it is taken again', () => {
    const s = refused()
    find(s)
    s.fail('G')
    assert.equal(find(s, 'H'), 'taken')
    assert.equal(
      s.store('H').ask('a').answer('a', 4).wait(1_000).told('a'),
      'unchanged, no-changes, perhaps others-may-save',
    )
  })

  it('found again after it has failed, it is left if what was missing is stored by now', () => {
    const s = refused().editing(['u2']).accepted('b')
    find(s)
    s.fail('G').arrive('B', { for: 'b', at: 9 }).store('B')
    assert.equal(find(s, 'H'), 'outdated')
  })

  it('that could not be deleted once it was stored is taken again, until something newer is stored', () => {
    const s = refused()
    find(s)
    s.store('G')
    assert.equal(find(s, 'H'), 'taken')
    s.store('H')
      .editing(['u2'])
      .saved('E', { status: 2, at: 9, left: ['u2'] })
    assert.equal(find(s, 'I'), 'outdated')
  })
})

describe('a search that finds what recover() has found', () => {
  /** Answered 1, and the info too: the search is under way, and the story ends it. */
  const searching = (): Story => {
    const s = refused()
    s.holds = 'unknown-key'
    s.searches = false
    return s.ask('a').answer('a', 1)
  }
  const searchedSince = (s: Story): number => s.state.asking?.turn ?? 0

  it('while it is being stored: it is one save, and the forcesave waits for it', () => {
    const s = searching()
    const since = searchedSince(s)
    assert.equal(find(s), 'taken')
    s.searched(since, 'H')
    assert.deepEqual([s.told('a'), s.runs], ['waits', ['F', 'G']])
    s.searches = true
    assert.equal(s.store('G').told('a'), 'saved G')
  })

  it('once it has failed: the forcesave fails', () => {
    const s = searching()
    const since = searchedSince(s)
    find(s)
    s.fail('G').searched(since, 'H')
    assert.deepEqual([s.told('a'), s.runs], ['STORAGE_FAILED', ['F', 'G']])
  })

  it('before recover() does: recover() joins it', () => {
    const s = searching()
    const since = s.state.turn
    s.searched(searchedSince(s), 'G')
    assert.equal(find(s, 'H', { since }), 'joined G')
    s.searches = true
    assert.equal(s.store('G').told('a'), 'saved G')
  })
})
