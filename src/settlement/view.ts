/** What the verdicts of one event look at, found once: so a command that nothing has happened to costs little. */
import { isOutstanding } from './doubt.js'
import { standingFailures } from './failure.js'
import { isOpen, type Answer, type Command, type DocumentState, type Save } from './state.js'

export interface View {
  /** Stored saves by the command that they were made for. */
  readonly storedFor: ReadonlyMap<string, Save>
  /** The stored save whose command was registered last; it proves the edits of all before it (4.2). */
  readonly covering: Save | undefined
  /** The newest answer to a forcesave after which something is left open, and when that was registered (8.6). */
  readonly newest: { readonly turn: number; readonly answer: Answer } | undefined
  readonly hasOpenSaves: boolean
  /** Forcesaves whose save may still be under way (7.2). */
  readonly outstanding: readonly Command[]
  /** What failed and stands, the newest last (10.4). */
  readonly standing: readonly Save[]
}

/** Answers after which an outcome can still be found: 3 can be followed by a save, 1 by a forgotten file. */
export const LEAVES_OPEN: ReadonlySet<number> = new Set([0, 1, 3, 4])

export function viewOf(state: DocumentState): View {
  const { commands, saves } = state
  const storedFor = new Map<string, Save>()
  let covering: Save | undefined
  for (const save of saves) {
    const { phase, by } = save
    if (phase !== 'stored' || by === undefined) continue
    storedFor.set(by.id, save)
    if (by.again !== true && by.turn >= (covering?.by?.turn ?? 0)) covering = save
  }
  let newest: View['newest']
  for (const { kind, turn, answer } of commands) {
    const isOfUse =
      kind === 'forcesave' && answer !== undefined && LEAVES_OPEN.has(answer.error ?? -1)
    if (isOfUse && turn >= (newest?.turn ?? 0)) newest = { turn, answer }
  }
  return {
    ...{ storedFor, covering, newest },
    hasOpenSaves: saves.some(isOpen),
    outstanding: commands.filter(
      (command) => !storedFor.has(command.id) && isOutstanding(state, command),
    ),
    standing: standingFailures(state),
  }
}
