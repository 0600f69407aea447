/**
 * The commands whose outcome a callback tells: `forcesave` and `info`. Each is registered before its
 * request leaves, with an id that travels in its userdata (`settlement.md` 1).
 */
import type { Signal } from '../abort.js'
import type { Clock } from '../clock.js'
import { DocsError, fromPlainError, isDocsError, toPlainError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { AnswerFacts, LedgerEvent, Verdict } from '../settlement/event.js'
import { errorAtDeadline } from '../settlement/judge.js'
import type { Command } from '../settlement/state.js'
import { newId } from '../protocol/new-id.js'
import { packUserdata } from '../protocol/userdata.js'
import { neverArrived, type CommandClient } from './commands.js'

/** How often, and with which pauses (ms), an answer is recorded that Redis does not take. */
const MAX_TRIES = 15
const TRY_PAUSE = 1_000

/** Commands that this process can register again, and how often it does so for one wait. */
const MAX_REMEMBERED = 10_000
const MAX_AGAIN = 10

export interface AskParts {
  ledger: Ledger
  client: CommandClient
  clock: Clock
  prefix: string
  /** How long a command of our own may take, ms. */
  ownTimeout: number
}

export interface Ask {
  key: string
  kind: Command['kind']
  /** ms; Infinity for none. */
  timeout: number
  userdata?: string | undefined
  /** A new one when left out. */
  id?: string
  /** Sent by this package to learn something (`docs/settlement.md` 8). */
  own?: true
}

/** A command on its way: its id, and its answer, which is in the ledger when this resolves. */
export interface Asked {
  id: string
  answer: Promise<AnswerFacts>
}

/** What this process knows of a command of its own, should the ledger lose it. */
interface Remembered {
  registered: Extract<LedgerEvent, { type: 'registered' }>
  answer?: AnswerFacts
}

export interface Asks {
  ask(ask: Ask): Promise<Asked>
  /** Waits for the verdict of a command, also one of another process. */
  verdict(key: string, id: string, signal?: Signal): Promise<Verdict>
  /** Rule 8: a command of our own, to learn what the Docs server holds, or to make it save. */
  askOwn(key: string, what: Command['kind']): Promise<void>
  /** What is known of a command whose caller's own deadline has passed (14.2). */
  atDeadline(key: string, id: string): Promise<DocsError>
  /** Resolves when every command that was begun has its answer recorded, or cannot have it. */
  idle(): Promise<void>
}

export function createAsks({ ledger, client, clock, prefix, ownTimeout }: AskParts): Asks {
  const remembered = new Map<string, Remembered>()
  const underWay = new Set<Promise<AnswerFacts>>()

  /** Under way from its registration on: what is registered and not answered leaves others in doubt. */
  function ask(command: Ask): Promise<Asked> {
    const asked = begin(command)
    track(asked.then(({ answer }) => answer))
    return asked
  }

  async function begin({ key, kind, timeout, userdata, id = newId(), own }: Ask): Promise<Asked> {
    const registered = {
      ...{ type: 'registered' as const, id, kind, deadline: clock.now() + timeout },
      ...(userdata === undefined ? {} : { userdata }),
      ...(own === undefined ? {} : { own }),
    }
    await ledger.apply(key, registered)
    if (own === undefined) remember(registered)
    return { id, answer: send(key, kind, id, userdata) }
  }

  async function send(
    key: string,
    kind: Command['kind'],
    id: string,
    userdata: string | undefined,
  ): Promise<AnswerFacts> {
    const answer = await requested(key, kind, packUserdata(prefix, id, userdata))
    const command = remembered.get(id)
    if (command !== undefined) command.answer = answer
    await recordAnswer(key, id, answer)
    return answer
  }

  /** An answer that is lost leaves everybody in doubt until the deadline: while Redis is away, again. */
  async function recordAnswer(key: string, id: string, answer: AnswerFacts): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ledger.apply(key, { type: 'answered', id, answer })
      } catch (error) {
        if (!isDocsError(error, 'UNREACHABLE') || tries === MAX_TRIES) throw error
        await new Promise<void>((resolve) => clock.after(TRY_PAUSE, resolve))
      }
    }
  }

  function track(answer: Promise<AnswerFacts>): void {
    underWay.add(answer)
    const done = (): void => void underWay.delete(answer)
    answer.then(done, done)
  }

  function remember(registered: Remembered['registered']): void {
    remembered.set(registered.id, { registered })
    const [oldest] = remembered.keys()
    if (remembered.size > MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
  }

  /** Redis may have been emptied, or have lost its last writes (`bullmq.md`): what is waited for is told again. */
  async function settled(key: string, id: string, signal?: Signal): Promise<Verdict | undefined> {
    try {
      for (let again = 0; ; again += 1) {
        const verdict = await ledger.settled(key, id, signal)
        const command = remembered.get(id)
        if (verdict !== undefined || command === undefined || again === MAX_AGAIN) return verdict
        await ledger.apply(key, { ...command.registered, again: true })
        const { answer } = command
        if (answer !== undefined) await ledger.apply(key, { type: 'answered', id, answer })
      }
    } finally {
      if (signal?.aborted !== true) remembered.delete(id)
    }
  }

  async function requested(
    key: string,
    kind: Command['kind'],
    userdata: string,
  ): Promise<AnswerFacts> {
    try {
      if (kind !== 'info') {
        await client.send('forcesave', { key, userdata })
        return { error: 0 }
      }
      const { users } = await client.send('info', { key, userdata })
      return users === undefined ? { error: 0 } : { error: 0, users }
    } catch (error) {
      if (!isDocsError(error)) throw error
      if (error.code === 'COMMAND_REJECTED' && error.error !== undefined) {
        return { error: error.error }
      }
      return { error: null, failure: toPlainError(error), neverArrived: neverArrived(error) }
    }
  }

  return {
    ask,
    async verdict(key, id, signal) {
      const verdict = await settled(key, id, signal)
      if (verdict === undefined) {
        throw new DocsError(
          'BAD_OPTION',
          'id: no command of this id is known; it must be one of startForcesave(), and not older than the retention time',
          { key },
        )
      }
      if (verdict.outcome === 'failed') throw fromPlainError({ ...verdict.error, key })
      return verdict
    },
    async idle() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
    async askOwn(key, what) {
      const { answer } = await ask({ key, kind: what, timeout: ownTimeout, own: true })
      await answer
    },
    async atDeadline(key, id) {
      const state = await ledger.read(key)
      const command = state.commands.find((other) => other.id === id)
      return fromPlainError({ ...errorAtDeadline(state, command), key })
    },
  }
}
