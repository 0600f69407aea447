/** The final saves of one document: from the last editor's leaving to the last word about them. */
import { finalBody, type FinalDetails } from './callbacks.js'
import { wholeSeconds, type Snapshot } from './content.js'
import type { Context } from './context.js'
import { isAcknowledged, isRetried, type Reply } from './reply.js'

/** Ms before a final save is sent again (`final-save-forgotten-after-500s.jsonl`). */
const PAUSES = [1000, 2000, 4000] as const

/** Whose leaving set it off, and where its callback goes. */
export interface Leaver {
  readonly user: string
  readonly callbackUrl: string
}

/** What final saves ask of the document they belong to. */
export interface FinalSavesHost {
  /** Somebody edits it. */
  isOpen(): boolean
  /** The last edit received, and the last one that is settled. */
  extent(): { received: number; settled: number }
  /** When the last edit came that the server knows is to be saved; undefined: it knows of none. */
  unsavedSince(): number | undefined
  /** The last edit in the newest forced save that was acknowledged. */
  acknowledged(): number
  settled: Settled
}

interface FinalSave {
  readonly snapshot: Snapshot
  leaver: Leaver
  /** `waiting`: for the save delay. `retrying`: for the next attempt. `ended`: no more is sent. */
  state: 'waiting' | 'converting' | 'open' | 'retrying' | 'ended'
  /** Somebody opened the document while the callback was open: it is not sent again. */
  reopened: boolean
  /** Counts what was sent: a reply to something earlier comes too late. */
  sent: number
  /** What the conversion came to; a failed one has no folder. */
  result: { folder: string | undefined } | undefined
  cancelTimer: () => void
  over: () => void
}

/**
 * What became of a final save. The edits up to `snapshot.upTo` are stored, forgotten or thrown away;
 * `kept`: they stay in the document.
 */
export type Settled = (
  snapshot: Snapshot,
  how: 'stored' | 'forgotten' | 'thrown-away' | 'kept',
) => void

export class FinalSaves {
  readonly #key: string
  readonly #context: Context
  readonly #host: FinalSavesHost
  readonly #saves = new Set<FinalSave>()

  constructor(key: string, context: Context, host: FinalSavesHost) {
    this.#key = key
    this.#context = context
    this.#host = host
  }

  /** Whether one with these edits is on its way. */
  isOnItsWay(upTo: number): boolean {
    return [...this.#saves].some(({ snapshot }) => snapshot.upTo === upTo)
  }

  /** Whether the callback of one with these edits waits for its reply. */
  isBeingHandled(upTo: number): boolean {
    return [...this.#saves].some(
      ({ snapshot, state }) => snapshot.upTo === upTo && state === 'open',
    )
  }

  begin(snapshot: Snapshot, leaver: Leaver, delay: number): void {
    // Opened and left again without an edit: the one that converts is the final save of both.
    for (const save of this.#saves) {
      if (save.state !== 'converting' || save.snapshot.upTo !== snapshot.upTo) continue
      save.leaver = leaver
      return
    }
    const save: FinalSave = {
      ...{ snapshot, leaver, state: 'waiting', reopened: false, sent: 0, result: undefined },
      cancelTimer: this.#context.clock.after(delay, () => this.#convert(save)),
      over: this.#context.activity.begin(this.#key),
    }
    this.#saves.add(save)
  }

  /**
   * Somebody opened the document again: what is not made yet and what would be sent again is called
   * off; the edits stay in the document. What converts is not sent if somebody is there when it is ready.
   */
  callOff(): void {
    for (const save of this.#saves) {
      if (save.state === 'open') save.reopened = true
      else if (save.state !== 'converting') this.#end(save)
    }
  }

  /**
   * The server restarts: it forgets what has not begun, and sends again what it sent without a reply.
   * The converter is a process of its own and goes on.
   */
  restart(): void {
    for (const save of this.#saves) {
      if (save.state === 'waiting') this.#end(save)
      if (save.state !== 'open' && save.state !== 'retrying') continue
      save.cancelTimer()
      save.state = 'converting'
      save.sent++
      save.cancelTimer = this.#context.clock.after(0, () => this.#ready(save, false))
    }
  }

  #convert(save: FinalSave): void {
    save.state = 'converting'
    const job = { key: this.#key, kind: 'final', upTo: save.snapshot.upTo } as const
    this.#context.converter.convert(job, (failed) => this.#ready(save, failed))
  }

  #ready(save: FinalSave, failed: boolean): void {
    this.#context.outage.whenUp(() => {
      if (save.state !== 'converting') return
      const { upTo } = save.snapshot
      const { received, settled } = this.#host.extent()
      // The next save holds its edits (`reopened-while-final-save-converts`, `…-before-dropped`). Is all
      // settled by now, it is sent with its older content (`…-before-comes-last`).
      if (this.#host.isOpen() || (upTo < received && settled < received)) return this.#end(save)
      save.result ??= {
        folder: failed ? undefined : this.#context.files.store(this.#key, save.snapshot),
      }
      const at = this.#host.unsavedSince()
      const details: FinalDetails = {
        folder: save.result.folder,
        user: save.leaver.user,
        lastsave: at === undefined ? new Date(this.#now()).toISOString() : wholeSeconds(at),
        // "Nothing changed since the last forced save that we acknowledged" (docs-server.md).
        notmodified: at === undefined ? null : this.#host.acknowledged() === upTo,
      }
      void this.#send(save, details, 0)
    })
  }

  #now(): number {
    return this.#context.clock.now()
  }

  async #send(save: FinalSave, details: FinalDetails, attempt: number): Promise<void> {
    const { leaver, snapshot } = save
    const { folder } = details
    save.state = 'open'
    const sent = ++save.sent
    const body = finalBody(this.#key, snapshot, details, this.#context.files)
    const reply = await this.#context.send(this.#key, leaver.callbackUrl, body)
    // A restart came in between. Read afresh: the state changed while we waited.
    if (!this.#saves.has(save) || save.sent !== sent) return
    const pause = PAUSES[attempt]
    if (isRetried(reply) && !save.reopened && pause !== undefined) {
      save.state = 'retrying'
      save.cancelTimer = this.#context.clock.after(pause, () => {
        void this.#send(save, details, attempt + 1)
      })
      return
    }
    this.#end(save)
    this.#conclude(save, folder, reply)
  }

  /** docs-server.md "What our reply does". */
  #conclude(save: FinalSave, folder: string | undefined, reply: Reply | undefined): void {
    const { snapshot } = save
    if (folder === undefined) {
      // Status 3: acknowledging it throws the edits away; after anything else they are kept.
      this.#host.settled(snapshot, isAcknowledged(reply) ? 'thrown-away' : 'kept')
    } else if (isAcknowledged(reply)) {
      this.#host.settled(snapshot, 'stored')
    } else if (!isRetried(reply) || !save.reopened) {
      this.#context.forget(this.#key, snapshot)
      this.#host.settled(snapshot, 'forgotten')
    }
    // Else somebody has it open again, with these edits in it: a later final save will hold them.
  }

  #end(save: FinalSave): void {
    save.state = 'ended'
    save.cancelTimer()
    this.#saves.delete(save)
    this.#context.files.release(save.result?.folder)
    save.over()
  }
}
