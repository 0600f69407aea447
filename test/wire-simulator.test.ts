/**
 * Walks the simulated Docs server through every recorded conversation of `test/wire`: the editors,
 * commands, converter settings and replies of the recording go in, and what the simulator sends must
 * be what was recorded, in the recorded order and with the fields in the recorded order. Once in
 * process on virtual time, and once over HTTP.
 *
 * Not compared, on purpose:
 * - the times of callbacks and responses: only their order counts;
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
import jwt from 'jsonwebtoken'
import { createCore, startDocsServer, virtualClock } from '../src/testing/index.js'
import type { DocsServer, Editor, OpenOptions, Reply, Simulation } from '../src/testing/index.js'
import { SECRET, startApp } from './support/over-http.js'

interface Entry {
  t: number
  type: 'editor' | 'command' | 'response' | 'callback' | 'reply' | 'converter'
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
/** The recorded conversions ran one after the other, some 30 ms each when not slowed down. */
const CONVERSION = { workers: 1, delay: 30 }
/** A link's lifetime in seconds. */
const LIFETIME = 900

for (const file of FILES) {
  test(`in process: ${file}`, async () => {
    const { startedAt, entries, key } = readWire(file)
    const clock = virtualClock(startedAt - 60_000)
    const log: Omit<Entry, 't'>[] = []
    let callbacks = 0
    const core = createCore({
      clock,
      conversion: CONVERSION,
      deliver({ url, body }) {
        if (url === UNHEARD) return Promise.resolve(REFUSAL)
        checkLinks(body, clock.now())
        const id = ++callbacks
        log.push({ type: 'callback', id, body: structuredClone(body) })
        log.push({ type: 'reply', id })
        return Promise.resolve(recordedReply(entries, id))
      },
    })
    if (leftBehind(entries)) await leaveForgotten(core, UNHEARD, () => clock.advance(1000))
    await clock.advance(startedAt - clock.now())

    const drive = driver(core, key, 1)
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

/** The retries of these take seven and three seconds, and HTTP needs real time. */
const SLOW = ['final-save-forgotten-after-500s.jsonl', 'final-save-retried-on-500.jsonl']

for (const file of FILES.filter((name) => !SLOW.includes(name))) {
  test(`over HTTP: ${file}`, { timeout: 20_000 }, async () => {
    const { jwt, entries, key } = readWire(file)
    let callbacks = 0
    await using app = await startApp(({ key: of }) =>
      of === LEFT ? REFUSAL : recordedReply(entries, ++callbacks),
    )
    await using server = await startDocsServer({
      ...(jwt ? { secret: SECRET } : {}),
      conversion: CONVERSION,
    })
    if (leftBehind(entries)) await leaveForgotten(server, app.url, () => server.idle(LEFT))
    server.log.length = 0

    // A tenth of the recorded slowness is enough to be slow here.
    const drive = driver(server, key, 0.1, `${app.url}/callback?doc=${key}`)
    const responses: Promise<unknown>[] = []
    for (const [index, entry] of entries.entries()) {
      if (entry.type === 'command') responses.push(postCommand(server, entry))
      else if (isInput(entry)) await drive(entry)
      if (entry.type === 'converter') continue
      // What was recorded up to here must have happened before the next goes in.
      const expected = entries.slice(0, index + 1).filter(({ type }) => type !== 'converter').length
      await until(
        () => server.log.length >= expected,
        () => [entry, server.log],
      )
    }
    await Promise.all(responses)
    await server.idle()

    const heard = server.log.map((entry) => ({ ...entry }) as Omit<Entry, 't'>)
    const options = { overHttp: true }
    assert.deepEqual(normalise(heard, options), normalise(entries, options))
  })
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

function readWire(file: string): {
  startedAt: number
  jwt: boolean
  key: string
  entries: Entry[]
} {
  const [first, ...lines] = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n')
  const { startedAt, jwt } = JSON.parse(first!) as { startedAt: string; jwt: boolean }
  const entries = lines.map((line) => JSON.parse(line) as Entry)
  const key = entries.find(({ type }) => type === 'callback')!.body!.key as string
  return { startedAt: Date.parse(startedAt), jwt, key, entries }
}

/** What comes from outside; callbacks and responses are the Docs server's, replies follow callbacks. */
function isInput({ type }: Entry): boolean {
  return type === 'editor' || type === 'command' || type === 'converter'
}

function recordedReply(entries: readonly Entry[], id: number): Reply | undefined {
  const reply = entries.find((entry) => entry.type === 'reply' && entry.id === id)
  assert.ok(reply, `callback ${id} was not recorded`)
  return reply.connection === 'destroyed'
    ? undefined
    : { status: reply.status!, body: structuredClone(reply.body) }
}

/** Does what recorded editors and converter settings did. `pace`: how much of a slow conversion. */
function driver(
  server: Simulation,
  key: string,
  pace: number,
  callbackUrl = 'http://app/callback',
): (entry: Entry) => Promise<void> {
  const editors = new Map<string, Editor>()
  return async ({ type, action, user = '', failing, seconds }) => {
    if (type === 'converter') {
      if (failing !== undefined) server.conversion.fails = failing
      if (seconds !== undefined) server.conversion.delay = CONVERSION.delay + seconds * 1000 * pace
    } else if (action === 'open') {
      const options: OpenOptions = { user, name: user === 'u1' ? 'User One' : user, callbackUrl }
      editors.set(user, await server.open(key, options))
    } else if (action === 'edit') {
      editors.get(user)!.type('hello')
    } else {
      assert.equal(action, 'close')
      await editors.get(user)!.close()
    }
  }
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
    if (name === 'created' || (name === 'lastsave' && overHttp)) return 'a time'
    if (typeof value !== 'string' || !/^(changes|formsdata)?url$/.test(name)) return value
    const url = new URL(value)
    const parts = /^(.*?)(_\d{1,4})?(\/\w+\.\w+\/\w+\.\w+)$/.exec(url.pathname)
    const [, folder, digits = '', file = ''] = parts!
    if (!conversions.includes(digits)) conversions.push(digits)
    // The query is new each time, also when the same result is sent again.
    assert.ok(!queries.has(url.search), 'a link was sent twice')
    queries.add(url.search)
    const names = [...url.searchParams.keys(), url.searchParams.get('filename')]
    return `${folder} conversion ${conversions.indexOf(digits)} ${file} ${names.join()}`
  }
  return entries.flatMap((entry) => {
    const { type, user, action, path, headers, body, status, connection } = entry
    if (type === 'converter') return []
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

/** The first number of a kind of entry: the forgotten file that was made first has used some. */
function firstId(entries: readonly Omit<Entry, 't'>[], wanted: Entry['type']): number {
  return entries.find(({ type }) => type === wanted)?.id ?? 0
}
