/** The forced saves of one document: from the request to the reply, and their replays. */
import { forcedBody, FORCESAVE, type ForcesaveType } from './callbacks.js'
import type { Snapshot } from './content.js'
import type { Context } from './context.js'
import { isAcknowledged } from './reply.js'

/** What asked for a forced save. */
export interface Cause {
  type: ForcesaveType
  /** Who pressed the button. */
  user?: string
  /** A command's, as it was sent. */
  userdata?: unknown
}

interface ForcedSave {
  readonly cause: Cause
  readonly snapshot: Snapshot
  /**
   * `held`: converted while nobody has the document open; sent on reopening.
   * `open`: its callback waits for the reply. `dropped`: overtaken by the final save, never sent.
   */
  state: 'converting' | 'held' | 'open' | 'unacknowledged' | 'acknowledged' | 'failed' | 'dropped'
  folder: string | undefined
  over: () => void
}

export class ForcedSaves {
  readonly #key: string
  readonly #context: Context
  /** Where the callbacks go, asked at sending. */
  readonly #url: () => string
  readonly #isOpen: () => boolean
  #saves: ForcedSave[] = []
  /** The last edit in the newest forced save that the storage application acknowledged. */
  acknowledged = 0

  constructor(key: string, context: Context, url: () => string, isOpen: () => boolean) {
    this.#key = key
    this.#context = context
    this.#url = url
    this.#isOpen = isOpen
  }

  /**
   * Saves the snapshot, unless that was done. Resolves with the command's `error`; after a replay's
   * callback, since the response waits for it (`replay-after-error-reply.jsonl`).
   */
  async request(snapshot: Snapshot, cause: Cause): Promise<0 | 3 | 4> {
    const last = this.#lastOf(snapshot)
    // A submitted form is saved for its data, whether or not somebody typed since.
    if (last === undefined || cause.type === FORCESAVE.form) {
      this.#start(snapshot, cause)
      return 0
    }
    if (last.state === 'failed') return 3
    if (last.state !== 'unacknowledged') return 4
    await this.#send(last, true)
    return 0
  }

  /**
   * A command for a document that nobody has open and whose final save was refused: it is answered
   * 3, and yet its status 6 comes once the document is open again (`failed-final-save-refused.jsonl`).
   */
  requestLate(snapshot: Snapshot, cause: Cause): 3 | 4 {
    const last = this.#lastOf(snapshot)
    if (last?.state === 'acknowledged') return 4
    if (last === undefined) this.#start(snapshot, cause)
    return 3
  }

  /** The last editor left: what still converts is never sent (`forcesave-overtaken-by-close.jsonl`). */
  overtake(): void {
    for (const save of this.#saves) if (save.state === 'converting') this.#drop(save)
  }

  /** Somebody opened the document: what was held back is sent. */
  release(): void {
    for (const save of this.#saves) if (save.state === 'held') void this.#send(save, false)
  }

  /** A final save settled the edits up to this number. */
  settle(upTo: number): void {
    for (const save of this.#saves) {
      if (save.snapshot.upTo > upTo) continue
      if (save.state === 'held') this.#drop(save)
      this.#context.files.release(save.folder)
    }
    this.#saves = this.#saves.filter(({ snapshot }) => snapshot.upTo > upTo)
  }

  /** What a restart of the server does to them: running conversions and awaited replies are lost. */
  restart(): void {
    for (const save of this.#saves) {
      if (save.state === 'converting' || save.state === 'held') this.#drop(save)
      if (save.state === 'open') save.state = 'unacknowledged'
    }
  }

  #lastOf({ upTo }: Snapshot): ForcedSave | undefined {
    return this.#saves.findLast((save) => save.snapshot.upTo === upTo && save.state !== 'dropped')
  }

  #start(snapshot: Snapshot, cause: Cause): void {
    const over = this.#context.activity.begin(this.#key)
    const save: ForcedSave = { cause, snapshot, state: 'converting', folder: undefined, over }
    this.#saves.push(save)
    const job = { key: this.#key, kind: 'forced', upTo: snapshot.upTo } as const
    this.#context.converter.convert(job, (failed) => {
      if (save.state !== 'converting') return
      if (!failed) save.folder = this.#context.files.store(this.#key, snapshot)
      if (this.#isOpen()) return void this.#send(save, false)
      save.state = 'held'
      save.over()
    })
  }

  #drop(save: ForcedSave): void {
    save.state = 'dropped'
    this.#context.files.release(save.folder)
    save.over()
  }

  async #send(save: ForcedSave, replay: boolean): Promise<void> {
    const { cause, snapshot, folder } = save
    const { type, user, userdata } = cause
    // A failed conversion is final whatever the reply (docs-server.md "What our reply does").
    save.state = folder === undefined ? 'failed' : 'open'
    const details = { folder, type, user, userdata, replay }
    const body = forcedBody(this.#key, snapshot, details, this.#context.files)
    const reply = await this.#context.send(this.#key, this.#url(), body)
    if (folder !== undefined) this.#replied(save, isAcknowledged(reply))
    save.over()
  }

  #replied(save: ForcedSave, acknowledged: boolean): void {
    save.state = acknowledged ? 'acknowledged' : 'unacknowledged'
    if (!acknowledged) return
    this.acknowledged = Math.max(this.acknowledged, save.snapshot.upTo)
    this.#context.files.release(save.folder)
  }
}
