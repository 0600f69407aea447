/** Rule 15: an `info` of the application ends when its callback and its response are both there. */
import { failed, rejected, timeout, type Case, type Judgement } from './verdict.js'

export function judgeInfo({ command, now }: Case): Judgement {
  const { answer, presence, deadline = Infinity } = command
  if (answer !== undefined && answer.error !== 0) {
    if (answer.error !== null) return { verdict: rejected('15.2', command, answer.error) }
    if (answer.failure !== undefined && presence === undefined) {
      return { verdict: failed('15.2', answer.failure) }
    }
  }
  // Its callback comes before its response: with both there, the response's users are the fresher.
  if (answer !== undefined && presence !== undefined) {
    const users = answer.users ?? presence.users
    return { verdict: { outcome: 'info', rule: '15.1', status: presence.status, users } }
  }
  if (now >= deadline) return { verdict: failed('15.3', timeout('info')) }
  return { until: deadline }
}
