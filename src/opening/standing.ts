/**
 * How it stands with the session of a key: the Docs server is asked, by `info`, and then for a forgotten file
 * (`docs/settlement.md` 5, 6 and 13). Only this is proof that a session is over.
 */
import type { Asks } from '../client/asks.js'
import { startDeadline } from '../client/deadline.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ForgottenFiles } from '../recovery/forgotten.js'
import { hasMovedOn } from '../settlement/forgotten.js'
import { isOpen, type DocumentState } from '../settlement/state.js'

/**
 * `edited`: somebody edits. `held`: nobody does, and the Docs server holds edits, or a save is on its way into
 * storage. `acknowledged`: nobody edits, and all of it is acknowledged. `unknown`: the Docs server does not know the
 * key, and holds no forgotten file of it. `unclear`: it did not say.
 */
export type Standing = 'edited' | 'held' | 'acknowledged' | 'unknown' | 'unclear'

export const isOver = (standing: Standing): boolean =>
  standing === 'acknowledged' || standing === 'unknown'

export interface StandingParts {
  asks: Asks
  ledger: Ledger
  forgotten: ForgottenFiles
  clock: Clock
}

/** How long the Docs server is waited for: who opens a document waits meanwhile, ms. */
const PATIENCE = 5_000
/** The ledger settles a question at its deadline, unless Redis is away, ms. */
const LEDGER_AWAY = 2_000
/** How long a forgotten file may take on its way into storage, ms. */
const STORING = 30_000
/** So many forgotten files in a row are taken. */
const MOST_ROUNDS = 3

/** @throws DocsError `UNREACHABLE` when the ledger is away, `CLOSED` */
export type AskStanding = (key: string, ref: string) => Promise<Standing>

export function createStanding({ asks, ledger, forgotten, clock }: StandingParts): AskStanding {
  const underWay = new Map<string, Promise<Standing>>()

  async function ask(key: string, ref: string): Promise<Standing> {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const said = await told(key)
      if (!isOver(said)) return said
      const since = (await ledger.read(key)).turn
      // It is the file's current key, so what is found under it is the file's.
      await forgotten.search(key, since, ref, true)
      const state = await ledger.read(key)
      // A state that was lost in between has begun to count its turns again.
      if (since > state.turn || hasMovedOn(state, since)) return 'edited'
      const { searched } = state
      // Another search, begun before, has ended after this one.
      if (searched === undefined || searched.turn < since) continue
      switch (searched.found) {
        case 'nothing':
        case 'unsupported':
          return state.saves.some(isOpen) ? 'held' : said
        case 'file':
          if (!(await areStored(key, state))) return 'held'
          break
        default:
          return 'unclear'
      }
    }
    return 'unclear'
  }

  /** What the Docs server says that it holds. */
  async function told(key: string): Promise<Standing> {
    const { id, answer } = await asks.ask({ key, kind: 'info', timeout: PATIENCE })
    answer.catch(() => {})
    const deadline = startDeadline(clock, PATIENCE + LEDGER_AWAY)
    try {
      const verdict = await asks.verdict(key, id, deadline.signal)
      if (verdict.outcome !== 'info') return 'unclear'
      if (verdict.status === 'closed') return 'acknowledged'
      return verdict.users.length > 0 ? 'edited' : 'held'
    } catch (error) {
      if (isDocsError(error, 'CLOSED')) throw error
      return isDocsError(error, 'COMMAND_REJECTED') && error.error === 1 ? 'unknown' : 'unclear'
    } finally {
      deadline.release()
    }
  }

  /** Whether every save that was on its way is stored now. */
  async function areStored(key: string, { saves }: DocumentState): Promise<boolean> {
    const deadline = startDeadline(clock, STORING)
    try {
      for (const { name } of saves.filter(isOpen)) {
        const end = await ledger.finished(key, name, deadline.signal)
        if (end?.phase !== 'stored') return false
      }
      return true
    } catch (error) {
      if (deadline.ended() !== 'expired') throw error
      return false
    } finally {
      deadline.release()
    }
  }

  /** Those who open one file at the same time share the question. */
  return (key, ref) => {
    const asked = underWay.get(key)
    if (asked !== undefined) return asked
    const asking = ask(key, ref).finally(() => underWay.delete(key))
    underWay.set(key, asking)
    return asking
  }
}
