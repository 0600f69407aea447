/**
 * Walks the simulated Docs server through every recorded conversation of `test/wire`: the editors,
 * commands, converter settings and replies of the recording go in, and what the simulator sends must
 * be what was recorded, in the recorded order and with the fields in the recorded order. Once in
 * process on virtual time, and once over HTTP.
 *
 * Not compared, on purpose:
 * - the times of callbacks and responses: only their order counts;
 * - the order of responses to commands that were under way at once;
 * - `shardkey` of links, `documentSha256` and `serverVersion` of `history`, which not all recordings have;
 * - `md5` and `expires` of links (checked against the clock instead), the random digits in their
 *   paths (compared instead: which conversions are the same), host and port;
 * - `history.changes[].created`: the recording's editor sent a made-up time;
 * - over HTTP, `lastsave`: real time differs. It is compared in process, where edits are made at the
 *   recorded times;
 * - tokens, which the recordings elide: `testing-tokens.test.ts` verifies the simulator's.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import jwt from 'jsonwebtoken'
import { createCore, startDocsServer, virtualClock } from '../src/testing/index.js'
import type {
  DocsServer,
  Editor,
  OpenOptions,
  Pause,
  Reply,
  Simulation,
} from '../src/testing/index.js'

import { SECRET, startApp } from './support/over-http.js'

interface Entry {
  t: number
  type: 'editor' | 'command' | 'response' | 'callback' | 'reply' | 'converter' | 'server'
  id?: number
  path?: string
  body?: Record<string, unknown>
  headers?: Record<string, string>
  status?: number
  connection?: 'destroyed'
  action?: string
  user?: string
  seconds?: number
  failing?: boolean
}

const FOLDER = new URL('./wire/', import.meta.url)
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl'))
/**
 * The first recorded conversions ran one after the other, those of later recordings side by side; some 30 ms
 * each when not slowed down.
 */
const DELAY = 30
const LATER = Date.parse('2026-11-28')
/** A link's lifetime in seconds. */
const LIFETIME = 900

for (const file of FILES) {
  test(`in process: ${file}`, async () => {
    const { startedAt, entries, key, conversion } = readWire(file)
    const clock = virtualClock(startedAt - 60_000)
    const log: Omit<Entry, 't'>[] = []
    let callbacks = 0
    const core = createCore({
      clock,
      conversion,
      async deliver({ url, body, iat }) {
        if (url === UNHEARD) return REFUSAL
        checkLinks(body, clock.now())
        assert.equal(iat, Math.floor(clock.now() / 1000))
        const id = ++callbacks
        log.push({ type: 'callback', id, body: structuredClone(body) })
        const { reply, later } = recordedReply(entries, id)
        if (later > 0) await new Promise<void>((resolve) => clock.after(later, resolve))
        log.push({ type: 'reply', id })
        return reply
      },
    })
    if (leftBehind(entries)) await leaveForgotten(core, UNHEARD, () => clock.advance(1000))
    await clock.advance(startedAt - clock.now())

    const drive = driver(core, { key, entries, pace: 1, conversion })
    for (const entry of entries) {
      if (!isInput(entry)) continue
      const { type, id, action, user } = entry
      clock.after(entry.t, () => {
        if (type === 'command') {
          log.push({ type, ...(id === undefined ? {} : { id }) })
          void core.command(withoutToken(entry.body)).then((body) => {
            log.push({ type: 'response', id: id!, body })
          })
        } else {
          if (type === 'editor') log.push({ type, action: action!, user: user! })
          void drive(entry)
        }
      })
    }
    await clock.advance(60_000)

    assert.deepEqual(normalise(log), normalise(entries))
    assert.equal(clock.pending, 0, 'timers were left behind')
    await core.idle()
  })
}

/**
 * Not over HTTP, where time is real: retries that take up to seven seconds, and what depends on which
 * millisecond something happens in.
 */
