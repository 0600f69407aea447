/** One document's life on the Docs server: who edits it, what was typed, what is being saved. */
import { ACTION, FORCESAVE, presenceBody, type Action } from './callbacks.js'
import { textOf, type Edit, type Snapshot, type TextFile } from './content.js'
import type { Connection, Context } from './context.js'
import { FinalSaves, type Leaver } from './final-saves.js'
import { ForcedSaves, type Cause } from './forced-saves.js'
import { isAcknowledged } from './reply.js'
import { merge, type Change } from './text.js'

export class Document {
  readonly #key: string
  readonly #context: Context
  readonly #forced: ForcedSaves
  readonly #final: FinalSaves
  #connections: Connection[] = []
  #edits: Edit[] = []
  #received = 0
  /** Edits up to this number were settled by a final save. */
  #settled = 0
  /** Who edited last, or else came last: whose callback URL is used for saves. */
  #last: Leaver
  /**
   * After an acknowledged status 3 the key is as good as used up: opening and closing it sends no
   * callback (`failed-final-save-acknowledged.jsonl`). Nobody recorded typing into it: here that
   * brings it back to life.
   */
  #mute = false
  #file: TextFile | undefined

  constructor(key: string, context: Context, first: Leaver) {
    this.#key = key
    this.#context = context
    this.#last = first
    this.#forced = new ForcedSaves(
      key,
      context,
      () => this.#last.callbackUrl,
      () => this.#connections.length > 0,
    )
    this.#final = new FinalSaves(
      key,
      context,
      () => this.#forced.acknowledged,
      (snapshot, how) => {
        if (how === 'thrown-away') this.#throwAway(snapshot)
        this.#settled = Math.max(this.#settled, snapshot.upTo)
        this.#forced.settle(this.#settled)
      },
    )
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

  /** Nobody has it open, and no edit waits to be saved. */
  get isClosed(): boolean {
    return this.#connections.length === 0 && this.#received === this.#settled
  }

  isConnected(connection: Connection): boolean {
    return this.#connections.includes(connection)
  }

  /** Resolves when the status 1 about it was answered. */
  async join(connection: Connection): Promise<void> {
    this.#final.callOff()
    this.#connections.push(connection)
    if (this.#received === this.#settled) this.#last = connection
    const told = this.#tell(connection, [{ type: ACTION.came, userid: connection.user }])
    this.#forced.release()
    await told
  }

  /** `lost`: the connection broke, so the server waits a moment before the final save. */
  leave(connection: Connection, lost: boolean): void {
    if (!this.isConnected(connection)) return
    this.#connections = this.#connections.filter((other) => other !== connection)
    if (this.#connections.length > 0 || this.#received === this.#settled) {
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
    const unseen = this.#edits.filter(({ number }) => number > since)
    const { mine, theirs } = merge(
      change,
      unseen.flatMap((edit) => edit.change ?? []),
    )
    if (mine !== undefined) this.type(connection, mine.insert, mine)
    return theirs
  }

  /** Takes an edit; answers its number. */
  type(connection: Connection, text: string, change = this.#lineAtEnd(text)): number {
    this.#mute = false
    this.#last = connection
    const { user, name } = connection
    const line = text.replace(/[\r\n]+/g, ' ')
    const at = this.#context.clock.now()
    const number = ++this.#received
    this.#edits.push({ number, user, name, text: line, at, ...(change && { change }) })
    return this.#received
  }

  #lineAtEnd(text: string): Change | undefined {
    if (this.#file === undefined) return undefined
    return { at: this.text.length, remove: 0, insert: `${text}\n` }
  }

  /** A forced save for that cause; resolves with the `error` of the command's response. */
  async forcesave(cause: Cause): Promise<0 | 3 | 4> {
    if (this.#context.isSilent(this.#key)) return 0
    if (this.#received === this.#settled) return 4
    const stage = this.#final.stage(this.#received)
    // A final save of the same edits converts or is being handled: "in flight" (docs-server.md).
    if (stage === 'started') return 4
    if (this.#connections.length > 0) return this.#forced.request(this.#snapshot(), cause)
    // Just after the last editor was lost (docs-server.md "Failure").
    if (stage === 'waiting' || cause.type !== FORCESAVE.command) return 3
    return this.#forced.requestLate(this.#snapshot(), cause)
  }

  /** `info`: its callback comes before its response (docs-server.md "Early"). */
  async info(userdata: unknown, callbackUrl: string | undefined): Promise<void> {
    const url = callbackUrl ?? this.#last.callbackUrl
    const body = presenceBody(this.#key, this.users, { userdata })
    const holds = this.users.length === 0 && this.#received !== this.#settled
    await this.#context.send(this.#key, url, holds ? { ...body, status: 1, users: [] } : body)
  }

  /** Connections and what was under way are lost; edits are not and are saved a moment later. */
  restart(): void {
    const unsaved = this.#received > this.#settled
    // Edits kept after a refused status 3 stay where they are until somebody opens the document.
    const kept = this.#connections.length === 0 && this.#final.stage(this.#received) === 'none'
    this.#connections = []
    this.#forced.restart()
    this.#final.restart()
    if (unsaved && !kept) this.#beginFinal(this.#last.user, this.#context.lostDelay)
  }

  #beginFinal(user: string, delay: number): void {
    this.#forced.overtake()
    const leaver = { user, callbackUrl: this.#last.callbackUrl }
    this.#final.begin(this.#snapshot(), leaver, delay)
  }

  #snapshot(): Snapshot {
    const [edits, file] = [this.#edits.slice(), this.#file]
    return { edits, file, upTo: this.#received, since: this.#settled }
  }

  #throwAway({ since, upTo }: Snapshot): void {
    this.#edits = this.#edits.filter(({ number }) => number <= since || number > upTo)
    this.#mute = this.#connections.length === 0
  }

  async #tell(about: Connection, actions: Action[]): Promise<void> {
    if (this.#mute) return
    const body = presenceBody(this.#key, this.users, { actions })
    const reply = await this.#context.send(this.#key, about.callbackUrl, body)
    if (isAcknowledged(reply)) return
    for (const connection of this.#connections) connection.warnings++
  }
}
