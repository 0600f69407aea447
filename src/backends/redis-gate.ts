/**
 * Lets nothing through to a Redis that does not permit what is needed, and looks again until it does. Once it
 * was open it stays so: what is refused later says so itself, and the log says what is missing.
 */
import type { Clock } from '../clock.js'
import { DocsError } from '../errors.js'
import type { Logger } from '../events.js'
import { closedError } from '../ledger/outcome.js'
import { withoutCommand } from '../ledger/redis-error.js'
import { wordsOf, type Missing } from './redis-rights.js'

/** Pauses between two looks, growing, ms. */
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000
/** Who asks later than this after a look is worth another, ms. */
const FRESH = 1_000

export interface Gate {
  /** Resolves once nothing is missing; rejects when the gate is closed before. */
  readonly opened: Promise<void>
  /** Rejects with `UNREACHABLE`, saying what is missing, as long as the gate has not been open. */
  admit: () => Promise<void>
  /** Redis has refused something, or is back: looks soon, and says what is missing. */
  doubt: () => void
  /** Whether it has been open. If not, it stays shut. */
  close: () => boolean
}

export function createGate(
  look: () => Promise<Missing | undefined>,
  { clock, logger }: { clock: Clock; logger: Logger },
): Gate {
  let isOpen = false
  let isClosed = false
  let missing: Missing | undefined
  let said = ''
  let lookedAt = -Infinity
  let looking: Promise<void> | undefined
  let pause = FIRST_PAUSE
  let cancel: (() => void) | undefined
  let open = (): void => {}
  let reject = (_reason: unknown): void => {}
  const opened = new Promise<void>((...ends) => ([open, reject] = ends))
  opened.catch(() => {})
  void lookOnce()

  function lookOnce(): Promise<void> {
    return (looking ??= look()
      .then(judge)
      .finally(() => (looking = undefined)))
  }

  function judge(found: Missing | undefined): void {
    if (isClosed) return
    lookedAt = clock.now()
    missing = found
    if (found !== undefined) {
      tell(found)
      return plan()
    }
    cancel?.()
    cancel = undefined
    pause = FIRST_PAUSE
    if (said !== '') logger.info({}, 'Redis permits all that is needed again')
    said = ''
    isOpen = true
    open()
  }

  function tell(found: Missing): void {
    const { cause, refused } = found
    const words = wordsOf(found)
    // That Redis is away later is told where it matters.
    if (words === said || (isOpen && !refused)) return
    said = words
    const what = isOpen ? 'Redis refuses what is needed' : 'Redis cannot be used yet'
    logger.error({ err: withoutCommand(cause) }, `${what}: ${words}`)
  }

  function plan(): void {
    cancel ??= clock.after(pause, () => {
      cancel = undefined
      pause = Math.min(pause * 2, LONGEST_PAUSE)
      void lookOnce()
    })
  }

  return {
    opened,
    async admit() {
      if (isOpen) return
      // Who comes does not wait for the next look: Redis may have been mended by now.
      if (missing === undefined || clock.now() - lookedAt >= FRESH) await lookOnce()
      if (isClosed) throw closedError()
      if (missing === undefined) return
      const message = `Redis did not do what it was asked: ${wordsOf(missing)}`
      throw new DocsError('UNREACHABLE', message, { cause: withoutCommand(missing.cause) })
    },
    doubt() {
      if (isClosed) return
      if (isOpen && clock.now() - lookedAt < FRESH) plan()
      else void lookOnce()
    },
    close() {
      isClosed = true
      cancel?.()
      reject(closedError())
      return isOpen
    },
  }
}
