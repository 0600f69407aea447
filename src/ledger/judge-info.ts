/** The verdict on an `info` command (`settlement.md` 16). */
import { failed, rejected, timedOut, type Case, type Judgement } from './verdict.js'

export function judgeInfo({ command, now }: Case): Judgement {
  const { answer, presence, deadline = Infinity } = command
  if (answer !== undefined && answer.error !== 0) {
    if (answer.error !== null) return { verdict: rejected(16, command, answer.error) }
    if (answer.failure !== undefined && presence === undefined) {
      return { verdict: failed(16, answer.failure) }
    }
  }
  // Its callback comes before its response: with both there, the response's users are the fresher.
  if (answer !== undefined && presence !== undefined) {
    const users = answer.users ?? presence.users
    return { verdict: { outcome: 'info', rule: 16, status: presence.status, users } }
  }
  if (now >= deadline) return { verdict: timedOut(command) }
  return { until: deadline }
}
