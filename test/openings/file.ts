/**
 * The one file that everybody opens, as storage has it, and what must hold of it:
 * O1 never two live keys; O2 never a new key while edits are held, or lie in a forgotten file; O3 never an old key
 * after all of it was acknowledged and stored; O4 no edit is lost; O5 `open()` ends, and well where all is well.
 */
import { RejectSave } from '../../src/saves/reject-save.js'
import type { Save } from '../../src/saves/save.js'
import { editsIn, type Core, type Editor } from '../../src/testing/index.js'
import { CHECKER } from '../schedules/checker.js'
import type { Process } from '../schedules/processes.js'
import type { Random } from '../schedules/random.js'
import type { World } from '../schedules/troubles.js'

/** The last edit of each key that a file holds. */
type Content = ReadonlyMap<string, number>

export interface FileParts {
  random: Random
  world: World
  core: () => Core
  violate: (invariant: string, what: string) => void
  trace: (line: string) => void
}

export class OpenedFile {
  readonly #parts: FileParts
  #newest: Content = new Map()
  /** Of which nothing proves that they are older: an application keeps them as versions. */
  readonly #beside: Content[] = []
  /** What each key was opened from. */
  readonly #bases = new Map<string, Content>()
  readonly #editors = new Set<Editor>()
  /** Per key, after which edit somebody came last. */
  readonly #joinedAt = new Map<string, number>()
  #current: string | undefined
  #slowSave: number
  #failingSave: number
  #said: unknown
  /** How often a key was given out. */
  given = 0

  constructor(parts: FileParts) {
    this.#parts = parts
    this.#slowSave = parts.world.slowSave
    this.#failingSave = parts.world.failingSave
  }

  /** From now on storage is quick and does not fail. */
  mend(): void {
    this.#slowSave = 10
    this.#failingSave = 0
  }

  /** Takes the callback of an `info` of its own. */
  heard({ status }: Record<string, unknown>): void {
    this.#said = status
  }

  async onSave({ key, url, order, trigger }: Save, process: Process): Promise<void> {
    const { random, core, trace, violate } = this.#parts
    const pause = (): Promise<void> =>
      new Promise((resolve) => process.clock.after(random.whole(0, this.#slowSave / 2), resolve))
    await pause()
    if (random.chance(this.#failingSave)) throw new Error('storage is down')
    const bytes = core().file(url)
    if (bytes === undefined) throw new RejectSave('the link is dead')
    const holds = editsIn(bytes).at(-1) ?? 0
    const content = new Map([...(this.#bases.get(key) ?? []), [key, holds]])
    trace(`onSave ${key} stores ${holds} (${trigger}, ${order})`)
    if (order === 'newest') {
      const lost = [...this.#newest].find(([one, edits]) => edits > (content.get(one) ?? 0))
      if (lost !== undefined)
        violate('O4', `a save of ${key} overwrites edit ${lost[1]} of ${lost[0]}`)
      this.#newest = content
    } else this.#beside.push(content)
    await pause()
  }

  /**
   * Whether the key that was given out last is over for certain, now. Where somebody has come after the last edit, the
   * Docs server does not tell whether the key can be edited.
   */
  async isOver(): Promise<boolean> {
    const key = this.#current
    if (key === undefined || this.#joinedAt.get(key) === this.#parts.core().edits(key)) return false
    if (this.#parts.core().edits(key) === 0) return false
    if (this.#hasEditors(key) || this.#misses(key)) return false
    return (await this.#ask(key)) === 4
  }

  async opened(key: string): Promise<void> {
    const { violate } = this.#parts
    this.given += 1
    const before = this.#current
    if (before === undefined || key === before) {
      this.#current = key
      return
    }
    if (this.#bases.has(key)) violate('O1', `${key} is given out again after ${before}`)
    this.#current = key
    if (this.#hasEditors(before)) violate('O2', `${key} is given out while ${before} is edited`)
    if ((await this.#ask(before)) === 1) violate('O2', `${key} is given out, and ${before} is held`)
    if (this.#misses(before)) violate('O2', `${key} is given out, and ${before} is not stored`)
  }

  /** How many keys were opened. */
  get keys(): number {
    return this.#bases.size
  }

  get current(): string | undefined {
    return this.#current
  }

  /** Just before the editor opens. */
  opens(key: string): void {
    if (!this.#bases.has(key)) this.#bases.set(key, this.#newest)
  }

  /** `wasOver`: the key was over for certain when `open()` was called, and given out all the same. */
  async joined(editor: Editor, wasOver: boolean): Promise<void> {
    const { violate } = this.#parts
    if (editor.viewOnly) {
      if (wasOver) violate('O3', `${editor.key} was given out, and can only be viewed`)
      return
    }
    this.#editors.add(editor)
    this.#joinedAt.set(editor.key, this.#parts.core().edits(editor.key))
    for (const key of this.#bases.keys()) {
      if (key === editor.key) continue
      if (this.#hasEditors(key)) violate('O1', `${editor.key} is opened while ${key} is edited`)
      else if ((await this.#ask(key)) === 1)
        violate('O1', `${editor.key} is opened while edits of ${key} are held`)
    }
  }

  /** When nothing more is to come. */
  async ended(): Promise<void> {
    const { core, violate } = this.#parts
    for (const key of this.#bases.keys()) {
      if (!this.#misses(key)) continue
      const { url } = (await core().command({ c: 'getForgotten', key })) as { url?: string }
      const bytes = url === undefined ? undefined : core().file(url)
      if (bytes !== undefined && (editsIn(bytes).at(-1) ?? 0) >= core().edits(key)) continue
      if ((await this.#ask(key)) === 1) continue
      violate('O4', `edits of ${key} are lost`)
    }
  }

  #hasEditors(key: string): boolean {
    for (const editor of this.#editors) if (!editor.connected) this.#editors.delete(editor)
    return [...this.#editors].some((editor) => editor.key === key)
  }

  #misses(key: string): boolean {
    const kept = [this.#newest, ...this.#beside].map((content) => content.get(key) ?? 0)
    return Math.max(...kept) < this.#parts.core().edits(key)
  }

  /** The status of an info; undefined: the key is not known, or the Docs server is away. */
  async #ask(key: string): Promise<unknown> {
    this.#said = undefined
    await this.#parts
      .core()
      .command({ c: 'info', key, callback: CHECKER })
      .catch(() => undefined)
    return this.#said
  }
}
