/** The application's logger, so that a line that cannot be written stops nothing. */
import { plainCause } from './errors.js'
import { silentLogger, type Logger } from './events.js'
import { harmless } from './harmless.js'

/**
 * Passes every line on, and swallows what the logger throws or rejects with. A line that it could not take because
 * of the error in it comes once more, with that error as name and message.
 */
export function safeLogger(logger: Logger): Logger {
  if (logger === silentLogger) return logger
  const safe = (level: keyof Logger) => (details: object, message: string) => {
    harmless(
      () => logger[level](details, message),
      () => {
        if (!('err' in details)) return
        const again = { ...details, err: plainCause(details.err) }
        harmless(
          () => logger[level](again, message),
          () => {},
        )
      },
    )
  }
  return { debug: safe('debug'), info: safe('info'), warn: safe('warn'), error: safe('error') }
}
