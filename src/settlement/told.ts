/** Rule 8: what the Docs server says that it holds, and the one question under way. */
import { doubted } from './doubt.js'
import { isSame, type Answer, type Command, type DocumentState, type Told } from './state.js'
import { QUESTION_PATIENCE } from './timing.js'

/**
 * 8.1: the four forms of an `info` (`docs-server.md`, "Seen since"). Its callback comes before its
 * response, so either is enough where it says something.
 */
function saysOf({ answer, presence }: Command): Pick<Told, 'says' | 'users'> | undefined {
  if (answer?.error === 1) return { says: 'unknown-key', users: [] }
  if (presence === undefined) return answer === undefined ? undefined : byResponse(answer)
  if (presence.status === 'closed') return { says: 'acknowledged', users: [] }
  const users = answer?.users ?? presence.users
  if (users.length > 0) return { says: 'editing', users }
  // The last one has left between callback and response.
  return { says: presence.users.length > 0 ? 'nothing' : 'held', users: [] }
}

/** Without its callback an empty response can mean that all is acknowledged, or that edits are held. */
function byResponse({ error, users = [] }: Answer): Pick<Told, 'says' | 'users'> {
  return error === 0 && users.length > 0
    ? { says: 'editing', users }
    : { says: 'nothing', users: [] }
}

export function recordTold(before: DocumentState, command: Command, now: number): DocumentState {
  const state = before.asking?.id === command.id ? withoutQuestion(before) : before
  const said = saysOf(command)
  const last = state.told
  if (said === undefined || (last !== undefined && last.turn > command.turn)) return state
  const again = last !== undefined && last.turn < command.turn && last.says === said.says
  const times = again ? last.times + 1 : last?.turn === command.turn ? last.times : 0
  const told: Told = { ...said, turn: command.turn, heard: state.turn, at: now, times }
  const next = { ...state, told }
  // 7.3: it names others than the callbacks do.
  const contradicts =
    said.says === 'editing' && state.users !== null && !isSame(said.users, state.users)
  return contradicts ? doubted(next, 'editors-unknown') : next
}

export function withoutQuestion({ asking: _over, ...state }: DocumentState): DocumentState {
  return state
}

/** Whether a question is under way that somebody is still there to ask (8.3). */
export const isAsking = ({ asking }: DocumentState, now: number): boolean =>
  asking !== undefined && now < asking.at + QUESTION_PATIENCE
