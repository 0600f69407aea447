/**
 * What the verdicts of one event look at, found when the first of them asks for it: so a command that
 * nothing has happened to costs little.
 */
import { hasOpen } from './digest.js'
import { canBeOutstanding } from './doubt.js'
import { standingFailures } from './failure.js'
import type { Answer, Command, DocumentState, Save } from './state.js'

interface Newest {
  readonly turn: number
  readonly answer: Answer
}

/** Answers after which an outcome can still be found: 3 can be followed by a save, 1 by a forgotten file. */
export const LEAVES_OPEN: ReadonlySet<number> = new Set([0, 1, 3, 4])

/** From so many commands on, that ask for their own saves, a map is worth it. */
const MANY = 8

export class View {
  readonly #state: DocumentState
  #asked = 0
  #byCommand: Map<string, Save> | undefined
  #newest: Newest | undefined | 'not asked' = 'not asked'
  #outstanding: readonly Command[] | undefined
  #standing: readonly Save[] | undefined

  constructor(state: DocumentState) {
    this.#state = state
  }

  /** The stored save that was made for this command. */
  storedFor(id: string): Save | undefined {
    const { saves } = this.#state
    this.#asked += 1
    if (this.#asked > MANY) return (this.#byCommand ??= storedByCommand(saves)).get(id)
    return saves.findLast(({ phase, by }) => phase === 'stored' && by?.id === id)
  }

  /** The newest answer to a forcesave after which something is left open, and when that was registered (8.6). */
  get newest(): Newest | undefined {
    if (this.#newest === 'not asked') this.#newest = newestAnswer(this.#state.commands)
    return this.#newest
  }

  get hasOpenSaves(): boolean {
    return hasOpen(this.#state.saves)
  }

  /** Forcesaves whose save may still be under way (7.2). */
  get outstanding(): readonly Command[] {
    return (this.#outstanding ??= this.#state.commands.filter(
      (command) =>
        canBeOutstanding(this.#state, command) && this.storedFor(command.id) === undefined,
    ))
  }

  /** What failed and stands, the newest last (10.4). */
  get standing(): readonly Save[] {
    return (this.#standing ??= standingFailures(this.#state))
  }
}

function storedByCommand(saves: readonly Save[]): Map<string, Save> {
  const found = new Map<string, Save>()
  for (const save of saves) {
    if (save.phase === 'stored' && save.by !== undefined) found.set(save.by.id, save)
  }
  return found
}

/** They stand in the order in which they were registered. */
function newestAnswer(commands: readonly Command[]): Newest | undefined {
  const command = commands.findLast(
    ({ kind, answer }) =>
      kind === 'forcesave' && answer !== undefined && LEAVES_OPEN.has(answer.error ?? -1),
  )
  return command?.answer === undefined ? undefined : { turn: command.turn, answer: command.answer }
}
