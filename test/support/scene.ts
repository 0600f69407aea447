/** A simulated Docs server in process, on virtual time, with a storage application that obeys the test. */
import { createCore, editsIn, virtualClock } from '../../src/testing/index.js'
import type {
  CoreOptions,
  Core,
  Editor,
  Outgoing,
  Reply,
  VirtualClock,
} from '../../src/testing/index.js'

export type Body = Record<string, unknown>

export interface Scene {
  clock: VirtualClock
  core: Core
  /** All callbacks so far: where they went, the whole bodies, and when they were sent. */
  sent: Outgoing[]
  /** What the next callbacks are answered; when it is empty, 200 `{"error":0}`. */
  replies: (Reply | undefined | Promise<Reply | undefined>)[]
  open: (user: string, key?: string) => Promise<Editor>
  forcesave: (userdata?: unknown) => Promise<number>
  /** Status of the callbacks since the last call. */
  news: () => unknown[]
  /** The edits in the file of the last callback. */
  saved: () => number[]
}

export const OK: Reply = { status: 200, body: { error: 0 } }
export const ERROR: Reply = { status: 200, body: { error: 1 } }
export const DOWN: Reply = { status: 503, body: '' }

export function scene(options: Partial<CoreOptions> = {}): Scene {
  const clock = virtualClock()
  const sent: Scene['sent'] = []
  const replies: Scene['replies'] = []
  let told = 0
  const core = createCore({
    clock,
    deliver(callback) {
      sent.push(callback)
      return Promise.resolve(replies.length > 0 ? replies.shift() : OK)
    },
    conversion: { delay: 50 },
    ...options,
  })
  return {
    clock,
    core,
    sent,
    replies,
    open: (user, key = 'k') =>
      core.open(key, { user, name: `User ${user}`, callbackUrl: `http://app/${user}` }),
    forcesave: async (userdata) =>
      (await core.command({ c: 'forcesave', key: 'k', userdata })).error,
    news() {
      const since = sent.slice(told).map(({ body }) => body.status)
      told = sent.length
      return since
    },
    saved: () => editsIn(core.file(sent.at(-1)!.body.url as string)!),
  }
}

/** A reply that the test gives when it wants to. */
export function later(): {
  reply: Promise<Reply | undefined>
  give: (reply: Reply | undefined) => void
} {
  let give!: (reply: Reply | undefined) => void
  const reply = new Promise<Reply | undefined>((resolve) => (give = resolve))
  return { reply, give }
}
