/** Those who edit: they open, type, press the button, close, come again, and lose their connection. */
import type { Core, Editor } from '../../src/testing/index.js'
import type { Clock } from '../../src/clock.js'
import type { Random } from './random.js'
import type { World } from './troubles.js'

export interface PeopleParts {
  world: World
  core: Core
  url: string
  random: Random
  clock: Clock
  trace: (line: string) => void
}

/** Nobody types before the editor has loaded, ms. */
const LOADING = 300

export class People {
  readonly #parts: PeopleParts
  readonly #editors = new Map<string, Editor[]>()
  /** Per key, who has opened it last. */
  readonly #last = new Map<string, string>()
  readonly #mayTypeAt = new Map<Editor, number>()
  #count = 0

  constructor(parts: PeopleParts) {
    this.#parts = parts
  }

  async act(key: string): Promise<void> {
    const { world, random, core, trace } = this.#parts
    const editors = this.#connected(key)
    const action = random.next()
    if (editors.length === 0) {
      if (action > 0.1) return this.#open(key, random.chance(world.comesAgain))
      trace(`the Docs server forgets ${key}`)
      return core.expire(key)
    }
    const editor = random.pick(editors)
    if (action < 0.1 && world.otherSaves) {
      if (random.chance(0.5)) this.#press(editor)
      else {
        trace(`a timer saves ${key}`)
        core.timerSave(key)
      }
    } else if (action < 0.2 && editors.length < 3) {
      await this.#open(key, random.chance(world.secondTabs))
    } else if (action < 0.42) this.#leave(editor, random.chance(world.vanishes))
    else this.#type(editor)
  }

  /** The Docs server has cut them all off: most of their editors connect again by themselves. */
  comeBack(): void {
    const { random, clock } = this.#parts
    for (const [key, editors] of this.#editors) {
      this.#editors.delete(key)
      for (const { user } of editors) {
        if (random.chance(0.3)) continue
        clock.after(random.whole(500, 10_000), () => void this.#enter(key, user))
      }
    }
  }

  /** All go home. */
  leave(): void {
    for (const key of [...this.#editors.keys()]) {
      for (const editor of this.#connected(key)) void editor.close()
    }
  }

  #connected(key: string): Editor[] {
    const editors = (this.#editors.get(key) ?? []).filter(({ connected }) => connected)
    this.#editors.set(key, editors)
    return editors
  }

  async #open(key: string, again: boolean): Promise<void> {
    const last = this.#last.get(key)
    const user = again && last !== undefined ? last : String((this.#count += 1))
    await this.#enter(key, user)
  }

  async #enter(key: string, user: string): Promise<void> {
    const { core, url, clock, trace } = this.#parts
    this.#last.set(key, user)
    const editor = await core.open(key, { user, callbackUrl: url }).catch(() => undefined)
    trace(`user ${user} opens ${key}${editor === undefined ? ', and the Docs server is away' : ''}`)
    if (editor === undefined) return
    this.#mayTypeAt.set(editor, clock.now() + LOADING)
    this.#editors.set(key, [...this.#connected(key), editor])
  }

  #type(editor: Editor): void {
    const { clock, trace } = this.#parts
    if (clock.now() < (this.#mayTypeAt.get(editor) ?? 0)) return
    try {
      const number = editor.type('x')
      trace(`user ${editor.user} types ${number} in ${editor.key}`)
    } catch {
      trace(`user ${editor.user} can only view ${editor.key}, and is cut off`)
    }
  }

  #press(editor: Editor): void {
    this.#parts.trace(`user ${editor.user} presses the save button in ${editor.key}`)
    editor.saveButton()
  }

  #leave(editor: Editor, vanishes: boolean): void {
    const { user, key } = editor
    this.#parts.trace(`user ${user} ${vanishes ? 'vanishes from' : 'closes'} ${key}`)
    if (vanishes) editor.vanish()
    else void editor.close()
  }
}
