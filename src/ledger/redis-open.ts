/**
 * The list of open documents beside their states. In a Redis Cluster it is in another place than
 * they are, so record and list are two steps, each repeatable: an entry that its document does not
 * bear out is taken off when it is met.
 */
import type { Logger } from '../events.js'
import type { OpenDocument, OpenDocuments } from './ledger.js'
import { periodOf, type OpenSet } from './redis-open-set.js'
import { isListed } from './open-documents.js'
import type { DocumentState } from '../settlement/state.js'

/** Documents that are read at once. */
const PAGE = 100

export interface OpenIndexParts {
  set: OpenSet
  read: (key: string) => Promise<{ state: DocumentState }>
  /** By the clock of Redis, ms since the epoch. */
  now: () => number
  logger: Logger
  throwIfClosed: () => void
}

export interface OpenIndex {
  /** What a write is to do before and after: nothing, unless a document opens or closes by it. */
  listing: (
    key: string,
    before: DocumentState,
    after: DocumentState,
  ) => { before: () => Promise<void>; after: () => void } | undefined
  open: () => Promise<OpenDocuments>
}

export function createOpenIndex({
  set,
  read,
  now,
  logger,
  throwIfClosed,
}: OpenIndexParts): OpenIndex {
  /** Takes it off, and puts it back when it has opened meanwhile. */
  async function remove(period: number, key: string): Promise<void> {
    await set.remove(period, key)
    const { state } = await read(key)
    if (placeOf(state) === period) await set.add(period, key)
  }

  function inBackground(key: string, work: Promise<void>): void {
    work.catch((error: unknown) => {
      logger.debug({ err: error, key }, 'the list of open documents is mended later')
    })
  }

  async function* documents(): AsyncGenerator<OpenDocument> {
    const newest = periodOf(now())
    for (const period of [newest - 1, newest]) {
      let last: string | undefined
      for (let more = true; more;) {
        throwIfClosed()
        const keys = await set.page(period, last, PAGE)
        more = keys.length === PAGE
        last = keys.at(-1)
        const states = await Promise.all(keys.map(async (key) => (await read(key)).state))
        for (const [index, key] of keys.entries()) {
          const state = states[index]
          if (state === undefined) continue
          if (placeOf(state) !== period) inBackground(key, remove(period, key))
          else {
            throwIfClosed()
            yield { key, state, now: now() }
          }
        }
      }
    }
  }

  return {
    listing(key, before, after) {
      const [from, to] = [placeOf(before), placeOf(after)]
      if (from === to) return undefined
      return {
        // First, so that no death in between leaves an open document out.
        before: async () => {
          if (to !== undefined) await set.add(to, key)
        },
        // Again, because whoever met it before it was written has taken it off.
        after() {
          if (to !== undefined) inBackground(key, set.add(to, key))
          if (from !== undefined) inBackground(key, remove(from, key))
        },
      }
    },
    async open() {
      throwIfClosed()
      // The clock of Redis is known by what is read.
      await read('')
      const newest = periodOf(now())
      const counts = await Promise.all([set.count(newest - 1), set.count(newest)])
      return { count: counts.reduce((sum, count) => sum + count, 0), documents: documents() }
    },
  }
}

/** The period in whose set a document stands; undefined: it is not open. */
function placeOf(state: DocumentState): number | undefined {
  return isListed(state) ? periodOf(state.session?.heard ?? state.touchedAt) : undefined
}
