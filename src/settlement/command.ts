/** Rule 1, register first: a command is in the state before its request leaves. */
import { replaced } from './digest.js'
import { doubted } from './doubt.js'
import type { LedgerEvent } from './event.js'
import { recordTold, withoutQuestion } from './told.js'
import type { Command, DocumentState, Save } from './state.js'

export function recordCommand(
  state: DocumentState,
  event: Extract<LedgerEvent, { type: 'registered' }>,
  now: number,
): DocumentState {
  const { id, kind, own, again, deadline, userdata } = event
  // Done twice, it changes nothing.
  if (state.commands.some((command) => command.id === id)) return state
  const command: Command = {
    ...{ id, kind, turn: state.turn, at: now },
    ...(own === undefined ? {} : { own }),
    ...(again === undefined ? {} : { again }),
    // Infinity is no JSON.
    ...(deadline === Infinity ? {} : { deadline }),
    ...(userdata === undefined ? {} : { userdata }),
  }
  const next = { ...state, commands: [...state.commands, command] }
  // 11.4: what else has the ledger lost?
  const known = again === true ? doubted(next, 'ledger-lost') : next
  const { asking } = known
  const isOfQuestion = own === true && asking?.what === kind && asking.id === undefined
  return isOfQuestion ? { ...known, asking: { ...asking, id } } : known
}

export function recordAnswer(
  state: DocumentState,
  event: Extract<LedgerEvent, { type: 'answered' }>,
  now: number,
): DocumentState {
  const { id } = event
  const { turn } = state
  const command = state.commands.findLast((other) => other.id === id)
  if (command === undefined || command.answer !== undefined) return state
  const answer = { ...event.answer, turn, at: now }
  // Nobody waits for the verdict of a command of our own.
  const answered: Command = {
    ...{ ...command, answer },
    ...(command.own === true ? { settled: { turn, at: now } } : {}),
  }
  const next: DocumentState = {
    ...state,
    commands: replaced(state.commands, command, answered),
    saves: answer.error === 0 ? withAnswer(state.saves, id, turn) : state.saves,
  }
  if (command.kind === 'info') return recordTold(next, answered, now)
  return next.asking?.id === id ? withoutQuestion(next) : next
}

/** A callback may have come before the response (`docs-server.md`, "Early"). */
function withAnswer(saves: readonly Save[], id: string, turn: number): readonly Save[] {
  const isMeant = ({ by }: Save): boolean => by?.id === id && by.answered === undefined
  if (!saves.some(isMeant)) return saves
  return saves.map((save) =>
    isMeant(save) && save.by !== undefined ? { ...save, by: { ...save.by, answered: turn } } : save,
  )
}
