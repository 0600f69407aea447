/** What is kept of a file: its current document key. Written as text, with the number of its format. */
import { DocsError } from '../errors.js'
import { attempt } from '../harmless.js'
import { isKey } from '../protocol/key.js'

export interface KeyRecord {
  /** The current document key. */
  readonly key: string
  /** The application's name for the file: a key that only holds its hash is looked up by that. */
  readonly ref: string
  /** When a config with this key was signed last, ms since the epoch. */
  readonly signedAt: number
  /** A save of this key has come: once its session is over, another key is needed. */
  readonly changed?: true
  /** What `open()` was given as the version of the file when the key was made. */
  readonly version?: string
}

/** A record as it is kept: a change names the text that it replaces. */
export interface Kept {
  readonly record: KeyRecord
  readonly text: string
}

/** Of what this version writes. */
const FORMAT = 1

/** A file that nobody has opened for so long has no current key any more, ms: 90 days. */
export const KEY_KEPT = 90 * 86_400_000

export const writeKeyRecord = (record: KeyRecord): string =>
  JSON.stringify({ format: FORMAT, ...record })

/** @throws DocsError `BAD_RECORD` */
export function readKeyRecord(text: string, given?: string): KeyRecord {
  const { format, ...record } = attempt<Record<string, unknown>>(
    () => ({ ...(JSON.parse(text) as object) }),
    {},
  )
  const { key, signedAt, ref } = record
  const isWhole = isKey(key) && typeof ref === 'string' && Number.isFinite(signedAt)
  if (format === FORMAT && isWhole) return record as unknown as KeyRecord
  const newer = typeof format === 'number' && format > FORMAT
  throw new DocsError(
    'BAD_RECORD',
    newer
      ? `a newer version of koa-docs-callback has written the key of this file (format ${format}, this one reads up to ${FORMAT}): update this process`
      : 'what is kept as the key of this file is no record, and is left as it is: find out who has written it; deleting it makes the next open() begin a new session',
    { ref: given },
  )
}
