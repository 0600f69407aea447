/**
 * The commands whose outcome a callback tells: `forcesave` and `info`. Each is registered before its
 * request leaves, with an id that travels in its userdata (`settlement.md` 1).
 */
import type { Clock } from '../clock.js'
import { DocsError, fromPlainError, isDocsError, toPlainError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { AnswerFacts, Command, Verdict } from '../ledger/state.js'
import { newId, packUserdata } from '../protocol/userdata.js'
import { neverArrived, type CommandClient } from './commands.js'

export interface AskParts {
  ledger: Ledger
  client: CommandClient
  clock: Clock
  prefix: string
  /** How long others wait for a nudge at the most, ms. */
  nudgeTimeout: number
  /** The deadline of an info of our own, ms. */
  lookTimeout: number
}

export interface Ask {
  key: string
  kind: Command['kind']
  /** ms; Infinity for none. */
  timeout: number
  userdata?: string | undefined
}

/** A command on its way: its id, and its answer, which is in the ledger when this resolves. */
export interface Asked {
  id: string
  answer: Promise<AnswerFacts>
}

export interface Asks {
  ask(ask: Ask): Promise<Asked>
  /** Waits for the verdict of a command, also one of another process. */
  verdict(key: string, id: string, signal?: AbortSignal): Promise<Verdict>
  /** Rule 14: one more forcesave of our own, so that a lost callback is sent again. */
  nudge(key: string): Promise<void>
  /** Rules 6 and 7: an `info` of our own, to learn whether anybody edits still. */
  look(key: string, id: string): Promise<void>
}

export function createAsks({
  ledger,
  client,
  clock,
  prefix,
  nudgeTimeout,
  lookTimeout,
}: AskParts): Asks {
  async function ask({ key, kind, timeout, userdata }: Ask): Promise<Asked> {
    const id = newId()
    const deadline = clock.now() + timeout
    const own = userdata === undefined ? {} : { userdata }
    await ledger.apply(key, { type: 'registered', id, kind, deadline, ...own })
    return { id, answer: send(key, kind, id, userdata) }
  }

  async function send(
    key: string,
    kind: Command['kind'],
    id: string,
    userdata: string | undefined,
  ): Promise<AnswerFacts> {
    const answer = await requested(key, kind, packUserdata(prefix, id, userdata))
    await ledger.apply(key, { type: 'answered', id, answer })
    return answer
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

  async function whoEdits(key: string): Promise<'editing' | 'closed' | 'unknown'> {
    const { id, answer } = await ask({ key, kind: 'info', timeout: lookTimeout })
    await answer
    const verdict = await ledger.settled(key, id)
    if (verdict?.outcome === 'info') return verdict.status
    // Error 1: the Docs server does not even know the key any more.
    const unknownKey = verdict?.outcome === 'failed' && verdict.error.error === 1
    return unknownKey ? 'closed' : 'unknown'
  }

  return {
    ask,
    async verdict(key, id, signal) {
      const verdict = await ledger.settled(key, id, signal)
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
    async nudge(key) {
      const { answer } = await ask({ key, kind: 'nudge', timeout: nudgeTimeout })
      await answer
    },
    async look(key, id) {
      const presence = await whoEdits(key)
      await ledger.apply(key, { type: 'looked', id, presence })
    },
  }
}
