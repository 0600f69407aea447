/** Why a worker gives up a job that it was at: another one takes it over. */

/** `onSave` has taken no notice of its signal. */
export class Deaf extends Error {}

/** The record of its document cannot be read here. */
export class NotOurs extends Error {}

export class LockLost extends Error {
  override readonly message = 'Redis was away for too long: this save is run again'
}