const IN_PROCESS_ONLY = [
  'final-save-forgotten-after-500s.jsonl',
  'final-save-of-the-session-before-comes-last.jsonl',
  'final-save-retried-on-500.jsonl',
  'forcesave-between-final-saves.jsonl',
  'forcesaves-at-once.jsonl',
]

for (const file of FILES.filter((name) => !IN_PROCESS_ONLY.includes(name))) {
  test(`over HTTP: ${file}`, { timeout: 300_000 }, async () => {
    // A tenth of the recorded slowness is slow enough, but for a machine that does much else.
    const quick = await playOverHttp(file, 0.1)
    const { heard, recorded } = isDeepStrictEqual(quick.heard, quick.recorded)
      ? quick
      : await playOverHttp(file, 1)
    assert.deepEqual(heard, recorded)
  })
}

async function playOverHttp(
  file: string,
  pace: number,
): Promise<Record<'heard' | 'recorded', ReturnType<typeof normalise>>> {
  const { jwt, entries, key, conversion } = readWire(file)
  let callbacks = 0
  /** Opens when all has been driven that comes before the reply of a callback, by its number. */
  const gates = new Map<number, () => void>()
  await using app = await startApp(async ({ key: of }) => {
    if (of === LEFT) return REFUSAL
    const id = ++callbacks
    const { reply, later } = recordedReply(entries, id)
    if (later > 0) await new Promise<void>((resolve) => gates.set(id, resolve))
    return reply
  })
  await using server = await startDocsServer({
    ...(jwt ? { secret: SECRET } : {}),
    conversion,
  })
  if (leftBehind(entries)) await leaveForgotten(server, app.url, () => server.idle(LEFT))
  server.log.length = 0

  const callbackUrl = `${app.url}/callback?doc=${key}`
  const drive = driver(server, { key, entries, pace, conversion, callbackUrl })
  const responses: Promise<unknown>[] = []
  for (const [index, entry] of entries.entries()) {
    if (entry.type === 'command') responses.push(postCommand(server, entry))
    else if (isInput(entry)) await drive(entry)
    if (entry.type === 'reply') gates.get(entry.id! - firstId(entries, 'callback') + 1)?.()
    if (entry.type === 'server' && entry.action !== 'killed') {
      await until(
        () => !server.away,
        () => [entry],
      )
    }
    if (isUnheard(entry)) continue
    // What was recorded up to here must have happened before the next goes in.
    const expected = entries.slice(0, index + 1).filter((other) => !isUnheard(other)).length
    await until(
      () => server.log.length >= expected,
      () => [entry, server.log],
    )
  }
  await Promise.all(responses)
  await server.idle()

  const heard = server.log.map((entry) => ({ ...entry }) as Omit<Entry, 't'>)
  const options = { overHttp: true }
  return { heard: normalise(heard, options), recorded: normalise(entries, options) }
}

/** Sends a command as it was recorded: with its token where that one had it. */
async function postCommand(server: DocsServer, { path, headers, body }: Entry): Promise<void> {
  const { token, ...claims } = body!
  const secret = server.secret ?? ''
  const response = await fetch(server.url + path!, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(headers!.authorization === undefined
        ? {}
        : { authorization: `Bearer ${jwt.sign({ payload: claims }, secret)}` }),
    },
    body: JSON.stringify(
      token === undefined ? claims : { ...claims, token: jwt.sign(claims, secret) },
    ),
  })
  assert.equal(response.status, 200)
  await response.arrayBuffer()
}

