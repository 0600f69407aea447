/**
 * What is checked, without an excuse for any result that says it is certain:
 * I1 no false confirmation; I2 no hang; I3 what is acknowledged is stored; I4 storage never goes back;
 * I5 `onSave` runs one at a time per key; I6 no outcome of another call; I7 nothing is left behind;
 * I8 at the end no edit is lost.
 */
import type { ForcesaveResult } from '../../src/results.js'
import { editsIn, type Core } from '../../src/testing/index.js'
import type { Storage } from './storage.js'

/** How often the edits of results that are not certain were stored, and how often not. */
export interface Doubt {
  stored: number
  missing: number
}

export interface Outcome {
  seed: number
  /** The kinds of its world, under which it counts. */
  kinds: string[]
  /** One line each: the invariant, and what was seen. */
  violations: string[]
  calls: number
  /** How the calls ended: `saved`, `saved?` (not certain), `TIMEOUT`, … */
  ends: Record<string, number>
  /** By the reason that the result tells. */
  doubts: Record<string, Doubt>
  trace: string[]
  /** Writes to Redis that came too late, because another process was faster. */
  conflicts: number
  /** Processes that died without a word. */
  deaths: number
}

export const emptyOutcome = (seed: number, kinds: string[]): Outcome => ({
  ...{ seed, kinds, violations: [], calls: 0, ends: {}, doubts: {}, trace: [] },
  ...{ conflicts: 0, deaths: 0 },
})

export interface CheckerParts {
  outcome: Outcome
  core: () => Core
  storage: () => Storage
  violate: (invariant: string, what: string) => void
}

/** A result with the reason why it is not certain, where it tells one. */
type Told = ForcesaveResult & { readonly doubt?: string }

export class Checker {
  readonly #parts: CheckerParts
  /** Per key, edits up to this one may have been thrown away, since the application chose so. */
  readonly #thrownAway = new Map<string, number>()

  constructor(parts: CheckerParts) {
    this.#parts = parts
  }

  /** I1 and I6, at the moment when a call ends well. Answers how it ended. */
  confirmed(call: { key: string; number: number; edits: number }, result: ForcesaveResult): string {
    const { key, number, edits } = call
    const { outcome, storage, violate } = this.#parts
    const end = `${result.outcome}${result.certain ? '' : '?'}`
    if (result.key !== key) violate('I6', `call ${number} got the outcome of ${result.key}`)
    const isMissing = this.#misses(key, edits)
    if (result.certain) {
      if (isMissing) {
        const kept = storage().holds(key)
        violate('I1', `call ${number} ended ${end} with edit ${kept} of ${edits} stored in ${key}`)
      }
      return end
    }
    const { doubt = 'not told' } = result as Told
    const counts = (outcome.doubts[doubt] ??= { stored: 0, missing: 0 })
    counts[isMissing ? 'missing' : 'stored'] += 1
    return end
  }

  /** What a callback is about, when it leaves the Docs server. */
  sent({ key, status, url }: Record<string, unknown>): Acknowledged {
    const { core } = this.#parts
    const bytes = typeof url === 'string' ? core().file(url) : undefined
    const holds = bytes === undefined ? 0 : (editsIn(bytes).at(-1) ?? 0)
    return { key: String(key), status: Number(status), holds, received: core().edits(String(key)) }
  }

  /** I3, at the moment when the application acknowledges it. */
  acknowledged({ key, status, holds, received }: Acknowledged): void {
    const { storage, violate } = this.#parts
    if (status === 3) this.#thrownAway.set(key, received)
    if (status !== 2 && status !== 6) return
    if (this.#misses(key, holds)) {
      const kind = status === 2 ? 'final' : 'forced'
      const kept = storage().holds(key)
      violate(
        'I3',
        `a ${kind} save of ${key} was acknowledged, with edit ${kept} of ${holds} stored`,
      )
    }
  }

  /** I8, when nothing more is to come. */
  async ended(key: string): Promise<void> {
    const { core, storage, violate } = this.#parts
    const docs = core()
    const edits = docs.edits(key)
    if (!this.#misses(key, edits)) return
    const { url } = (await docs.command({ c: 'getForgotten', key })) as { url?: string }
    const bytes = url === undefined ? undefined : docs.file(url)
    if (bytes !== undefined && (editsIn(bytes).at(-1) ?? 0) >= edits) return
    if (await this.#isHeld(key)) return
    violate('I8', `edit ${storage().holds(key)} of ${edits} of ${key} is stored, the rest is lost`)
  }

  /** The Docs server says so: status 1 (`docs-server.md`, "Seen since"). */
  async #isHeld(key: string): Promise<boolean> {
    this.#asked = undefined
    await this.#parts.core().command({ c: 'info', key, callback: CHECKER })
    return this.#asked === 1
  }

  #asked: unknown

  /** Takes the callback of an `info` of its own. */
  heard({ status }: Record<string, unknown>): void {
    this.#asked = status
  }

  #misses(key: string, edits: number): boolean {
    if (edits <= (this.#thrownAway.get(key) ?? 0)) return false
    return this.#parts.storage().holds(key) < edits
  }
}

/** Where the callbacks of its own `info` go. */
export const CHECKER = 'http://checker/'

/** A callback, by what it is about. */
export interface Acknowledged {
  key: string
  status: number
  /** The last edit in its file when it was sent. */
  holds: number
  /** The last edit that the Docs server had received by then. */
  received: number
}
