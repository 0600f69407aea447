/** `docs.forcesaveAll()`: everything that is open saved, one result or error per document. */
import { checkCall } from '../arguments.js'
import type { CallOptions } from '../call-options.js'
import { checkWhole } from '../check.js'
import { badOption, isDocsError, type DocsError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { ForcesaveResult } from '../results.js'
import type { Target } from '../target.js'
import { sweep } from './sweep.js'

/** What `forcesaveAll()` takes; `timeout` is that of each forcesave. */
export interface ForcesaveAllOptions extends CallOptions {
  /** Which documents, by key or by `{ ref }`. Default: all that are open by the callbacks so far. */
  keys?: Iterable<Target> | AsyncIterable<Target> | undefined
  /** How many at once: 1 to 1,000. Default: 8. */
  concurrency?: number | undefined
}

/** How it ended for one document: a `result` as that of `forcesave()`, or its `error`. */
export type ForcesaveAllItem<Stored = unknown> =
  /** `key` is the document key; empty, where it is not known for a `{ ref }`. */
  (
    | { key: string; result: ForcesaveResult<Stored>; error: undefined }
    | { key: string; result: undefined; error: DocsError }
  ) & {
    /** The application's name for the file, where it was given or the key is one of `open()`. */
    ref?: string
    /** How many are done, this one included. */
    done: number
    /** How many there are, where that is known. Of open documents about so many: they come and go. */
    total: number | undefined
  }

export interface ForcesaveAllParts {
  ledger: Ledger
  forcesave: (key: Target, options: CallOptions) => Promise<ForcesaveResult>
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

  async function* openKeys(): AsyncGenerator<Target> {
    const { count, documents } = await ledger.open()
    total = count
    for await (const { key } of documents) yield key
  }

  async function save(target: Target, stop: AbortSignal): Promise<ForcesaveAllItem> {
    try {
      const result = await forcesave(target, { timeout, signal: stop })
      const { key, ref } = result
      return { key, ...refOf(ref), result, error: undefined, ...progress() }
    } catch (error) {
      if (!isDocsError(error) || error.code === 'CLOSED') throw error
      const key = typeof target === 'string' ? target : (error.key ?? '')
      return { key, ...refOf(error.ref), result: undefined, error, ...progress() }
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

const refOf = (ref: string | undefined): { ref?: string } => (ref === undefined ? {} : { ref })

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
