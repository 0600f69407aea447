/** What a document uses of the server it lives in. */
import type { Clock } from '../clock.js'
import type { Activity } from './activity.js'
import type { CallbackBody } from './callbacks.js'
import type { Dice } from './chances.js'
import type { Snapshot } from './content.js'
import type { Converter } from './converter.js'
import type { Files } from './files.js'
import type { Outage } from './outage.js'
import type { Reply } from './reply.js'

export interface Context {
  readonly clock: Clock
  readonly converter: Converter
  readonly files: Files
  readonly activity: Activity
  readonly dice: Dice
  readonly outage: Outage
  /** Ms between the last editor's leaving and the conversion for the final save. */
  readonly saveDelay: number
  /** The same when the connection of the last editor was lost. */
  readonly lostDelay: number
  /** Ms for which a document is view only after its final save was acknowledged. */
  readonly viewOnlyFor: number
  /** Sends a callback. Never rejects; undefined: no answer. */
  send(key: string, url: string, body: CallbackBody): Promise<Reply | undefined>
  /** Keeps the file of a final save that nobody took. */
  forget(key: string, snapshot: Snapshot): void
  /** Whether forced saves of this key end in silence (docs-server.md "Silence"). */
  isSilent(key: string): boolean
}

/** One connection of an editor to a document. */
export interface Connection {
  readonly user: string
  readonly name: string
  readonly callbackUrl: string
  /** Opened after the final save: what is typed is refused. */
  viewOnly: boolean
  /** How often this editor saw a warning, because a status 1 or 4 was not acknowledged. */
  warnings: number
}
