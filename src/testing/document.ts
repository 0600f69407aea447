/** One document's life on the Docs server: who edits it, what was typed, what is being saved. */
import { ACTION, FORCESAVE, presenceBody, type Action } from './callbacks.js'
import { textOf, type Edit, type Snapshot, type TextFile } from './content.js'
import type { Connection, Context } from './context.js'
import { FinalSaves, type Leaver, type Settled } from './final-saves.js'
import { ForcedSaves, type Cause } from './forced-saves.js'
import { History } from './history.js'
import { isAcknowledged } from './reply.js'
import { merge, type Change } from './text.js'

export class Document {
  readonly #key: string
  readonly #context: Context
  readonly #forced: ForcedSaves
  readonly #final: FinalSaves
  #connections: Connection[] = []
  /** Those who opened it after its final save: they see it, and what they type is refused. */
  #viewers: Connection[] = []
  #edits: Edit[] = []
  readonly #history = new History()
  #received = 0
  /** Edits up to this number were settled by a final save. */
  #settled = 0
  /**
   * When the last edit came that the server knows is to be saved. A restart loses this, and not the
   * edits (`restart-with-unsaved-edits.jsonl`).
   */
  #unsavedSince: number | undefined
  /** Who edited last, or else came last: whose callback URL is used for saves. */
  #last: Leaver
  /** Until then, in ms since the epoch, who opens it can only view it. */
  #viewOnlyUntil = -Infinity
  #file: TextFile | undefined

