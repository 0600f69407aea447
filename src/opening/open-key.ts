/**
 * Which key a file is opened under (`docs/opening.md`). A key changes by proof only: the Docs server says that its
 * session is over and all of it acknowledged, or does not know it and holds no forgotten file of it.
 */
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import type { KeyBook } from '../keys/book.js'
import type { Kept, KeyRecord } from '../keys/record.js'
import { isOver, type AskStanding, type Standing } from './standing.js'

export interface OpenKeyParts {
  book: KeyBook
  standing: AskStanding
  clock: Clock
  /** How long a signed config can be used, ms. */
  configLifetime: number
}

export interface OpenKey {
  /** The key to open this file with. */
  keyFor(ref: string, version: string | undefined): Promise<string>
  /** The content was replaced: the next one to open the file gets another key. False: nobody has opened it. */
  replaced(ref: string): Promise<boolean>
}

/** A record that was signed so long ago is not written again for one more config, ms. */
const FRESH = 30_000
/** How often a decision is made again because somebody else was faster. */
const MAX_CONFLICTS = 20

export function createOpenKey({ book, standing, clock, configLifetime }: OpenKeyParts): OpenKey {
  /** Changes the record of a file, again where somebody else was faster. */
  async function change(
    ref: string,
    next: (kept: Kept | undefined) => Promise<KeyRecord | undefined>,
  ): Promise<KeyRecord | undefined> {
    for (let tries = 0; tries < MAX_CONFLICTS; tries += 1) {
      const kept = await book.current(ref)
      const record = await next(kept)
      if (record === undefined) return undefined
      // Deciding takes a while: what is handed out has to be the current one still.
      const isKept =
        record === kept?.record
          ? (await book.current(ref))?.text === kept.text
          : await book.keep(record, kept)
      if (isKept) return record
    }
    const message = 'too many processes open this file at once'
    throw new DocsError('TIMEOUT', message, { ref })
  }

  async function opened(ref: string, { record }: Kept, version?: string): Promise<KeyRecord> {
    const how = await standing(record.key, ref)
    if (how === 'unclear') throw unclear(record)
    if (version !== undefined && record.version !== undefined && version !== record.version) {
      refuseUnlessOver(record, how)
      return book.fresh(ref, version)
    }
    const isNew = version !== undefined && record.version === undefined
    if (isDue(record, how)) return book.fresh(ref, version ?? record.version)
    const now = clock.now()
    if (!isNew && Math.abs(now - record.signedAt) < FRESH) return record
    return { ...record, ...(isNew ? { version } : {}), signedAt: now }
  }

  /** Whether the file needs another key. */
  function isDue({ changed, signedAt }: KeyRecord, how: Standing): boolean {
    // Nothing has been stored under it: whoever opens it now sees what is stored.
    if (changed !== true || !isOver(how)) return false
    // Whoever was given it before can only view it.
    if (how === 'sealed') return true
    // Else nobody may be about to edit who was given it before.
    return clock.now() > signedAt + configLifetime + FRESH
  }

  return {
    async keyFor(ref, version) {
      const record = await change(ref, (kept) =>
        kept === undefined ? Promise.resolve(book.fresh(ref, version)) : opened(ref, kept, version),
      )
      // `change` gives nothing only where it was given nothing.
      if (record === undefined) throw new TypeError('a file was opened without a key')
      return record.key
    },
    async replaced(ref) {
      const record = await change(ref, async (kept) => {
        if (kept === undefined) return undefined
        const { key, version } = kept.record
        refuseUnlessOver(kept.record, await standing(key, ref))
        return book.fresh(ref, version)
      })
      return record !== undefined
    },
  }
}

/** A new key while somebody edits would split the session, and the old one may be over. */
const unclear = ({ key, ref }: KeyRecord): DocsError =>
  new DocsError(
    'UNREACHABLE',
    'the Docs server does not say whether somebody edits this file, or its callback does not reach this application: try again, and see the doctor',
    { key, ref },
  )

function refuseUnlessOver(record: KeyRecord, how: Standing): void {
  const { key, ref } = record
  if (isOver(how)) return
  if (how === 'unclear') throw unclear(record)
  const what =
    how === 'edited' ? 'somebody edits it' : 'the Docs server holds edits that are not stored yet'
  throw new DocsError(
    'SESSION_OPEN',
    `the content of this file was replaced, and ${what}: wait until the session is over, or end it with forcesave() and drop()`,
    { key, ref },
  )
}
