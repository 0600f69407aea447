/** Which documents are open, by what the callbacks and answers tell (`src/ledger/open-documents.ts`). */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { expiresAt, isDoubtful, isListed, withSessions } from '../src/ledger/open-documents.js'
import { transition as machine } from '../src/settlement/machine.js'
import { SESSION_KEPT } from '../src/settlement/timing.js'
import type { LedgerEvent } from '../src/settlement/event.js'
import { emptyDocument, type DocumentState } from '../src/settlement/state.js'
import { arrivalOf, RULES, runOf, START } from './support/story.js'

const MINUTE = 60_000
const transition = withSessions(machine)

/** One document: what is told of it, and what is known then. */
class Document {
  state: DocumentState = emptyDocument
  now = START
  #commands = 0

  event(event: LedgerEvent): this {
    this.state = transition(this.state, event, this.now, RULES).state
    return this
  }
  wait(ms: number): this {
    this.now += ms
    return this
  }
  join(user: string, ...users: string[]): this {
    return this.#presence(1, [user, ...users], [user], [])
  }
  leave(user: string, ...users: string[]): this {
    return this.#presence(1, users, [], [user])
  }
  close(user: string): this {
    return this.#presence(4, [], [], [user])
  }
  save(name: string, status: 2 | 3 | 6 | 7 = 6): this {
    return this.event({ type: 'arrived', save: arrivalOf(name, this.now, { status }) })
  }
  stored(name: string): this {
    return this.event({ type: 'stored', ...runOf(this.state, name), stored: null })
  }
  /** Sends a command; what it returns is its id. */
  register(kind: 'info' | 'forcesave' = 'info'): string {
    const id = `c${(this.#commands += 1)}`
    this.event({ type: 'registered', id, kind, deadline: this.now + MINUTE })
    return id
  }
  answer(id: string, error: number, users: string[] = []): this {
    return this.event({ type: 'answered', id, answer: { error, users } })
  }
  /** The callback of an info. */
  told(id: string, ...users: string[]): this {
    return this.#presence(users.length > 0 ? 1 : 4, users, [], [], id)
  }
  /** An info with its callback and its response. */
  info(...users: string[]): this {
    const id = this.register()
    return this.told(id, ...users).answer(id, 0, users)
  }

  get verdict(): string {
    const { session } = this.state
    if (session === undefined) return isListed(this.state) ? 'storing' : 'closed'
    const doubt = isDoubtful(session, this.now) ? ', or not' : ''
    return `open with ${session.users.join(' and ')}${doubt}`
  }
  get isKeptFor(): number {
    return expiresAt(this.state, RULES) - this.now
  }

  #presence(
    status: 1 | 4,
    users: string[],
    joined: string[],
    left: string[],
    commandId?: string,
  ): this {
    const id = commandId === undefined ? {} : { commandId }
    return this.event({ type: 'presence', status, users, joined, left, ...id })
  }
}

const opened = (): Document => new Document().join('ann').wait(MINUTE)

describe('a session', () => {
  it('is there from the first who comes to the last who goes', () => {
    const document = new Document().join('ann')
    assert.equal(document.verdict, 'open with ann')
    assert.equal(document.wait(MINUTE).join('ben', 'ann').verdict, 'open with ben and ann')
    assert.equal(document.leave('ann', 'ben').verdict, 'open with ben')
    assert.equal(document.wait(MINUTE).close('ben').verdict, 'closed')
    assert.equal(document.state.session, undefined)
  })

  it('begins when the first word of it came', () => {
    const { session } = opened().join('ben', 'ann').state
    assert.deepEqual([session?.since, session?.heard], [START, START + MINUTE])
  })

  it('goes on through forced saves', () => {
    const document = opened().save('A').stored('A')
    assert.equal(document.verdict, 'open with ann')
    assert.equal(
      document
        .wait(9 * MINUTE)
        .save('B')
        .wait(9 * MINUTE).verdict,
      'open with ann',
    )
  })

  it('ends with the final save, and is listed until that is stored', () => {
    const document = opened().save('A', 2)
    assert.equal(document.verdict, 'storing')
    assert.equal(document.stored('A').verdict, 'closed')
  })

  it('ends with a final save that could not be converted', () => {
    assert.equal(opened().save('A', 3).verdict, 'closed')
  })

  it('begins again', () => {
    const document = opened().close('ann').wait(MINUTE).join('ben')
    assert.equal(document.verdict, 'open with ben')
    assert.equal(document.state.session?.since, START + 2 * MINUTE)
  })

  it('that is told of twice is there once, and is gone at the first close', () => {
    const document = opened()
      .join('ann')
      .wait(2 * MINUTE)
      .close('ann')
      .close('ann')
    assert.equal(document.verdict, 'closed')
  })

  it('of which only a save has told is there, in doubt', () => {
    assert.equal(new Document().save('A').stored('A').verdict, 'open with u1, or not')
  })

  it('is not begun by a final save or a forgotten file', () => {
    assert.equal(new Document().save('A', 2).stored('A').verdict, 'closed')
    const arrival = arrivalOf('F', START, { status: 2, trigger: 'forgotten' })
    const document = new Document().event({ type: 'arrived', save: arrival }).stored('F')
    assert.equal(document.verdict, 'closed')
  })
})

