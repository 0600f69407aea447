/** The network between the application and the simulated Docs server, and all that it does to messages. */
import { HttpFailure, type Http, type HttpResponse } from '../../src/client/http.js'
import { onAbort } from '../../src/abort.js'
import type { CallbackReply, CallbackRequest } from '../../src/receiver/receive.js'
import type { Core, Reply, VirtualClock } from '../../src/testing/index.js'
import type { Random } from './random.js'
import type { World } from './troubles.js'

export interface Network {
  /** What a command meets on its way: none of it is certain to the one who sent it. */
  http: Http
  deliver: (callback: Sent) => Promise<Reply | undefined>
  /** From now on nothing is lost, late or repeated. */
  mend: () => void
}

/** A callback as it leaves. */
export interface Sent {
  url: string
  body: Record<string, unknown>
}

export interface NetworkParts {
  clock: VirtualClock
  random: Random
  world: World
  core: () => Core
  /** Undefined: the process that received it has died, or none is there. */
  receive: (request: CallbackRequest, sent: Sent) => Promise<CallbackReply | undefined>
  trace: (line: string) => void
}

/** The latest that anything comes. */
const LATEST = 5 * 60_000
/** How long a message that is to be overtaken waits for another one. */
const OVERTAKEN = 20_000
/** The Docs server waits that long for a reply; a proxy in between mostly not (`docs-server.md`). */
const PATIENCE = [60_000, 600_000] as const
/** What stands before an application that is away answers in its place. */
const FRONT = [500, 502, 502, 503, 504, 403, 404] as const

export function createNetwork(parts: NetworkParts): Network {
  const { clock, random, core, receive, trace } = parts
  let { world } = parts
  const pass = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
  const patience = random.pick(PATIENCE)
  const held = new Set<() => void>()

  /** One way of a message. */
  async function travel(): Promise<void> {
    if (random.chance(world.swapped)) return overtaken()
    const isLate = random.chance(world.delayed)
    await pass(isLate ? random.logNormal(world.delay, LATEST) : random.whole(1, 8))
    // Who was held back comes after this one.
    for (const release of held) clock.after(1, release)
  }

  function overtaken(): Promise<void> {
    return new Promise((resolve) => {
      const release = (): void => {
        held.delete(release)
        cancel()
        resolve()
      }
      const cancel = clock.after(OVERTAKEN, release)
      held.add(release)
    })
  }

  const later = (): Promise<void> => pass(random.logNormal(2000, LATEST))

  /** Takes a message there and its answer back. `undefined`: nothing comes back, whatever happened. */
  async function carry<Answer>(
    what: string,
    take: (how: string) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    if (random.chance(world.ghosts)) {
      void later().then(() => take(', given up by its sender'))
      await pass(random.whole(1, 1000))
      return undefined
    }
    if (random.chance(world.repeated)) void later().then(() => take(' again'))
    await travel()
    if (random.chance(world.lost)) {
      trace(`${what}: lost`)
      return undefined
    }
    const answer = await take('')
    await travel()
    if (!random.chance(world.lost)) return answer
    trace(`${what}: its answer is lost`)
    return undefined
  }

  async function send(text: string): Promise<HttpResponse> {
    const command = JSON.parse(text) as Record<string, unknown>
    const what = `command ${String(command.c)} ${String(command.key)} ${wordOf(command.userdata)}`
    if (random.chance(world.lost / 2)) {
      trace(`${what}: refused`)
      throw new HttpFailure('not sent', 'connection refused')
    }
    const response = await carry(what, async (how) => {
      const said = await core()
        .command(structuredClone(command))
        .catch(() => undefined)
      trace(`${what}${how}: answered ${said?.error ?? 'nothing'}`)
      return said
    })
    if (response === undefined) throw new HttpFailure('broken', 'reset')
    return { status: 200, headers: {}, text: JSON.stringify(response) }
  }

  const http: Http = {
    request: ({ body = '', signal }) =>
      new Promise((resolve, reject) => {
        const release = onAbort(signal, () => reject(new HttpFailure('broken', 'given up')))
        void send(body).then(resolve, reject).finally(release)
      }),
    // `onSave` reads the files directly; what else is fetched is looked at before something is deleted.
    async open({ url }) {
      const bytes = await carry(`GET ${url.pathname}`, () => Promise.resolve(core().file(url.href)))
      if (bytes === undefined) throw new HttpFailure('broken', 'reset')
      return { status: 200, headers: {}, body: oneChunk(bytes) }
    },
    close: () => Promise.resolve(),
  }

  return {
    http,
    mend() {
      world = {
        ...world,
        ...{ delayed: 0, lost: 0, repeated: 0, swapped: 0, ghosts: 0, lostJoins: 0, refused: 0 },
      }
    },
    async deliver(sent) {
      const { url, body } = sent
      const what = `callback ${String(body.status)} ${String(body.key)} ${wordOf(body.userdata)}`
      if (isJoin(body) && random.chance(world.lostJoins)) {
        trace(`${what}: lost`)
        return undefined
      }
      if (body.status === 2 && random.chance(world.refused)) {
        const status = random.pick(FRONT)
        trace(`${what}: the front answers ${status}`)
        return { status, body: '' }
      }
      const ref = new URL(url).pathname.split('/').at(-1)
      let given = false
      const reply = carry(what, async (how) => {
        trace(`${what}${how}: arrives ${wordsOf(body)}${given ? ', given up by its sender' : ''}`)
        const said = await receive({ body: structuredClone(body), headers: {}, ref }, sent)
        const told = said === undefined ? 'cut off' : `${said.status} ${JSON.stringify(said.body)}`
        trace(`${what}${how}: ${told}`)
        return said
      })
      return new Promise((resolve) => {
        const cancel = clock.after(patience, () => {
          given = true
          resolve(undefined)
        })
        void reply.then(resolve).finally(cancel)
      })
    },
  }
}

// eslint-disable-next-line @typescript-eslint/require-await -- no more than promises: virtual time does not wait for streams
async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

const isJoin = (body: Record<string, unknown>): boolean =>
  body.status === 1 && JSON.stringify(body.actions ?? []).includes('"type":1')

const wordOf = (userdata: unknown): string => String(userdata).slice(5, 9)

const wordsOf = ({ users, lastsave }: Record<string, unknown>): string =>
  `${JSON.stringify(users ?? [])} ${JSON.stringify(lastsave ?? null)}`
