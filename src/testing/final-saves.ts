/** The final saves of one document: from the last editor's leaving to the last word about them. */
import { finalBody } from './callbacks.js'
import type { Snapshot } from './content.js'
import type { Context } from './context.js'
import { isAcknowledged, isRetried, type Reply } from './reply.js'

/** Ms before a final save is sent again (`final-save-forgotten-after-500s.jsonl`). */
const PAUSES = [1000, 2000, 4000] as const

/** Whose leaving set it off, and where its callback goes. */
export interface Leaver {
  readonly user: string
  readonly callbackUrl: string
}

interface FinalSave {
  readonly snapshot: Snapshot
  readonly leaver: Leaver
  /** `waiting`: for the save delay. `retrying`: for the next attempt. `ended`: no more is sent. */
  state: 'waiting' | 'converting' | 'open' | 'retrying' | 'ended'
  /** Somebody opened the document while the callback was open: it is not sent again. */
  reopened: boolean
  cancelTimer: () => void
  over: () => void
}

/** What became of a final save; the edits up to `snapshot.upTo` are stored, forgotten or thrown away. */
export type Settled = (snapshot: Snapshot, how: 'stored' | 'forgotten' | 'thrown-away') => void

export class FinalSaves {
  readonly #key: string
  readonly #context: Context
  readonly #acknowledged: () => number
  readonly #settled: Settled
  readonly #saves = new Set<FinalSave>()

  /** `acknowledged`: the last edit in the newest forced save that was acknowledged. */
  constructor(key: string, context: Context, acknowledged: () => number, settled: Settled) {
    this.#key = key
    this.#context = context
    this.#acknowledged = acknowledged
    this.#settled = settled
  }

  /** Whether one is on its way, and whether its conversion has begun. */
  stage(upTo: number): 'none' | 'waiting' | 'started' {
    let stage: 'none' | 'waiting' | 'started' = 'none'
    for (const save of this.#saves) {
      if (save.snapshot.upTo !== upTo) continue
      if (save.state !== 'waiting') return 'started'
      stage = 'waiting'
    }
    return stage
  }

  begin(snapshot: Snapshot, leaver: Leaver, delay: number): void {
    const save: FinalSave = {
      snapshot,
      leaver,
      state: 'waiting',
      reopened: false,
      cancelTimer: this.#context.clock.after(delay, () => this.#convert(save)),
      over: this.#context.activity.begin(this.#key),
    }
    this.#saves.add(save)
  }

  /**
   * Somebody opened the document again: what has not been sent yet, and what would be sent again,
   * is called off; the edits stay in the document.
   */
  callOff(): void {
    for (const save of this.#saves) {
      if (save.state === 'open') save.reopened = true
      else this.#end(save)
    }
  }

  /** What a restart of the server does to them: all are lost, awaited replies included. */
  restart(): void {
    for (const save of this.#saves) this.#end(save)
  }

  #convert(save: FinalSave): void {
    save.state = 'converting'
    const job = { key: this.#key, kind: 'final', upTo: save.snapshot.upTo } as const
    this.#context.converter.convert(job, (failed) => {
      if (save.state !== 'converting') return
      const { upTo } = save.snapshot
      // "Nothing changed since the last forced save that we acknowledged" (docs-server.md).
      const notModified = this.#acknowledged() === upTo
      const folder = failed ? undefined : this.#context.files.store(this.#key, save.snapshot)
      void this.#send(save, folder, notModified, 0)
    })
  }

  async #send(
    save: FinalSave,
    folder: string | undefined,
    notModified: boolean,
    attempt: number,
  ): Promise<void> {
    const { leaver, snapshot } = save
    save.state = 'open'
    const details = { folder, user: leaver.user, notModified }
    const body = finalBody(this.#key, snapshot, details, this.#context.files)
    const reply = await this.#context.send(this.#key, leaver.callbackUrl, body)
    // A restart came in between. Read afresh: the state changed while we waited.
    if (!this.#saves.has(save)) return
    const pause = PAUSES[attempt]
    if (folder !== undefined && isRetried(reply) && !save.reopened && pause !== undefined) {
      save.state = 'retrying'
      save.cancelTimer = this.#context.clock.after(pause, () => {
        void this.#send(save, folder, notModified, attempt + 1)
      })
      return
    }
    this.#end(save)
    this.#context.files.release(folder)
    this.#conclude(save, folder, reply)
  }

  /** docs-server.md "What our reply does". */
  #conclude(save: FinalSave, folder: string | undefined, reply: Reply | undefined): void {
    const { snapshot } = save
    if (folder === undefined) {
      // Status 3: acknowledging it throws the edits away; after anything else they are kept.
      if (isAcknowledged(reply)) this.#settled(snapshot, 'thrown-away')
    } else if (isAcknowledged(reply)) {
      this.#settled(snapshot, 'stored')
    } else if (!isRetried(reply) || !save.reopened) {
      this.#context.forget(this.#key, snapshot)
      this.#settled(snapshot, 'forgotten')
    }
    // Else somebody has it open again, with these edits in it: a later final save will hold them.
  }

  #end(save: FinalSave): void {
    save.state = 'ended'
    save.cancelTimer()
    this.#saves.delete(save)
    save.over()
  }
}
