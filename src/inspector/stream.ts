/** What a page gets live: the entries as server-sent events, as fast as it takes them. */
import type { Clock } from '../clock.js'
import { onAbort } from '../abort.js'
import type { Tape } from './tape.js'

/** Pages at once. */
export const MAX_WATCHERS = 16
/** Entries in one event. */
const BATCH = 500
/** Proxies close what is silent for long, ms. */
const HEARTBEAT = 15_000
const RETRY = 1_000

export interface StreamOptions {
  clock: Clock
  /** The page has gone, or `close()` was called. */
  stop: AbortSignal
  /** The id of the last event that this page had, from a connection before. */
  seen: string
}

/**
 * Each event has the number of entries that are gone. A page that falls behind misses the oldest; it
 * makes nothing wait or grow here.
 */
export async function* streamOf(
  tape: Tape,
  { clock, stop, seen }: StreamOptions,
): AsyncGenerator<string> {
  const [id, number] = seen.split('.')
  const known = id === tape.id && Number.isSafeInteger(Number(number))
  let next = known ? Number(number) + 1 : 0
  yield `retry: ${RETRY}\n\n`
  // Said once also when there is nothing: so the page knows that it is connected.
  yield event(next - 1, 'hello', { fresh: !known, gone: tape.oldest })
  while (!stop.aborted) {
    const entries = tape.from(next, BATCH)
    const last = entries.at(-1)
    if (last === undefined) {
      if (!(await moves())) yield ': still here\n\n'
      continue
    }
    next = last.n + 1
    yield event(last.n, 'entries', { entries, gone: tape.oldest })
  }

  function event(n: number, name: string, data: object): string {
    return `event: ${name}\nid: ${tape.id}.${n}\ndata: ${JSON.stringify(data)}\n\n`
  }

  /** Whether something happened, or it is over; false after a silence. */
  function moves(): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (moved: boolean): void => {
        cancelBeat()
        cancelStop()
        cancelChange()
        resolve(moved)
      }
      const cancelBeat = clock.after(HEARTBEAT, () => end(false))
      const cancelStop = onAbort(stop, () => end(true))
      const cancelChange = tape.onChange(() => end(true))
    })
  }
}
