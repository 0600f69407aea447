/** Counts each callback and how long its reply took, traces it, and tells the inspector of the reply. */
import { callbackChannel, note, traced, type CallbackTrace } from '../channels.js'
import type { Watch } from '../inspector/watch.js'
import type { Stats } from '../stats.js'
import type { Answer, CallbackReply, CallbackRequest } from './receive.js'

export type Receive = (request: CallbackRequest) => Promise<CallbackReply>

export function observedCallbacks(answer: Answer, stats: Stats, watch: Watch): Receive {
  async function counted(request: CallbackRequest, told: CallbackTrace): Promise<CallbackReply> {
    const begun = stats.now()
    stats.pending.callbacks += 1
    try {
      const reply = await answer(request, told)
      note(told, { reply })
      stats.replied(told.status, reply)
      watch.replied(told, reply)
      return reply
    } finally {
      stats.pending.callbacks -= 1
      stats.took('callback', begun)
    }
  }

  return function receive(request) {
    const told: CallbackTrace = {}
    return traced(callbackChannel, told, () => counted(request, told))
  }
}
