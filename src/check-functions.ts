/** The check of the options that are functions, or have some. */
import { isRecord } from './check.js'
import { badOption } from './errors.js'

export function checkFunctions(options: {
  onSave: unknown
  worker: unknown
  onConversionFailed: unknown
  refOf: unknown
  keys: unknown
  logger: unknown
}): void {
  const { onSave, worker, onConversionFailed, refOf, keys, logger } = options
  const isClient = onSave === undefined && worker === false
  if (typeof onSave !== 'function' && !isClient) {
    throw badOption('onSave', onSave, 'give a function; only with worker: false it can be left out')
  }
  if (typeof onConversionFailed !== 'function') {
    throw badOption('onConversionFailed', onConversionFailed, 'give a function')
  }
  if (refOf !== undefined && typeof refOf !== 'function') {
    throw badOption('refOf', refOf, 'give a function')
  }
  const { get, set } = isRecord(keys) ? keys : {}
  if (keys !== undefined && (typeof get !== 'function' || typeof set !== 'function')) {
    throw badOption('keys', keys, 'give { get, set }, two functions')
  }
  for (const method of ['debug', 'info', 'warn', 'error']) {
    if (!isRecord(logger) || typeof logger[method] !== 'function') {
      throw badOption('logger', logger, `give something with pino's methods; ${method} is missing`)
    }
  }
}
