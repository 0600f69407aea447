/** The people who open the file: each asks for a config, and opens the editor with it sooner or later. */
import { isDocsError } from '../../src/errors.js'
import type { Core, Editor, VirtualClock } from '../../src/testing/index.js'
import type { Processes } from '../schedules/processes.js'
import type { Random } from '../schedules/random.js'
import type { World } from '../schedules/troubles.js'
import type { OpenedFile } from './file.js'

export interface VisitorsParts {
  world: World
  random: Random
  clock: VirtualClock
  core: () => Core
  processes: Processes
  file: OpenedFile
  /** Whether `open()` has to see what is: nothing is lost or late, and nobody dies. */
  isCalm: boolean
  violate: (invariant: string, what: string) => void
  trace: (line: string) => void
}

/** What is in a config. */
interface Given {
  key: string
  url: string
  /** The key was over for certain when it was asked for, with so many edits. */
  wasOver?: number | undefined
}

/** A config can be used for so long, ms: its token expires. */
const CONFIG = 300_000
/** `open()` asks with patience, and stores a forgotten file first, ms. */
const LONGEST_OPEN = 120_000

export class Visitors {
  readonly #parts: VisitorsParts
  #editors: Editor[] = []
  #count = 0
  opening = 0

  constructor(parts: VisitorsParts) {
    this.#parts = parts
  }

  async act(): Promise<void> {
    const { random, world } = this.#parts
    const editors = this.#connected()
    const action = random.next()
    if (editors.length === 0 || (action < 0.2 && editors.length < 3)) {
      const many = random.chance(0.15) ? 3 : 1
      for (let n = 0; n < many; n += 1) void this.#arrive(`u${(this.#count += 1)}`)
      return
    }
    const editor = random.pick(editors)
    if (action < 0.5) this.#type(editor)
    else if (action < 0.58) await this.#forcesave(editor.key)
    else if (action < 0.62 && world.otherSaves) editor.saveButton()
    else this.#leave(editor, random.chance(world.vanishes))
  }

  /** The Docs server has cut them all off: most of their editors connect again by themselves. */
  comeBack(): void {
    const { random, clock } = this.#parts
    for (const { key, user, viewOnly } of this.#connected()) {
      // Who can only view it is told to ask for another config.
      if (viewOnly || random.chance(0.3)) continue
      const url = this.#urls.get(key)
      if (url === undefined) continue
      clock.after(random.whole(500, 10_000), () => void this.#enter(user, { key, url }))
    }
    this.#editors = []
  }

  leave(): void {
    for (const editor of this.#connected()) void editor.close()
  }

  readonly #urls = new Map<string, string>()

  #connected(): Editor[] {
    this.#editors = this.#editors.filter(({ connected }) => connected)
    return this.#editors
  }

  async #arrive(user: string): Promise<void> {
    this.opening += 1
    try {
      const config = await this.#open(user)
      if (config === undefined) return
      const { random, clock } = this.#parts
      const signed = clock.now()
      const slow = random.chance(0.1)
      await new Promise<void>((resolve) =>
        clock.after(slow ? random.whole(10_000, CONFIG - 10_000) : random.whole(0, 3000), resolve),
      )
      if (clock.now() <= signed + CONFIG) await this.#enter(user, config)
    } finally {
      this.opening -= 1
    }
  }

  async #open(user: string): Promise<Given | undefined> {
    const { processes, file, core, clock, trace, violate, isCalm } = this.#parts
    const process = processes.pick()
    if (process === undefined) return undefined
    const { docs, death, name } = process
    const wasOver = isCalm && (await file.isOver()) ? file.current : undefined
    const begun = clock.now()
    trace(`${user} asks ${name}`)
    try {
      const opened = await Promise.race([
        docs.open('file', { document: { fileType: 'docx' } }),
        death,
      ])
      if (clock.now() > begun + LONGEST_OPEN) violate('O5', `open() took too long`)
      if (opened === 'died') return undefined
      const { key } = opened.document
      trace(`${user} is given ${key}`)
      await file.opened(key)
      this.#urls.set(key, opened.editorConfig.callbackUrl)
      return {
        key,
        url: opened.editorConfig.callbackUrl,
        wasOver: key === wasOver ? core().edits(key) : undefined,
      }
    } catch (error) {
      if (!isDocsError(error)) throw error
      trace(`${user} is given ${error.code}`)
      // A Docs server that does not answer gives no config.
      if (isCalm) violate('O5', `open() ended ${error.code}`)
      return undefined
    }
  }

  async #enter(user: string, { key, url, wasOver }: Given): Promise<void> {
    const { core, file, trace } = this.#parts
    if (core().away) return
    file.opens(key)
    const editor = await core().open(key, { user, callbackUrl: url })
    trace(`${user} opens ${key}${editor.viewOnly ? ', view only' : ''}`)
    this.#editors.push(editor)
    await file.joined(editor, core().edits(key) === wasOver)
  }

  #type(editor: Editor): void {
    if (editor.viewOnly) return void editor.close()
    this.#parts.trace(`${editor.user} types ${editor.type('x')} in ${editor.key}`)
  }

  async #forcesave(key: string): Promise<void> {
    const { processes, trace } = this.#parts
    const process = processes.pick()
    if (process === undefined) return
    trace(`forcesave ${key} from ${process.name}`)
    void Promise.race([process.docs.forcesave(key), process.death]).catch((error: unknown) => {
      if (!isDocsError(error)) throw error
    })
    await Promise.resolve()
  }

  #leave(editor: Editor, vanishes: boolean): void {
    this.#parts.trace(`${editor.user} ${vanishes ? 'vanishes from' : 'closes'} ${editor.key}`)
    if (vanishes) editor.vanish()
    else void editor.close()
  }
}
