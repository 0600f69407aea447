/**
 * How it stands with the session of a key: the Docs server is asked, by `info`, and then for a forgotten file
 * (`docs/settlement.md` 5, 6 and 13). Only this is proof that a session is over.
 */
import type { Asks } from '../client/asks.js'
import { startDeadline } from '../client/deadline.js'
import type { Clock } from '../clock.js'
import { isDocsError } from '../errors.js'
import type { KeyBook } from '../keys/book.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ForgottenFiles } from '../recovery/forgotten.js'
import { hasMovedOn } from '../settlement/forgotten.js'
import { isSealed } from '../settlement/sealed.js'
import { isOpen, type DocumentState } from '../settlement/state.js'

/**
 * - `edited`: somebody edits.
 * - `held`: nobody does, and the Docs server holds edits, a save is on its way into storage, or a forgotten file is there
 *   that cannot be stored.
 * - `sealed`: everything is acknowledged, by a final save: whoever opens the key for the next minutes can only view it.
 * - `idle`: everything is acknowledged, and whoever opens the key may be able to edit it.
 * - `unknown`: the Docs server does not know the key, and holds no forgotten file of it.
 * - `unclear`: it did not say.
 */
export type Standing = 'edited' | 'held' | 'sealed' | 'idle' | 'unknown' | 'unclear'

/** Proven: nobody edits, and everything is acknowledged. */
export const isOver = (standing: Standing): boolean =>
  standing === 'sealed' || standing === 'idle' || standing === 'unknown'

export interface StandingParts {
  book: KeyBook
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
/** A question, or its answer, can get lost. */
const MOST_TRIES = 2
/** So many forgotten files in a row are taken. */
const MOST_ROUNDS = 3

/** @throws DocsError `UNREACHABLE` when the ledger is away, `CLOSED` */
export type AskStanding = (key: string, ref: string) => Promise<Standing>

export function createStanding(parts: StandingParts): AskStanding {
  const { book, asks, ledger, forgotten, clock } = parts
  const underWay = new Map<string, { now: Promise<Standing>; then?: Promise<Standing> }>()

  async function ask(key: string, ref: string): Promise<Standing> {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const before = (await ledger.read(key)).turn
      const said = await told(key)
      if (!isOver(said)) return said
      const since = (await ledger.read(key)).turn
      await forgotten.search(key, since, (await book.fileOf(key)) ?? { ref, vouched: false })
      const state = await ledger.read(key)
      // What the Docs server has said may have come late: nobody may have come since it was asked. A state that was
      // lost in between has begun to count its turns again.
      if (since > state.turn || hasMovedOn(state, before)) return 'edited'
      const { searched } = state
      // Another search, begun before, has ended after this one.
      if (searched === undefined || searched.turn < since) continue
      switch (searched.found) {
        case 'nothing':
        case 'unsupported':
          if (state.saves.some(isOpen)) return 'held'
          return said === 'idle' && isSealed(state) ? 'sealed' : said
        case 'file':
          if (!(await areStored(key, state))) return 'held'
          break
        case 'failed':
          return searched.failure?.retryable === false ? 'held' : 'unclear'
        case 'left':
          return 'held'
      }
    }
    return 'unclear'
  }

  /** What the Docs server says that it holds. */
  async function told(key: string): Promise<Standing> {
    let said: Standing = 'unclear'
    for (let tries = 0; tries < MOST_TRIES && said === 'unclear'; tries += 1) {
      said = await toldOnce(key)
    }
    return said
  }

  async function toldOnce(key: string): Promise<Standing> {
    const { id, answer } = await asks.ask({ key, kind: 'info', timeout: PATIENCE })
    answer.catch(() => {})
    const deadline = startDeadline(clock, PATIENCE + LEDGER_AWAY)
    try {
      const verdict = await asks.verdict(key, id, deadline.signal)
      if (verdict.outcome !== 'info') return 'unclear'
      if (verdict.status === 'closed') return 'idle'
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

  /**
   * Those who come while a question is under way share the next one: what was true before they came proves nothing
   * to them.
   */
  function next(key: string, ref: string): Promise<Standing> {
    const { now, then } = underWay.get(key) ?? {}
    if (then !== undefined) return then
    const asking = (now ?? Promise.resolve()).then(
      () => begin(key, ref),
      () => begin(key, ref),
    )
    if (now !== undefined) underWay.set(key, { now, then: asking })
    return asking
  }

  function begin(key: string, ref: string): Promise<Standing> {
    const now = ask(key, ref)
    const question = { now }
    underWay.set(key, question)
    const over = (): void => {
      if (underWay.get(key) === question) underWay.delete(key)
    }
    now.then(over, over)
    return now
  }

  return next
}