describe('a close that may be that of the session before', () => {
  it('leaves doubt within the grace time of somebody`s coming', () => {
    const document = opened().close('ann').join('ben').wait(10).close('ann')
    assert.equal(document.verdict, 'open with ben, or not')
  })

  it('leaves doubt when somebody came again whose going was not told', () => {
    const document = opened().join('ann').wait(30_000).save('A', 2).stored('A')
    assert.equal(document.verdict, 'open with ann, or not')
  })

  it('leaves doubt when somebody came instead of one whose going was not told', () => {
    const document = opened().join('ben').wait(30_000).close('ann')
    assert.equal(document.verdict, 'open with ben, or not')
  })

  it('is that of this one when it comes a minute later', () => {
    assert.equal(opened().join('ann').wait(MINUTE).save('A', 2).stored('A').verdict, 'closed')
  })

  it('is certainly that of the one before when it comes again after somebody has come', () => {
    const document = opened().save('A', 2)
    document.event({
      ...{ type: 'failed', ...runOf(document.state, 'A'), permanent: false },
      error: { code: 'STORAGE_FAILED', message: 'no', retryable: true },
    })
    document
      .join('ann')
      .wait(2 * MINUTE)
      .save('A', 2)
      .stored('A')
    assert.equal(document.verdict, 'open with ann')
  })
})

describe('a session in doubt', () => {
  const inDoubt = (): Document => opened().close('ann').join('ben').wait(10).close('ann')

  it('is one of which nothing was heard for 10 minutes', () => {
    const document = opened().wait(9 * MINUTE - 1)
    assert.equal(document.verdict, 'open with ann')
    assert.equal(document.wait(1).verdict, 'open with ann, or not')
  })

  it('is certain again when an info tells who edits', () => {
    assert.equal(inDoubt().info('ben', 'cleo').verdict, 'open with ben and cleo')
    assert.equal(
      opened()
        .wait(60 * MINUTE)
        .info('ben').verdict,
      'open with ben',
    )
  })

  it('is certain again by the response of an info whose callback was lost', () => {
    const document = inDoubt()
    assert.equal(document.answer(document.register(), 0, ['ben']).verdict, 'open with ben')
  })

  it('is certain again when somebody comes or goes', () => {
    assert.equal(inDoubt().join('cleo', 'ben').verdict, 'open with cleo and ben')
  })

  for (const kind of ['info', 'forcesave'] as const) {
    it(`ends when the Docs server does not know the key any more: answer 1 to ${kind}`, () => {
      const document = inDoubt()
      assert.equal(document.answer(document.register(kind), 1).verdict, 'closed')
    })
  }

  it('does not end by an answer 1 to what was asked before it began', () => {
    const document = new Document()
    const id = document.register()
    assert.equal(document.join('ann').answer(id, 1).verdict, 'open with ann')
  })

  it('ends when infos find nobody for a minute, for until then the final save may be on its way', () => {
    const document = opened()
      .wait(10 * MINUTE)
      .info()
    assert.equal(document.verdict, 'open with ann, or not')
    assert.equal(document.wait(MINUTE - 1).info().verdict, 'open with ann, or not')
    assert.equal(document.wait(1).info().verdict, 'closed')
  })

  it('does not end by an info that was sent before somebody came', () => {
    const document = opened()
      .wait(10 * MINUTE)
      .info()
      .wait(MINUTE)
    const id = document.register()
    assert.equal(document.join('ben', 'ann').told(id).verdict, 'open with ben and ann')
  })

  it('is what an info tells of that was answered after a close', () => {
    const document = opened()
    const id = document.register()
    assert.equal(document.close('ann').told(id, 'ann').verdict, 'open with ann, or not')
  })
})

describe('the state of an open document', () => {
  it('is kept for 7 days after the last word of it', () => {
    assert.equal(opened().wait(MINUTE).join('ben', 'ann').isKeptFor, SESSION_KEPT)
    const document = opened()
    document.wait(MINUTE).register('forcesave')
    assert.equal(document.isKeptFor, SESSION_KEPT - 2 * MINUTE, 'what we ask is no word of it')
  })

  it('is kept for the retention time only when it may have closed', () => {
    assert.equal(
      opened()
        .wait(10 * MINUTE)
        .info().isKeptFor,
      RULES.retention,
    )
    assert.equal(opened().close('ann').isKeptFor, RULES.retention)
  })
})