/** Waits for a state of the server; the test's own timeout ends it. */
async function until(condition: () => boolean, seen: () => unknown): Promise<void> {
  const giveUp = Date.now() + 10_000
  while (!condition()) {
    assert.ok(Date.now() < giveUp, `never came: ${JSON.stringify(seen())}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

interface Wire {
  startedAt: number
  jwt: boolean
  key: string
  conversion: { workers: number; delay: number }
  entries: Entry[]
}

function readWire(file: string): Wire {
  const [first, ...lines] = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n')
  const { startedAt, jwt } = JSON.parse(first!) as { startedAt: string; jwt: boolean }
  const entries = lines.map(
    // Two words for one thing in the recordings.
    (line) => JSON.parse(line.replace('"type": "docs-server"', '"type": "server"')) as Entry,
  )
  const key = entries.find(({ type }) => type === 'callback')!.body!.key as string
  const began = Date.parse(startedAt)
  const conversion = { workers: began < LATER ? 1 : Infinity, delay: DELAY }
  return { startedAt: began, jwt, key, conversion, entries }
}

/** What comes from outside; callbacks and responses are the Docs server's, replies follow callbacks. */
function isInput({ type }: Entry): boolean {
  return type === 'editor' || type === 'command' || isUnheard({ type })
}

/** What is in no log of the simulated server. */
function isUnheard({ type }: Pick<Entry, 'type'>): boolean {
  return type === 'converter' || type === 'server'
}

/** What callback number `id` is answered, and how many ms later where something happened meanwhile. */
function recordedReply(
  entries: readonly Entry[],
  id: number,
): { reply: Reply | undefined; later: number } {
  const recorded = id + firstId(entries, 'callback') - 1
  const [at, replyAt] = (['callback', 'reply'] as const).map((wanted) =>
    entries.findIndex(({ type, id: of }) => type === wanted && of === recorded),
  )
  const [callback, reply] = [entries[at!], entries[replyAt!]]
  assert.ok(callback && reply, `callback ${recorded} was not recorded`)
  return {
    later: replyAt === at! + 1 ? 0 : reply.t - callback.t,
    reply:
      reply.connection === 'destroyed'
        ? undefined
        : { status: reply.status!, body: structuredClone(reply.body) },
  }
}

interface Drive {
  key: string
  entries: readonly Entry[]
  /** How much of a slow conversion, and of a restart. */
  pace: number
  conversion: { workers: number; delay: number }
  callbackUrl?: string
}

/** Does what recorded editors, converter settings and restarts did. */
function driver(
  server: Simulation,
  { key, entries, pace, conversion, callbackUrl = 'http://app/callback' }: Drive,
): (entry: Entry) => Promise<void> {
  const editors = new Map<string, Editor>()
  return async (entry) => {
    const { type, action, user = '', failing, seconds } = entry
    if (type === 'converter') {
      if (failing !== undefined) server.conversion.fails = failing
      if (seconds !== undefined) server.conversion.delay = DELAY + seconds * 1000 * pace
    } else if (type === 'server') {
      if (action === 'killed') server.restart(pauseAfter(entries, entry, pace))
    } else if (action === 'open') {
      const name = user === 'u1' && conversion.workers === 1 ? 'User One' : user
      const options: OpenOptions = { user, name, callbackUrl }
      editors.set(user, await server.open(key, options))
    } else if (action === 'edit') {
      editors.get(user)!.type('hello')
    } else if (action === 'edit-refused') {
      assert.equal(editors.get(user)!.type('hello'), 0)
    } else {
      assert.equal(action, 'close')
      await editors.get(user)!.close()
    }
  }
}

/** From when the server was killed: until it sent again, and from then until it answered again. */
function pauseAfter(entries: readonly Entry[], killed: Entry, pace: number): Pause {
  const after = entries.slice(entries.indexOf(killed) + 1)
  const answers = after.find(({ type }) => type === 'server')!
  const sends = after.find(({ type }) => type === 'callback' || type === 'server')!
  return { down: (sends.t - killed.t) * pace, deaf: (answers.t - sends.t) * pace }
}

/** Two recordings found a forgotten file of earlier ones on their server; here it is made first. */
const LEFT = 'left-by-earlier-runs'
const UNHEARD = 'http://unheard/'

function leftBehind(entries: readonly Entry[]): boolean {
  return entries.some(({ body }) => Array.isArray(body?.keys) && body.keys.includes(LEFT))
}

const REFUSAL = { status: 200, body: { error: 1 } }

async function leaveForgotten(
  server: Simulation,
  callbackUrl: string,
  settle: () => Promise<void>,
): Promise<void> {
  const editor = await server.open(LEFT, { user: 'u0', callbackUrl })
  editor.type('lost')
  await editor.close()
  await settle()
  assert.deepEqual(server.forgotten, [LEFT])
}

function withoutToken(body: Record<string, unknown> | undefined): Record<string, unknown> {
  const { token: _token, ...rest } = body ?? {}
  return rest
}

/** A link is good for 15 minutes from now, in whole seconds, and has a signature. */
function checkLinks(body: Record<string, unknown>, now: number): void {
  for (const link of [body.url, body.changesurl]) {
    if (link === undefined) continue
    const { searchParams } = new URL(link as string)
    assert.equal(Number(searchParams.get('expires')), Math.ceil(now / 1000) + LIFETIME)
    assert.match(searchParams.get('md5')!, /^[\w-]{22}$/)
  }
}

/** One line per entry, made of what is compared: the order of fields counts in a line of text. */
function normalise(
  entries: readonly Omit<Entry, 't'>[],
  { overHttp = false }: { overHttp?: boolean } = {},
): string[] {
  const conversions: string[] = []
  const queries = new Set<string>()
  const first = { callback: firstId(entries, 'callback'), command: firstId(entries, 'command') }
  const field = (name: string, value: unknown): unknown => {
    if (name === 'documentSha256') return undefined
    if (name === 'serverVersion') return 'a version'
    if (name === 'lastsave' && !String(value).endsWith('.000Z')) return 'a time with milliseconds'
    if (name === 'created' || (name === 'lastsave' && overHttp)) return 'a time'
    if (typeof value !== 'string' || !/^(changes|formsdata)?url$/.test(name)) return value
    const url = new URL(value)
    const parts = /^(.*?)(_\d{1,4})?(\/\w+\.\w+\/\w+\.\w+)$/.exec(url.pathname)
    const [, folder, digits = '', file = ''] = parts!
    if (!conversions.includes(digits)) conversions.push(digits)
    // The query is new each time, also when the same result is sent again.
    assert.ok(!queries.has(url.search), 'a link was sent twice')
    queries.add(url.search)
    url.searchParams.delete('shardkey')
    const names = [...url.searchParams.keys(), url.searchParams.get('filename')]
    return `${folder} conversion ${conversions.indexOf(digits)} ${file} ${names.join()}`
  }
  return ordered(entries).flatMap((entry) => {
    const { type, user, action, path, headers, body, status, connection } = entry
    if (isUnheard(entry)) return []
    if (type === 'editor') return [`editor ${user} ${action}`]
    const own = type === 'callback' || type === 'reply' ? first.callback : first.command
    const line = `${type} ${entry.id! - own}`
    const wire = overHttp ? ` ${path} ${JSON.stringify(headers)} ${status} ${connection}` : ''
    // In process nothing is signed, and the recorded commands and replies are what was put in.
    if (!overHttp && (type === 'command' || type === 'reply')) return [line]
    const compared = overHttp ? body : withoutToken(body)
    return [line + wire + JSON.stringify(compared, (name, value: unknown) => field(name, value))]
  })
}

/** Responses to commands that were under way at once, each after its command where nothing else came between. */
function ordered(entries: readonly Omit<Entry, 't'>[]): readonly Omit<Entry, 't'>[] {
  const heard = entries.filter((entry) => !isUnheard(entry))
  const isOfCommand = ({ type }: Omit<Entry, 't'>): boolean =>
    type === 'command' || type === 'response'
  return heard
    .map((entry, index) => {
      const command = heard.findLastIndex(({ type, id }) => type === 'command' && id === entry.id)
      const alone = entry.type === 'response' && heard.slice(command, index).every(isOfCommand)
      return { entry, place: alone ? command + 0.5 : index }
    })
    .toSorted((a, b) => a.place - b.place)
    .map(({ entry }) => entry)
}

/** The first number of a kind of entry: the forgotten file that was made first has used some. */
function firstId(entries: readonly Omit<Entry, 't'>[], wanted: Entry['type']): number {
  return entries.find(({ type }) => type === wanted)?.id ?? 0
}