  constructor(key: string, context: Context, first: Leaver) {
    this.#key = key
    this.#context = context
    this.#last = first
    const isOpen = (): boolean => this.hasEditors
    this.#forced = new ForcedSaves(key, context, {
      url: () => this.#last.callbackUrl,
      isOpen,
      isFinalOnItsWay: (upTo) => this.#final.isOnItsWay(upTo),
    })
    this.#final = new FinalSaves(key, context, {
      isOpen,
      extent: () => ({ received: this.#received, settled: this.#settled }),
      unsavedSince: () => this.#unsavedSince,
      acknowledged: () => this.#forced.acknowledged,
      settled: (snapshot, how) => this.#settle(snapshot, how),
    })
  }

  /** How many edits the server has received for this key, ever. */
  get received(): number {
    return this.#received
  }

  /** The text that everybody sees now. */
  get text(): string {
    return textOf(this.#edits, this.#file)
  }

  /** The ids of those who edit now, each once. */
  get users(): string[] {
    return [...new Set(this.#connections.map(({ user }) => user))]
  }

  get hasEditors(): boolean {
    return this.#connections.length > 0
  }

  /** Edits are held that nobody has acknowledged, and that are in no forgotten file. */
  get holdsEdits(): boolean {
    return this.#received > this.#settled
  }

  /** Nobody has it open, and no edit waits to be saved. */
  get isClosed(): boolean {
    return !this.hasEditors && !this.holdsEdits
  }

  isConnected(connection: Connection): boolean {
    return this.#connections.includes(connection) || this.#viewers.includes(connection)
  }

  /** Resolves when the status 1 about it was answered; there is none about who can only view it. */
  async join(connection: Connection): Promise<void> {
    if (this.#context.clock.now() < this.#viewOnlyUntil) {
      connection.viewOnly = true
      this.#viewers.push(connection)
      return
    }
    this.#final.callOff()
    this.#connections.push(connection)
    if (!this.holdsEdits) this.#last = connection
    const told = this.#tell(connection, [{ type: ACTION.came, userid: connection.user }])
    this.#forced.release()
    await told
  }

  /** The server's cache has forgotten it: who opens it can edit it again. */
  expire(): void {
    this.#viewOnlyUntil = -Infinity
  }

  /** `lost`: the connection broke, so the server waits a moment before the final save. */
  leave(connection: Connection, lost: boolean): void {
    this.#viewers = this.#viewers.filter((other) => other !== connection)
    if (!this.#connections.includes(connection)) return
    this.#connections = this.#connections.filter((other) => other !== connection)
    if (this.hasEditors || !this.holdsEdits) {
      void this.#tell(connection, [{ type: ACTION.left, userid: connection.user }])
      return
    }
    this.#beginFinal(connection.user, lost ? this.#context.lostDelay : this.#context.saveDelay)
  }

  /** `drop`: all connections of these users, or of all, go a moment after the response. */
  drop(users: readonly unknown[] | undefined): void {
    const dropped = this.#connections.filter(({ user }) => users?.includes(user) ?? true)
    if (dropped.length === 0) return
    const over = this.#context.activity.begin(this.#key)
    // Not at once: `info` straight after it still lists them (docs-server.md "Commands").
    this.#context.clock.after(this.#context.saveDelay, () => {
      for (const connection of dropped) this.leave(connection, false)
      over()
    })
  }

  /** What it is opened from. Only the first one's counts: the others see what he sees. */
  loadFile(file: TextFile): void {
    this.#file ??= file
  }

  /**
   * A change of the text by somebody who has seen the edits up to `since`. Answers what others have
   * changed meanwhile, as it is after that.
   */
  exchange(connection: Connection, since: number, change?: Change): Change[] {
    const unseen = this.#editsAfter(since)
    const { mine, theirs } = merge(
      change,
      unseen.flatMap((edit) => edit.change ?? []),
    )
    if (mine !== undefined) this.type(connection, mine.insert, mine)
    return theirs
  }

  /** Takes an edit; answers its number. */
  type(connection: Connection, text: string, change = this.#lineAtEnd(text)): number {
    this.#last = connection
    const { user, name } = connection
    const line = text.replace(/[\r\n]+/g, ' ')
    const at = this.#context.clock.now()
    const number = ++this.#received
    const edit = { number, user, name, text: line, at, ...(change && { change }) }
    this.#edits.push(edit)
    this.#history.add(edit)
    this.#unsavedSince = at
    return this.#received
  }

  #editsAfter(number: number): Edit[] {
    return this.#edits.slice(this.#edits.findLastIndex((edit) => edit.number <= number) + 1)
  }

  #lineAtEnd(text: string): Change | undefined {
    if (this.#file === undefined) return undefined
    return { at: this.text.length, remove: 0, insert: `${text}\n` }
  }

  /** Refuses an edit of somebody who can only view it, and disconnects him. */
  refuse(connection: Connection): void {
    this.#viewers = this.#viewers.filter((other) => other !== connection)
  }

  /** A forced save for that cause; resolves with the `error` of the command's response. */
  async forcesave(cause: Cause): Promise<0 | 3 | 4> {
    if (this.#context.isSilent(this.#key)) return 0
    // After a restart the server does not know of the edits that it holds.
    if (!this.holdsEdits || this.#unsavedSince === undefined) return 4
    if (this.hasEditors) {
      // A final save of the same edits is being handled: "in flight" (docs-server.md).
      if (this.#final.isBeingHandled(this.#received)) return 4
      return this.#forced.request(this.#snapshot(), cause)
    }
    if (cause.type !== FORCESAVE.command) return 3
    return this.#forced.requestLate(this.#snapshot(), cause)
  }

  /** `info`: its callback comes before its response (docs-server.md "Early"). */
  async info(userdata: unknown, callbackUrl: string | undefined): Promise<void> {
    const url = callbackUrl ?? this.#last.callbackUrl
    const { holdsEdits } = this
    const body = presenceBody(this.#key, this.users, { userdata, holdsEdits })
    await this.#context.send(this.#key, url, body)
  }

  /**
   * Connections are lost, and the knowledge that something is to be saved; edits are not. The next
   * final save follows when somebody has opened the document and left (docs-server.md "Seen since").
   */
  restart(): void {
    this.#connections = []
    this.#viewers = []
    this.#unsavedSince = undefined
    this.#forced.restart()
    this.#final.restart()
  }

  #beginFinal(user: string, delay: number): void {
    this.#forced.overtake()
    const leaver = { user, callbackUrl: this.#last.callbackUrl }
    this.#final.begin(this.#snapshot(), leaver, delay)
  }

  #snapshot(): Snapshot {
    const [log, upTo] = [this.#edits, this.#received]
    const changes = this.#history.upTo(upTo)
    return { log, count: log.length, upTo, since: this.#settled, changes, file: this.#file }
  }

  #settle(snapshot: Snapshot, how: Parameters<Settled>[1]): void {
    if (how === 'kept') return this.#forced.release()
    if (snapshot.upTo > this.#settled) {
      if (how === 'thrown-away') this.#throwAway(snapshot)
      this.#settled = snapshot.upTo
      this.#forced.settle(this.#settled)
      this.#history.restart(this.#editsAfter(this.#settled))
    }
    if (!this.holdsEdits) this.#unsavedSince = undefined
    if (!this.isClosed || how === 'forgotten') return
    this.#viewOnlyUntil = this.#context.clock.now() + this.#context.viewOnlyFor
  }

  #throwAway({ since, upTo }: Snapshot): void {
    this.#edits = this.#edits.filter(({ number }) => number <= since || number > upTo)
  }

  async #tell(about: Connection, actions: Action[]): Promise<void> {
    const body = presenceBody(this.#key, this.users, { actions })
    const reply = await this.#context.send(this.#key, about.callbackUrl, body)
    if (isAcknowledged(reply)) return
    for (const connection of this.#connections) connection.warnings++
  }
}
