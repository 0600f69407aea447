/** `settlement.md`, rules 1 to 3: what a command and a save are, and in which order saves are stored. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { saveName } from '../src/protocol/save-name.js'
import { newId } from '../src/protocol/new-id.js'
import { isId, packUserdata, unpackUserdata } from '../src/protocol/userdata.js'
import { plainError, quietStory, runOf, story } from './support/story.js'

const same = 'saved A'

describe('rule 1: register first', () => {
  it('rule 1: a registered command waits, with no verdict of any kind', () => {
    const s = story().ask('a')
    assert.equal(s.told('a'), 'waits')
    assert.deepEqual(s.effects, [])
  })

  it('rule 1: registering a command twice changes nothing', () => {
    const s = story().register('a', { timeout: 5_000 }).register('a', { timeout: 90_000 })
    assert.equal(s.state.commands.length, 1)
    assert.equal(s.wait(5_000).told('a'), 'TIMEOUT')
  })

  it('rule 1: registering a command again after its verdict does not open it again', () => {
    const s = story().accepted('a').saved('A', { for: 'a' }).ask('a').wait(120_000)
    assert.equal(s.told('a'), same)
    assert.equal(s.count('settle'), 1)
  })

  it('rule 1: a second answer to a command changes nothing', () => {
    const s = quietStory().accepted('a').answer('a', 4)
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 1: an answer, a verdict or a search for something unknown changes nothing', () => {
    const s = story().ask('a')
    const { commands, saves } = s.state
    s.answer('x', 0).answer('x', 4).store('X').fail('X').searched('x', undefined)
    assert.deepEqual([s.state.commands, s.state.saves, s.effects], [commands, saves, []])
  })

  it('rule 1: a save with an unknown id is stored, and settles nobody', () => {
    const s = story().accepted('a').saved('X', { for: 'x' })
    assert.deepEqual(s.runs, ['X'])
    assert.equal(s.told('a'), 'waits')
  })

  it('rule 1: a save may come before the answer to its command', () => {
    const s = story().ask('a').arrive('A', { for: 'a' }).store('A')
    assert.equal(s.told('a'), same)
    assert.equal(s.answer('a', 0).count('settle'), 1)
  })

  it("rule 1: the application's userdata comes back untouched", () => {
    const userdata = 'docs:{"a":1}: ü'
    const s = story().register('a', { userdata }).answer('a', 0).saved('A', { for: 'a' })
    const verdict = s.verdict('a')
    assert.ok(verdict?.outcome === 'saved')
    assert.equal(verdict.userdata, userdata)
  })

  it('rule 1: id and userdata share one text, never an empty one, and part again', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Za-z_-]{1,32}$/), fc.string(), (prefix, userdata) => {
        const id = newId()
        assert.ok(isId(id))
        const packed = packUserdata(prefix, id, userdata)
        assert.notEqual(packed, '')
        assert.deepEqual(unpackUserdata(prefix, packed), { commandId: id, userdata })
      }),
    )
  })

  it('rule 1: userdata of another prefix, or of no form of ours, names no command', () => {
    const id = newId()
    for (const foreign of [
      packUserdata('docs2', id),
      `docs:${id}`,
      `docs:${id.slice(1)}:x`,
      `docs:${id}x:x`,
      'docs::x',
      '',
      7,
      null,
      { id },
      undefined,
    ]) {
      assert.deepEqual(unpackUserdata('docs', foreign), { commandId: undefined, userdata: foreign })
    }
  })
})

describe('rule 2: one save, one name', () => {
  const facts = {
    key: 'k1',
    status: 6,
    url: 'http://docs/cache/files/data/k1_1234/output.docx/output.docx?md5=a&expires=1',
    lastSave: 1_000,
    history: { serverVersion: '9.0.0', changes: [{ created: '2026-01-01 00:00:00' }] },
  }
  const path = '/cache/files/data/k1_1234/output.docx/output.docx'

  it('rule 2: a final save is known by its name, however many saves came after it', () => {
    const s = quietStory().saved('F', { status: 2 })
    for (let count = 0; count < 100; count += 1) s.wait(1_000).saved(`A${count}`)
    assert.equal(s.arrive('F', { status: 2, at: 0 }).runs.filter((name) => name === 'F').length, 1)
  })

  it('rule 2: a name stays when only the query, the host or the token of the link change', () => {
    assert.equal(saveName({ ...facts, url: `http://docs${path}?md5=b` }), saveName(facts))
    assert.equal(saveName({ ...facts, url: `https://other:8443${path}` }), saveName(facts))
  })

  it('rule 2: anything else that differs makes another save', () => {
    const others = [
      { ...facts, key: 'k2' },
      { ...facts, status: 2 },
      { ...facts, url: facts.url.replace('1234', '1235') },
      { ...facts, lastSave: 2_000 },
      { ...facts, lastSave: undefined },
      { ...facts, history: { ...facts.history, changes: [] } },
      { ...facts, history: undefined },
      { ...facts, mark: 'x' },
    ]
    assert.equal(new Set([facts, ...others].map(saveName)).size, others.length + 1)
  })

  it('rule 2: a name is a legal BullMQ job id, and tells nothing of the key', () => {
    assert.match(saveName({ ...facts, key: '1234567' }), /^s[0-9A-Za-z_-]{43}$/)
  })

  it('rule 2: the same name while it waits is joined, with the newest link', () => {
    const s = story().arrive('X').arrive('A', { url: 'old' }).arrive('A', { url: 'new' }).store('X')
    assert.deepEqual(s.runs, ['X', 'A'])
    assert.equal(s.state.saves.length, 2)
    const run = s.effects.findLast((effect) => effect.type === 'run')
    assert.equal(run?.save.payload.body.url, 'new')
  })

  it('rule 2: the same name while it is being stored is joined', () => {
    const s = story().accepted('a').arrive('A', { for: 'a' }).arrive('A', { for: 'a' }).store('A')
    assert.deepEqual(s.runs, ['A'])
    assert.equal(s.told('a'), same)
    assert.equal(s.count('settle'), 1)
  })

  it('rule 2: the same name once stored runs nothing and stays stored', () => {
    const s = story().saved('A').wait(10_000).arrive('A')
    assert.deepEqual(s.runs, ['A'])
    assert.equal(s.save('A')?.phase, 'stored')
  })

  for (const permanent of [false, true]) {
    it(`rule 2: the same name after it failed${permanent ? ' for good' : ''} runs again`, () => {
      const s = story().arrive('A').fail('A', permanent).arrive('A')
      assert.deepEqual(s.runs, ['A', 'A'])
      assert.equal(s.save('A')?.phase, 'running')
      assert.equal(s.store('A').save('A')?.phase, 'stored')
      assert.equal(s.save('A')?.error, undefined)
    })
  }

  it('rule 2: the same name once it was stale stays stored', () => {
    const s = story().saved('B', { at: 5 }).arrive('A', { at: 3 }).arrive('A', { at: 3 })
    assert.deepEqual(s.runs, ['B'])
    assert.equal(s.save('A')?.phase, 'stored')
  })

  it('rule 2: a failure reported after the save was stored does not undo it', () => {
    const s = story().accepted('a').saved('A', { for: 'a' }).fail('A')
    assert.equal(s.save('A')?.phase, 'stored')
  })
})

describe('rule 3: one at a time per key, newest last', () => {
  it('rule 3: the next save is handed over when the one before is stored or has failed', () => {
    const s = story().arrive('A', { at: 1 }).arrive('B', { at: 2 }).arrive('C', { at: 3 })
    assert.deepEqual(s.runs, ['A'])
    assert.deepEqual(s.store('A').runs, ['A', 'B'])
    assert.deepEqual(s.fail('B').runs, ['A', 'B', 'C'])
  })

  it('rule 3: of those that wait, the oldest lastSave goes first', () => {
    const s = story().arrive('X', { at: 0 })
    s.arrive('A', { at: 3 }).arrive('B', { at: 1 }).arrive('C', { at: 2 })
    s.store('X').store('B').store('C').store('A')
    assert.deepEqual(s.runs, ['X', 'B', 'C', 'A'])
  })

  for (const at of [1, null]) {
    it(`rule 3: ${at === null ? 'without a' : 'of the same'} lastSave, they go as they came`, () => {
      const s = story().arrive('X', { at: 0 })
      for (const name of ['A', 'B', 'C']) s.wait(10).arrive(name, { at })
      s.store('X').store('A').store('B').store('C')
      assert.deepEqual(s.runs, ['X', 'A', 'B', 'C'])
    })
  }

  it('rule 3: a save older than a stored one is stale: stored, but not handed to onSave', () => {
    const s = story().accepted('a', 'b').saved('B', { for: 'b', at: 5 })
    s.arrive('A', { for: 'a', at: 3 })
    assert.deepEqual(s.runs, ['B'])
    assert.equal(s.save('A')?.phase, 'stored')
  })

  it("rule 3: a stale save's `stored` is that of the newer one, which holds its edits", () => {
    // c is answered 4 while a's own callback is outstanding, so a's save is what it waits for.
    const s = quietStory().ask('a').ask('b').answer('a', 0).answer('b', 0)
    s.saved('B', { for: 'b', at: 5 })
    s.ask('c').answer('c', 4).arrive('A', { for: 'a', at: 3 })
    assert.equal(s.told('c'), 'saved B')
    assert.equal(s.save('A')?.staleBy, 'B')
  })

  it('rule 3: a save of nobody known is stale, too', () => {
    assert.deepEqual(story().saved('B', { at: 5 }).arrive('A', { at: 3 }).runs, ['B'])
  })

  it('rule 3: an older save that waits while a newer one is stored becomes stale', () => {
    const s = story().arrive('B', { at: 5 }).arrive('A', { at: 3 })
    assert.deepEqual(s.store('B').runs, ['B'])
    assert.equal(s.save('A')?.phase, 'stored')
  })

  it('rule 3: an older save that waits while a newer one fails is stored', () => {
    const s = story().arrive('B', { at: 5 }).arrive('A', { at: 3 }).fail('B')
    assert.deepEqual(s.runs, ['B', 'A'])
  })

  it('rule 3: a save without a lastSave is never stale', () => {
    assert.deepEqual(story().saved('B', { at: 5 }).arrive('A', { at: null }).runs, ['B', 'A'])
  })

  it('rule 3: a final save is never stale', () => {
    const s = story().saved('B', { at: 5 }).arrive('F', { status: 2, at: 3 })
    assert.deepEqual(s.runs, ['B', 'F'])
  })

  it('rule 3: a save whose command was registered after the newer one arrived is never stale', () => {
    const s = story().saved('B', { at: 5 }).accepted('c').arrive('C', { for: 'c', at: 3 })
    assert.deepEqual(s.runs, ['B', 'C'])
    assert.equal(s.store('C').told('c'), 'saved C')
  })

  it('rule 3: of two in the same second, the one whose command left after the other was answered is newer', () => {
    const s = story().accepted('a', 'b').saved('B', { for: 'b', at: 5 })
    s.arrive('A', { for: 'a', at: 5 })
    assert.deepEqual(s.runs, ['B'], 'the older one came late and is stale')
    const t = story().accepted('a', 'b').arrive('X', { at: 1 })
    t.arrive('B', { for: 'b', at: 5 }).arrive('A', { for: 'a', at: 5 }).store('X').store('A')
    assert.deepEqual(t.runs, ['X', 'A', 'B'], 'both wait: the older one goes first')
  })

  it('rule 3: of two in the same second whose commands were under way at once, both are stored', () => {
    const s = story().ask('a', 'b').answer('a', 0).answer('b', 0)
    s.saved('B', { for: 'b', at: 5 }).arrive('A', { for: 'a', at: 5 })
    assert.deepEqual(s.runs, ['B', 'A'])
  })

  it('rule 3: and then what is in storage may lack edits of the other: not certain', () => {
    const s = story().ask('a', 'b').answer('a', 0).answer('b', 0)
    s.saved('A', { for: 'a', at: 5 }).saved('B', { for: 'b', at: 5 })
    assert.deepEqual([s.told('a'), s.told('b')], ['saved A', 'saved B, uncertain'])
    s.accepted('c').saved('C', { for: 'c', at: 6 })
    assert.equal(s.told('c'), 'saved C')
  })

  it('rule 3: of two in the same second of which one has no command, both are stored', () => {
    const s = story().accepted('a').saved('B', { at: 5 }).arrive('A', { for: 'a', at: 5 })
    assert.deepEqual(s.runs, ['B', 'A'])
  })

  it("rule 3: a session's final save is newer than its forced save of the same second", () => {
    const s = story()
      .accepted('a')
      .saved('F', { status: 2, at: 5 })
      .arrive('A', { for: 'a', at: 5 })
    assert.deepEqual(s.runs, ['F'])
  })

  it('rule 3: the sequence grows with each save handed over, also when one is tried again', () => {
    const s = story().saved('A', { at: 1 }).arrive('B', { at: 2 }).fail('B')
    s.arrive('B', { at: 2 }).store('B').saved('C', { at: 3 })
    const sequences = s.effects.flatMap((e) => (e.type === 'run' ? [e.save.sequence] : []))
    assert.equal(sequences.length, 4)
    for (const [index, sequence] of sequences.entries()) {
      if (index > 0) assert.ok(sequence > sequences[index - 1]!)
    }
  })
})

describe('what a run of onSave reports', () => {
  const again = () => {
    const s = story().ask('a').answer('a', 0).arrive('A', { for: 'a' })
    const first = runOf(s.state, 'A')
    s.wait(1).fail('A').ask('b').wait(1).arrive('A', { for: 'a', url: 'again' })
    return { s, first }
  }
  const error = plainError('STORAGE_FAILED')

  it('ends no later run of the same save when it comes twice', () => {
    const { s, first } = again()
    s.event({ type: 'failed', ...first, error, permanent: false })
    assert.equal(s.save('A')?.phase, 'running')
    assert.equal(s.told('b'), 'waits')
    s.event({ type: 'stored', ...first, stored: null })
    assert.equal(
      s.save('A')?.phase,
      'running',
      'nor does what a worker tells that was taken for dead',
    )
    s.store('A')
    assert.equal(s.save('A')?.phase, 'stored')
  })

  it('is no later failure when it comes twice', () => {
    const s = story().ask('a').answer('a', 0).arrive('A', { for: 'a' }).wait(1).fail('A')
    const { done } = s.save('A') ?? {}
    s.wait(1).fail('A')
    assert.deepEqual(s.save('A')?.done, done)
  })

  it('that it is stored counts also after it was given up', () => {
    const s = story().ask('a').answer('a', 0).arrive('A', { for: 'a' }).wait(1).fail('A').store('A')
    assert.equal(s.save('A')?.phase, 'stored')
  })
})

describe('rule 3: a save by button and the final save of the same second', () => {
  const final = { status: 2 as const, at: 5, left: ['u1'] }

  it('rule 3: the one by button is the older one, whichever comes first', () => {
    const s = story().comes('u1').wait(6_000).saved('F', final).arrive('B', { at: 5 })
    assert.deepEqual(s.runs, ['F'])
    assert.equal(s.save('B')?.staleBy, 'F')
  })

  it('rule 3: unless somebody has come between the two', () => {
    const s = story().comes('u1').wait(6_000).saved('F', final).comes('u2').arrive('B', { at: 5 })
    assert.deepEqual(s.runs, ['F', 'B'])
  })
})
