/** Work on many things, so many at once, as fast as the results are taken and no faster. */
import { onAbort } from '../abort.js'

export interface SweepParts<Item, Result> {
  items: AsyncIterable<Item> | Iterable<Item>
  /** At most so many are under way or finished and not taken. */
  concurrency: number
  /** The first one to be aborted ends it with its reason. */
  ends: readonly AbortSignal[]
  /** Undefined: nothing to tell. What it throws ends the sweep. `signal`: nobody waits any more. */
  work: (item: Item, signal: AbortSignal) => Promise<Result | undefined>
}

/**
 * Gives the results as they come. Nothing begins before the first is asked for, or after `return()`
 * (which a `break` calls): what is under way then is aborted, and has ended when that resolves.
 */
export function sweep<Item, Result extends object>({
  items,
  concurrency,
  ends,
  work,
}: SweepParts<Item, Result>): AsyncIterableIterator<Result> {
  const stop = new AbortController()
  const finished: Result[] = []
  const underWay = new Set<Promise<void>>()
  let failure: { reason: unknown } | undefined
  let pulling = false
  let exhausted = false
  let wake = (): void => {}

  function fail(reason: unknown): void {
    failure ??= { reason }
    wake()
  }

  async function pull(source: AsyncIterator<Item> | Iterator<Item>): Promise<void> {
    if (pulling) return
    pulling = true
    try {
      while (!exhausted && underWay.size + finished.length < concurrency) {
        const next = await source.next()
        if (next.done === true) {
          exhausted = true
          wake()
        }
        if (next.done === true || stop.signal.aborted || failure !== undefined) return
        begin(next.value)
      }
    } catch (error) {
      exhausted = true
      fail(error)
    } finally {
      pulling = false
    }
  }

  function begin(item: Item): void {
    const task = work(item, stop.signal).then(
      (result) => {
        underWay.delete(task)
        if (result !== undefined) finished.push(result)
        wake()
      },
      (error: unknown) => {
        underWay.delete(task)
        fail(error)
      },
    )
    underWay.add(task)
  }

  async function* results(): AsyncGenerator<Result, undefined> {
    for (const signal of ends) signal.throwIfAborted()
    const cancels = ends.map((signal) => onAbort(signal, () => fail(signal.reason)))
    const source =
      Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
    try {
      while (!stop.signal.aborted) {
        const woken = new Promise<void>((resolve) => (wake = resolve))
        if (failure !== undefined) throw failure.reason
        const result = finished.shift()
        void pull(source)
        if (result !== undefined) yield result
        else if (exhausted && underWay.size === 0) return
        else await woken
      }
    } finally {
      for (const cancel of cancels) cancel()
      stop.abort()
      await Promise.all(underWay)
      await letGo(source)
    }
  }

  async function letGo(source: AsyncIterator<Item> | Iterator<Item>): Promise<void> {
    if (exhausted) return
    const over = Promise.resolve(source.return?.())
    // One that is asked for its next item ends when it has given that, if ever.
    if (pulling) over.catch(() => {})
    else await over
  }

  const generator = results()
  return {
    next: () => generator.next(),
    return() {
      stop.abort()
      wake()
      return generator.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
