/**
 * pino as `logger`: `createDocs({ ...options, logger: createLogger() })`. What is logged holds no
 * secret, token, link or userdata, so nothing need be redacted; keys and refs are in it, and errors
 * of `onSave` as it has thrown them.
 *
 * `debug`: what heals by itself. `warn`: a callback turned away, or something to set right. `error`: a
 * save that is not stored, a listener that threw. The events are no log lines: `logEvents` makes
 * some of them, for a log that tells of each document.
 */
import { pino, type DestinationStream, type Logger } from 'pino'
import type { Docs } from '../../src/index.js'

export function createLogger(destination?: DestinationStream): Logger {
  const options = { name: 'docs', level: process.env['LOG_LEVEL'] ?? 'info' }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/** Returns what ends it. */
export function logEvents(docs: Docs, logger: Logger): () => void {
  const ends = [
    docs.on('saved', ({ key, ref, save, trigger }) =>
      logger.info({ key, ref, save, trigger }, 'stored'),
    ),
    docs.on('settled', ({ key, id, outcome, rule }) =>
      logger.info({ key, id, outcome, rule }, 'a command has its verdict'),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}
