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
   * `held`: converted while nobody edits and a final save is on its way; sent on reopening.
   * `open`: its callback waits for the reply. `dropped`: overtaken by the final save, never sent.
   */
  state: 'converting' | 'held' | 'open' | 'unacknowledged' | 'acknowledged' | 'failed' | 'dropped'
  folder: string | undefined
  /** When it was asked for, ms since the epoch. */
  readonly askedAt: number
  /** It converted while the server restarted: how often the restarted one sends it. */
  orphan: 0 | 1 | 2
  /** Counts what was sent: a reply to something earlier comes too late. */
  sent: number
  over: () => void
}

/** Ms in which forcesaves are "at the same moment" (`forcesaves-at-once.jsonl`). */
const AT_ONCE = 200
/** Ms after which a restarted server sends the same save once more. */
const SENT_AGAIN = 8000

/** What forced saves ask of the document they belong to. */
export interface ForcedSavesHost {
  /** Where the callbacks go, asked at sending. */
  url(): string
  /** Somebody edits it. */
  isOpen(): boolean
  /** A final save with these edits is on its way. */
  isFinalOnItsWay(upTo: number): boolean
}

const OVER: ReadonlySet<ForcedSave['state']> = new Set(['acknowledged', 'failed', 'dropped'])

export class ForcedSaves {
  readonly #key: string
  readonly #context: Context
  readonly #host: ForcedSavesHost
  #saves: ForcedSave[] = []
  /** The last edit in the newest forced save that the storage application acknowledged. */
  acknowledged = 0

  constructor(key: string, context: Context, host: ForcedSavesHost) {
    this.#key = key
    this.#context = context
    this.#host = host
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
    if (last.state === 'converting' && this.#loses(last)) return 3
    if (last.state !== 'unacknowledged') return 4
    await this.#send(last, true)
    return 0
  }

  /**
   * A command for a document that nobody edits any more. While the final save is on its way it is
   * answered 3 the first time, then 4, and its status 6 comes if somebody opens the document in time
   * (`info-while-final-save-converts`, `answered-3-then-saved`). After a refused status 3 its status 6
   * follows in any case (`failed-final-save-refused`).
   */
  requestLate(snapshot: Snapshot, cause: Cause): 0 | 3 | 4 {
    const state = this.#lastOf(snapshot)?.state
    if (state !== undefined && state !== 'failed' && state !== 'unacknowledged') return 4
    this.#start(snapshot, cause)
    if (this.#host.isFinalOnItsWay(snapshot.upTo)) return 3
    return this.#context.dice.happens('acceptedLate') ? 0 : 3
  }

  /** The last editor left: what still converts is never sent (`forcesave-overtaken-by-close.jsonl`). */
  overtake(): void {
    for (const save of this.#saves) if (save.state === 'converting') this.#drop(save)
  }

  /** Somebody opened the document, or no final save comes any more: what was held back is sent. */
  release(): void {
    for (const save of this.#saves) if (save.state === 'held') void this.#send(save, false)
  }

  /** A final save settled the edits up to this number. */
  settle(upTo: number): void {
    for (const save of this.#saves) {
      if (save.snapshot.upTo > upTo) continue
      if (save.state === 'held' || save.state === 'converting') this.#drop(save)
      this.#context.files.release(save.folder)
    }
    this.#saves = this.#saves.filter(({ snapshot }) => snapshot.upTo > upTo)
  }

  /**
   * The server restarts: what was open is sent again by itself (`restart-while-replying.jsonl`), and
   * what converted, mostly (`restart-while-converting.jsonl`); the converter is a process of its own.
   */
  restart(): void {
    const { dice, clock } = this.#context
    for (const save of this.#saves) {
      if (save.state === 'open') {
        save.sent++
        save.state = 'converting'
        save.orphan = 1
        clock.after(0, () => this.#converted(save))
      } else if (save.state === 'converting' && dice.happens('sentAfterRestart')) {
        save.orphan = dice.happens('sentTwice') ? 2 : 1
      } else if (save.state === 'converting' || save.state === 'held') this.#drop(save)
    }
  }

  #loses(other: ForcedSave): boolean {
    const { clock, dice } = this.#context
    return clock.now() - other.askedAt < AT_ONCE && dice.happens('lostRace')
  }

  #lastOf({ upTo }: Snapshot): ForcedSave | undefined {
    return this.#saves.findLast((save) => save.snapshot.upTo === upTo && save.state !== 'dropped')
  }

  #start(snapshot: Snapshot, cause: Cause): void {
    const { activity, clock, converter, files } = this.#context
    // Of what is over, only saves of the newest edits matter to later commands.
    this.#saves = this.#saves.filter(
      ({ state, snapshot: { upTo } }) => upTo === snapshot.upTo || !OVER.has(state),
    )
    const save: ForcedSave = {
      ...{ cause, snapshot, state: 'converting', folder: undefined },
      ...{ askedAt: clock.now(), orphan: 0, sent: 0, over: activity.begin(this.#key) },
    }
    this.#saves.push(save)
    const job = { key: this.#key, kind: 'forced', upTo: snapshot.upTo } as const
    converter.convert(job, (failed) => {
      if (save.state !== 'converting') return
      if (!failed) save.folder = files.store(this.#key, snapshot)
      this.#converted(save)
    })
  }

  #converted(save: ForcedSave): void {
    this.#context.outage.whenUp(() => {
      if (save.state !== 'converting') return
      if (save.orphan === 2) this.#sendAgain(save)
      const waits =
        !this.#host.isOpen() && save.orphan === 0 && this.#host.isFinalOnItsWay(save.snapshot.upTo)
      if (!waits) return void this.#send(save, false)
      save.state = 'held'
      save.over()
    })
  }

  #sendAgain(save: ForcedSave): void {
    const { activity, clock, outage } = this.#context
    const over = activity.begin(this.#key)
    clock.after(SENT_AGAIN, () =>
      outage.whenUp(() => {
        void this.#send(save, false)
        over()
      }),
    )
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
    const sent = ++save.sent
    const reply = await this.#context.send(this.#key, this.#host.url(), body)
    // A restart came in between, and it is sent again.
    if (save.sent !== sent) return
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
