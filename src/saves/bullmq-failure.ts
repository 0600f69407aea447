/** What BullMQ is told of a run that has failed. */
import { plainCause } from '../errors.js'

/**
 * BullMQ takes nothing but errors, and some names of them for orders: after a `DelayedError` of the application's own
 * queue it would leave this job where it is.
 */
export function failureOf(error: unknown): Error {
  const { name, message } = plainCause(error)
  const failure = new Error(message || 'onSave failed')
  if (error instanceof Error && error.stack !== undefined) failure.stack = error.stack
  else failure.stack = `${name}: ${message}`
  return failure
}
