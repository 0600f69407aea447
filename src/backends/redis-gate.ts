/** Lets nothing through to a Redis that does not permit what is needed, and tries again until it does. */
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { closedError } from '../ledger/outcome.js'
import { withoutCommand } from '../ledger/redis-error.js'
import type { Missing } from './redis-rights.js'

/** Pauses between two tries, growing, ms. */
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000

export interface Gate {
  /** Resolves once all rights have been there; rejects when the gate is closed before. */
  readonly opened: Promise<void>
  /** Resolves where all is well. Rejects with `UNREACHABLE` while something is missing. */
  admit(): Promise<void>
  /** Whether it has been open. If not, it stays shut. */
  close(): boolean
}

export function createGate(
  look: () => Promise<Missing | undefined>,
  { clock, logger }: { clock: Clock; logger: Logger },
): Gate {
  let isOpen = false
  let isClosed = false
  let said = ''
  let cancel = (): void => {}
  let open = (): void => {}
  let reject = (_reason: unknown): void => {}
  const opened = new Promise<void>((...ends) => ([open, reject] = ends))
  opened.catch(() => {})
  let last = attempt(FIRST_PAUSE)
  last.catch(() => {})

  async function attempt(pause: number): Promise<void> {
    const missing = await look()
    if (isClosed) throw closedError()
    if (missing === undefined) {
      isOpen = true
      return open()
    }
    const { words } = missing
    const cause = withoutCommand(missing.cause)
    if (words !== said) logger.error({ err: cause }, `Redis cannot be used yet: ${words}`)
    said = words
    cancel = clock.after(pause, () => {
      last = attempt(Math.min(pause * 2, LONGEST_PAUSE))
      last.catch(() => {})
    })
    throw new DocsError('UNREACHABLE', `Redis did not do what it was asked: ${words}`, { cause })
  }

  return {
    opened,
    admit: () => (isOpen ? Promise.resolve() : last),
    close() {
      isClosed = true
      cancel()
      reject(closedError())
      return isOpen
    },
  }
}
