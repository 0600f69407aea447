/**
 * Somebody on the network who has no secret, but has heard callbacks go by: forges, tampers, floods, and
 * sends again what was heard.
 */
import type { OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRefSigner } from '../../src/protocol/ref.js'
import { send, sign } from '../support/callbacks.js'
import type { Heard } from './balancer.js'
import type { Town } from './town.js'

export interface Attack {
  kind: string
  at: number
  /** Of the callback that it was made of. */
  key: string
  /** The same bytes as the Docs server has sent, to where it has sent them. */
  replay: boolean
  /** Of the answer; undefined: none came. */
  status: number | undefined
}

export interface Attacker {
  attacks: Attack[]
  /** Goes on until the signal is aborted; so many attacks per second. */
  run: (perSecond: number, signal: AbortSignal) => Promise<void>
}

/** What was heard is remembered this long, ms: a token is good for 5 minutes. */
const MEMORY = 240_000
/** Bytes; more than `maxBody` of the town. */
const OVERSIZED = 400_000
/** A body that never ends is held open this long, ms. */
const HELD = 3_000
const ELSEWHERE = 'an0ther-s3cret-an0ther-s3cret-an0ther'

interface Message {
  path: string
  body: string | Uint8Array
  headers?: OutgoingHttpHeaders
}

type Claims = Record<string, unknown>

export function createAttacker(town: Town): Attacker {
  const attacks: Attack[] = []
  const heard: Heard[] = []
  const others = createRefSigner([ELSEWHERE], 'docs')
  town.balancer.listen((message) => {
    // Saves: what a replay could store again.
    if (![2, 3, 6, 7].includes(Number(claimsOf(message).status))) return
    heard.push(message)
    const first = heard.findIndex(({ at }) => at > Date.now() - MEMORY)
    if (first > 0) heard.splice(0, first)
  })

  const forgeries: Record<string, (from: Heard, other: Heard) => Message> = {
    unsigned: (from, other) => json(from.path, forged(from, other)),
    'signed with another secret': (from, other) =>
      json(from.path, { token: sign(forged(from, other), { secret: ELSEWHERE }) }),
    expired: (from, other) => {
      const exp = Math.floor(Date.now() / 1000) - 600
      return json(from.path, { token: sign({ ...forged(from, other), iat: exp - 300, exp }) })
    },
    'alg none': (from, other) =>
      json(from.path, {
        token: `${encode({ alg: 'none', typ: 'JWT' })}.${encode(forged(from, other))}.`,
      }),
    'changed in its token': (from, other) => {
      const [header, , signature] = tokenOf(from).split('.')
      return json(from.path, { token: `${header}.${encode(forged(from, other))}.${signature}` })
    },
    'valid, with a ref of another secret': (from) => ({
      ...from,
      path: withRef(from, others.sign('stolen')),
    }),
    'valid, with a changed ref': (from, other) => {
      const signature = refOf(from).split('.')[1] ?? ''
      const ref =
        claimsOf(other).key === claimsOf(from).key ? 'stolen' : String(claimsOf(other).key)
      return {
        ...from,
        path: withRef(from, `${Buffer.from(ref).toString('base64url')}.${signature}`),
      }
    },
    'valid, without a ref': (from) => ({ ...from, path: withRef(from, '') }),
    oversized: (from, other) =>
      json(from.path, { ...forged(from, other), padding: 'x'.repeat(OVERSIZED) }),
    garbage: (from) => ({
      path: from.path,
      body: randomBytes(1 + Math.floor(Math.random() * 2_000)),
    }),
  }

  async function attack(): Promise<void> {
    const web = oneOf(town.balancer.targets)
    const [from, other] = [oneOf(heard), oneOf(heard)]
    if (web === undefined || from === undefined || other === undefined) return
    const chance = Math.random()
    if (chance < 0.1) return note('half a body', from, await halfBody(web, from))
    if (chance < 0.3) {
      // What has had its effect. A save that never arrived would have its first one.
      if (from.status !== 200) return
      return note('valid, again', from, await answer(web, from))
    }
    if (chance < 0.33) {
      // What has just gone by: the Docs server's own may be open still.
      const newest = heard.at(-1) ?? from
      const answers = Array.from({ length: 50 }, () =>
        answer(oneOf(town.balancer.targets) ?? web, newest),
      )
      for (const status of await Promise.all(answers))
        note('valid, 50 times at once', newest, status)
      return
    }
    const [kind, forge] = oneOf(Object.entries(forgeries)) ?? []
    if (kind === undefined || forge === undefined) return
    note(kind, from, await answer(web, forge(from, other)))
  }

  function note(kind: string, from: Heard, status: number | undefined): void {
    const replay = kind === 'valid, again' || kind === 'valid, 50 times at once'
    attacks.push({ kind, at: Date.now(), key: String(claimsOf(from).key), replay, status })
  }

  return {
    attacks,
    async run(perSecond, signal) {
      const underWay = new Set<Promise<void>>()
      while (!signal.aborted) {
        await sleep(1_000 / perSecond, undefined, { signal }).catch(() => {})
        const attacking = attack().finally(() => underWay.delete(attacking))
        underWay.add(attacking)
      }
      await Promise.all(underWay)
    },
  }
}

async function answer(
  web: string,
  { path, headers = {}, body }: Message,
): Promise<number | undefined> {
  try {
    return (await send(web + path, { headers, body })).status
  } catch {
    return undefined
  }
}

/** Says how long it is, sends half of that, and waits. */
function halfBody(web: string, { path, body }: Heard): Promise<number | undefined> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(web)
    const half = body.subarray(0, body.length / 2)
    const socket = connect(Number(port), hostname)
    const timer = setTimeout(() => socket.destroy(), Math.random() * HELD)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(timer)
      const status = /^HTTP\/1.1 (\d+)/.exec(text)?.[1]
      resolve(status === undefined ? undefined : Number(status))
    })
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    )
    socket.write(half)
  })
}

/** A save that would put the content of another document, or an old one, into this one. */
const forged = (from: Heard, other: Heard): Claims => {
  const { token: _token, ...claims } = claimsOf(from)
  return {
    ...claims,
    status: Math.random() < 0.5 ? 2 : 6,
    url: claimsOf(other).url ?? claims.url,
    lastsave: new Date().toISOString(),
    history: { changes: [], forged: Math.random() },
  }
}

const claimsOf = ({ body }: Heard): Claims => JSON.parse(body.toString()) as Claims
const tokenOf = (message: Heard): string => String(claimsOf(message).token)
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const refOf = ({ path }: Heard): string => decodeURIComponent(path.slice(path.lastIndexOf('/') + 1))
const withRef = ({ path }: Heard, ref: string): string =>
  path.slice(0, path.lastIndexOf('/') + 1) + encodeURIComponent(ref)
const json = (path: string, body: unknown): Message => ({
  path,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

function oneOf<Item>(items: readonly Item[]): Item | undefined {
  return items[Math.floor(Math.random() * items.length)]
}
