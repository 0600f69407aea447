/** 8.4: answered 0. Its save is to come; an end of the session, a replay, or a long wait makes us ask. */
import { hasOpenSaves } from './order.js'
import { isForcesaveAfter } from './send-again.js'
import type { Answer, Command, DocumentState } from './state.js'
import { wait, type Case, type Judgement } from './verdict.js'

export function accepted({ state, command, now, rules }: Case, last: Answer): Judgement {
  if (hasOpenSaves(state)) return wait
  const { told, ended } = state
  // The session has ended: what still converts is never sent, the final save is (`docs-server.md`).
  if (ended > last.turn && ended > (told?.turn ?? 0)) return { until: Infinity, ask: 'info' }
  const { count, turn } = command.round ?? { count: 0, turn: -1 }
  const begun = turn >= last.turn
  if (begun && (told === undefined || told.turn < turn)) return { until: Infinity, ask: 'info' }
  // Its save, or its answer, says more than waiting does.
  const isSent = state.commands.some((other) => isForcesaveAfter(other, turn))
  if (begun && !isSent) return { until: Infinity, ask: 'forcesave' }
  const accepted = command.answer?.at ?? now
  const askAt =
    wasReplayed(state, command) && count === 0 ? now : accepted + rules.nudgeAfter * 2 ** count
  if (now < askAt) return { until: askAt }
  return { until: Infinity, ask: 'info', note: { round: { count: count + 1, turn: state.turn } } }
}

/** 10.5: a save was sent again, as the Docs server does inside of a forcesave that finds it unacknowledged. */
export const wasReplayed = ({ saves }: DocumentState, command: Command): boolean =>
  saves.some(
    ({ phase, replayed = -1, by }) =>
      phase === 'stored' && replayed > command.turn && by?.id !== command.id,
  )
