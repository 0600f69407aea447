/** `docs.forcesaveAll()`: everything that is open saved, one result or error per document. */
import { checkCall } from '../arguments.js'
import type { CallOptions } from '../call-options.js'
import { checkWhole } from '../check.js'
import { badOption, isDocsError, type DocsError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ForcesaveResult } from '../results.js'
import { sweep } from './sweep.js'

/** What `forcesaveAll()` takes; `timeout` is that of each forcesave. */
export interface ForcesaveAllOptions extends CallOptions {
  /** Which documents. Default: all that are open by the callbacks so far. */
  keys?: Iterable<string> | AsyncIterable<string> | undefined
  /** How many at once: 1 to 1,000. Default: 8. */
  concurrency?: number | undefined
}

/** How it ended for one document: a `result` as that of `forcesave()`, or its `error`. */
export type ForcesaveAllItem<Stored = unknown> = (
  | { key: string; result: ForcesaveResult<Stored>; error: undefined }
  | { key: string; result: undefined; error: DocsError }
) & {
  /** How many are done, this one included. */
  done: number
  /** How many there are, where that is known. Of open documents about so many: they come and go. */
  total: number | undefined
}

export interface ForcesaveAllParts {
  ledger: Ledger
  forcesave: (key: string, options: CallOptions) => Promise<ForcesaveResult>
  closing: AbortSignal
}

const CONCURRENCY = 8

export function forcesaveEach(
  { ledger, forcesave, closing }: ForcesaveAllParts,
  options: ForcesaveAllOptions = {},
): AsyncIterableIterator<ForcesaveAllItem> {
  checkCall(options)
  const { keys, concurrency = CONCURRENCY, timeout, signal } = options
  checkWhole('concurrency', concurrency, 1, 1_000, 'documents at once')
  checkKeys(keys)
  let done = 0
  let total = sizeOf(keys)

  async function* openKeys(): AsyncGenerator<string> {
    const { count, documents } = await ledger.open()
    total = count
    for await (const { key } of documents) yield key
  }

  async function save(key: string, stop: AbortSignal): Promise<ForcesaveAllItem> {
    try {
      const result = await forcesave(key, { timeout, signal: stop })
      return { key, result, error: undefined, ...progress() }
    } catch (error) {
      if (!isDocsError(error) || error.code === 'CLOSED') throw error
      return { key, result: undefined, error, ...progress() }
    }
  }

  function progress(): Pick<ForcesaveAllItem, 'done' | 'total'> {
    done += 1
    return { done, total: total === undefined ? undefined : Math.max(total, done) }
  }

  return sweep({
    items: keys ?? openKeys(),
    concurrency,
    ends: signal === undefined ? [closing] : [closing, signal],
    work: save,
  })
}

/** A text has an iterator too, over its characters. */
function checkKeys(keys: unknown): void {
  if (keys === undefined) return
  const iterable =
    typeof keys === 'object' &&
    keys !== null &&
    (Symbol.iterator in keys || Symbol.asyncIterator in keys)
  if (!iterable) throw badOption('keys', keys, 'give an iterable of document keys: [key], say')
}

function sizeOf(keys: ForcesaveAllOptions['keys']): number | undefined {
  if (Array.isArray(keys)) return keys.length
  return keys instanceof Set ? keys.size : undefined
}
