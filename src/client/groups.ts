/**
 * Rule 16, calls in groups: while a forcesave of a key is unanswered, the calls of this process share
 * the next one. It leaves after they were made, so it holds their edits too.
 */
import type { Clock } from '../clock.js'
import { newId } from '../protocol/new-id.js'
import type { Ask, Asked } from './asks.js'

/** The forcesave that covers a call. */
export interface Member {
  /** The id of its command. */
  readonly id: string
  /** Resolves once the command is registered and on its way. */
  readonly send: () => Promise<Asked>
  /** Whether the command has a later deadline than the call. */
  readonly outlives: () => boolean
}

export interface Groups {
  /** @param timeout of the call, ms; Infinity for none */
  join(key: string, timeout: number): Member
}

interface Group {
  readonly id: string
  /** The latest deadline of its calls, ms since the epoch. */
  deadline: number
  readonly sent: Promise<Asked>
  send: () => void
}

export function createGroups(ask: (ask: Ask) => Promise<Asked>, clock: Clock): Groups {
  /** Per key with an unanswered forcesave: the group that leaves next, if a call has come meanwhile. */
  const next = new Map<string, Group | undefined>()

  function newGroup(key: string): Group {
    const id = newId()
    let send = (): void => {}
    const asked = new Promise<void>((resolve) => (send = resolve)).then(() =>
      ask({ key, kind: 'forcesave', id, timeout: Math.max(group.deadline - clock.now(), 1) }),
    )
    const group: Group = { id, deadline: 0, sent: asked, send }
    return group
  }

  /** Sends the group, and the next one when it is answered, or cannot be. */
  function leave(key: string, group: Group): void {
    next.set(key, undefined)
    group.send()
    const over = (): void => {
      const following = next.get(key)
      if (following === undefined) next.delete(key)
      else leave(key, following)
    }
    group.sent.then(({ answer }) => answer).then(over, over)
  }

  return {
    join(key, timeout) {
      const isUnanswered = next.has(key)
      const group = next.get(key) ?? newGroup(key)
      const deadline = clock.now() + timeout
      group.deadline = Math.max(group.deadline, deadline)
      if (isUnanswered) next.set(key, group)
      else leave(key, group)
      return { id: group.id, send: () => group.sent, outlives: () => group.deadline > deadline }
    },
  }
}
