/** The network between the application and the simulated Docs server: slow, and it loses things. */
import { HttpFailure, type Http } from '../../src/client/http.js'
import type { CallbackRequest, CallbackReply } from '../../src/receiver/receive.js'
import type { Core, VirtualClock } from '../../src/testing/index.js'
import type { Random } from './random.js'

export interface Network {
  /** What a command meets on its way: none of it is certain to the one who sent it. */
  http: Http
  /** No callback has told that the present session began: it got lost. */
  unseen: (key: string) => boolean
  /** A final save has been sent, and has not arrived. */
  finalOnItsWay: (key: string) => boolean
  /** One of these callbacks was not taken. */
  miss: (key: string) => void
  deliver: (callback: { url: string; body: object }) => Promise<CallbackReply | undefined>
}

export interface NetworkParts {
  clock: VirtualClock
  random: Random
  /** Probability that one way loses what it carries. */
  loss: number
  /** The longest way of a final save, ms; 0: as of any callback. */
  slowFinals: number
  core: () => Core
  /** Undefined: the process that received it has died. */
  receive: (request: CallbackRequest) => Promise<CallbackReply | undefined>
  trace: (line: string) => void
}

export function createNetwork(parts: NetworkParts): Network {
  const { clock, random, loss, core, receive, trace } = parts
  const pass = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
  const latency = (): number => (random.chance(0.1) ? random.whole(50, 400) : random.whole(1, 30))
  const lost = (): boolean => random.chance(loss)

  const http: Http = {
    async request({ body = '' }) {
      const command = JSON.parse(body) as Record<string, unknown>
      const what = `${String(command.c)} ${String(command.key)} ${String(command.userdata).slice(5, 9)}`
      if (lost()) {
        trace(`command ${what}: refused`)
        throw new HttpFailure('not sent', 'connection refused')
      }
      await pass(latency())
      if (lost()) {
        trace(`command ${what}: request lost`)
        throw new HttpFailure('broken', 'reset')
      }
      const response = await core().command(command)
      trace(`command ${what}: answered ${response.error}`)
      // Long enough for somebody to open the document and type meanwhile.
      const slow = command.c === 'getForgotten' && random.chance(0.3)
      await pass(slow ? random.whole(500, 4000) : latency())
      if (lost()) {
        trace(`command ${what}: response lost`)
        throw new HttpFailure('broken', 'reset')
      }
      return { status: 200, headers: {}, text: JSON.stringify(response) }
    },
    open: ({ url }) => {
      const fetched = core().fetch(url.pathname + url.search)
      const body = (async function* () {
        if (fetched.status === 200) yield fetched.bytes
      })()
      return Promise.resolve({ status: fetched.status, headers: {}, body })
    },
    close: () => Promise.resolve(),
  }

  const unseen = new Set<string>()
  /** Keys, once for each final save. */
  let onTheirWay: string[] = []
  const isJoin = (callback: Record<string, unknown>): boolean =>
    callback.status === 1 && JSON.stringify(callback.actions ?? []).includes('"type":1')

  return {
    http,
    unseen: (key) => unseen.has(key),
    miss: (key) => void unseen.add(key),
    finalOnItsWay: (key) => onTheirWay.includes(key),
    async deliver({ url, body }) {
      const callback = body as Record<string, unknown>
      const what = `${String(callback.status)} ${String(callback.key)} ${String(callback.userdata).slice(5, 9)}`
      if (lost()) {
        trace(`callback ${what}: lost`)
        if (isJoin(callback)) unseen.add(String(callback.key))
        return undefined
      }
      // So long that somebody who has come again can have typed and called (rule 5).
      const final = callback.status === 2 || callback.status === 3
      const slow = final && parts.slowFinals > 0 && random.chance(0.5)
      const key = String(callback.key)
      if (final) onTheirWay.push(key)
      await pass(slow ? random.whole(60, parts.slowFinals) : random.whole(1, 60))
      if (final) onTheirWay = onTheirWay.toSpliced(onTheirWay.indexOf(key), 1)
      trace(`callback ${what}: arrives`)
      if (isJoin(callback)) unseen.delete(String(callback.key))
      const ref = new URL(url).pathname.split('/').at(-1)
      const reply = await receive({ body: structuredClone(body), headers: {}, ref })
      if (reply === undefined) {
        trace(`callback ${what}: cut off`)
        // It is not known whether it was taken.
        if (isJoin(callback)) unseen.add(String(callback.key))
        return undefined
      }
      trace(`callback ${what}: ${reply.status} ${JSON.stringify(reply.body)}`)
      await pass(random.whole(1, 60))
      return lost() ? undefined : reply
    },
  }
}
