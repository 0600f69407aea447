/** Stories about `docs/settlement.md`, each named by its clause. Whole worlds are in `schedules.test.ts`. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { quietStory, story } from './support/story.js'

describe('the settlement', () => {
  it('4.1 ends a forcesave as saved when its own save is stored', () => {
    assert.equal(story().editing().accepted('a').saved('A', { for: 'a' }).told('a'), 'saved A')
  })

  it('4.2 ends it by the save of a forcesave that was registered later, and not of an earlier one', () => {
    const s = story().editing().accepted('a', 'b')
    assert.equal(s.saved('B', { for: 'b' }).told('a'), 'saved B')
    const t = story().editing().accepted('a', 'b')
    assert.equal(t.saved('A', { for: 'a' }).told('b'), 'waits')
  })

  it('5.1 ends it as unchanged when all is acknowledged and no forgotten file is there', () => {
    const s = story().editing().closed()
    s.holds = 'acknowledged'
    assert.equal(s.ask('a').answer('a', 4).told('a'), 'unchanged, no-changes')
  })

  it('5.1 ends it as saved when the final save was stored since', () => {
    const s = story().editing().accepted('a')
    s.holds = 'acknowledged'
    s.saved('F', { status: 2, left: ['u1'] })
    assert.equal(s.told('a'), 'saved F')
  })

  it('6.1 ends it as not open when the key is not known', () => {
    const s = story()
    s.holds = 'unknown-key'
    assert.equal(s.ask('a').answer('a', 1).told('a'), 'unchanged, not-open')
  })

  it('7.1 waits for a save that has arrived', () => {
    const s = quietStory().arrive('B').ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.store('B').told('a'), 'saved B')
  })

  it('7.2 waits for the save of another forcesave that may be under way', () => {
    const s = quietStory().accepted('b').ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
  })

  it('7.3 is certain while somebody edits if the callbacks tell one story and nobody else saves', () => {
    assert.equal(quietStory().ask('a').answer('a', 4).told('a'), 'unchanged, no-changes')
  })

  for (const [gap, tell] of [
    ['somebody came who was there', (s: ReturnType<typeof story>) => s.comes('u1')],
    ['somebody vanished without a word', (s: ReturnType<typeof story>) => s.comes('u2', ['u2'])],
  ] as const) {
    it(`7.3 is not certain when ${gap}, however much time passes`, () => {
      const s = tell(quietStory()).wait(7_200_000)
      const users = s.state.users ?? []
      assert.ok(users.length > 0)
      s.ask('a').answer('a', 4).wait(1_000)
      assert.equal(s.told('a'), 'unchanged, no-changes, perhaps docs-server-may-have-restarted')
    })
  }

  it('7.5 is not certain with otherSaves, after the grace period', () => {
    const s = story().editing().ask('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
    assert.equal(s.wait(1_000).told('a'), 'unchanged, no-changes, perhaps others-may-save')
  })

  it('8.4 asks by an info and then by a forcesave when the save does not come', () => {
    const s = story().editing().accepted('a').wait(10_000)
    assert.equal(s.count('ask'), 2)
    assert.equal(
      s
        .answer(s.own.at(-1)!, 0)
        .saved('O', { for: s.own.at(-1)! })
        .told('a'),
      'saved O',
    )
  })

  it('8.5 sends it again after an answer 3, and fails when that is answered 3 each time', () => {
    const s = story().editing()
    s.answers = 3
    assert.equal(s.ask('a').answer('a', 3).wait(10_000).told('a'), 'CONVERSION_FAILED')
    assert.equal(s.own.length > 3, true)
  })

  it('9.1 waits while edits are held, and ends by the final save', () => {
    const s = story().editing()
    s.holds = 'held'
    s.ask('a').answer('a', 3).wait(5_000)
    assert.equal(s.told('a'), 'waits')
    s.holds = 'acknowledged'
    s.saved('F', { status: 2, left: ['u1'] })
    assert.equal(s.told('a'), 'saved F')
  })

  it('9.2 says at the deadline that the Docs server holds edits and does not save them', () => {
    const s = story().editing()
    s.holds = 'held'
    assert.equal(s.ask('a').answer('a', 4).wait(60_000).told('a'), 'EDITS_HELD')
  })

  it('10.1 fails by its own save', () => {
    const s = story().editing().accepted('a').arrive('A', { for: 'a' }).fail('A')
    assert.equal(s.told('a'), 'STORAGE_FAILED')
  })

  it('10.4 lets no answer 4 pass over a failure that stands', () => {
    const s = quietStory().arrive('B').fail('B')
    assert.equal(s.ask('a').answer('a', 4).told('a'), 'STORAGE_FAILED')
  })

  it('11.2 ends a doubt by a proof from after it', () => {
    const s = quietStory().comes('u1').accepted('b').saved('B', { for: 'b' })
    assert.equal(s.ask('a').answer('a', 4).told('a'), 'unchanged, no-changes')
  })

  it('11.3 keeps the doubt about a request that nobody answered', () => {
    const s = quietStory().ask('x').unreachable('x', false).accepted('b').saved('B', { for: 'b' })
    s.ask('a').answer('a', 4).wait(60_000)
    assert.match(s.told('a'), /perhaps request-unanswered/)
  })

  it('12.1 does not run a final save that may be an older one, until it is sent again', () => {
    const s = story().editing().saved('A', { at: 10 })
    s.arrive('F', { status: 2, at: 5, left: ['u1'], message: 'm1' })
    assert.equal(s.save('F')?.phase, 'doubtful')
    s.arrive('F', { status: 2, at: 5, left: ['u1'], message: 'm1' })
    assert.equal(s.save('F')?.phase, 'doubtful', 'the same bytes are an echo')
    s.arrive('F', { status: 2, at: 5, left: ['u1'], message: 'm2' })
    assert.deepEqual([s.save('F')?.phase, s.save('F')?.order], ['running', 'unknown'])
  })

  it('12.3 counts it as nothing when it is not sent again', () => {
    const s = story().editing().saved('A', { at: 10 })
    s.arrive('F', { status: 2, at: 5, left: ['u1'] }).wait(15_000)
    assert.equal(s.save('F')?.phase, 'dropped')
  })

  it('3.1 and 3.3 acknowledge without storing what is contained in a stored file', () => {
    const s = story()
      .editing()
      .saved('B', { status: 2, changes: ['1', '2'], left: ['u1'] })
    s.arrive('A', { status: 2, changes: ['1'], at: null, left: ['u2'] })
    assert.deepEqual([s.save('A')?.phase, s.save('A')?.within], ['stored', 'B'])
  })

  it('14.2 ends as TIMEOUT when nothing is known at the deadline', () => {
    const s = story()
    s.holds = undefined
    assert.equal(s.accepted('a').wait(60_000).told('a'), 'TIMEOUT')
  })

  it('15.1 ends an info when callback and response are both there', () => {
    const s = story().register('i', { kind: 'info' }).informed('i', 1, ['u1'])
    assert.equal(s.told('i'), 'waits')
    assert.equal(s.answer('i', 0).told('i'), 'editing u1')
  })
})

it('every clause that a verdict names is in docs/settlement.md, and every file that it names exists', () => {
  const page = readFileSync(new URL('../docs/settlement.md', import.meta.url), 'utf8')
  const folder = new URL('../src/settlement/', import.meta.url)
  const files = readdirSync(folder)
  for (const file of files) {
    const text = readFileSync(new URL(file, folder), 'utf8')
    for (const [, clause = ''] of text.matchAll(/'(\d+\.\d)'/g)) {
      assert.ok(page.includes(`**${clause}**`), `${clause} of ${file}`)
    }
  }
  for (const [, name = ''] of page.matchAll(/`([\w-]+\.ts)`/g)) {
    assert.ok(files.includes(name), `docs/settlement.md names ${name}`)
  }
})
