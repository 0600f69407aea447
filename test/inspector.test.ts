/** `docs.inspector()` over HTTP: what it records, what it keeps to itself, and where it ends. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { createDocs, isDocsError, RejectSave } from '../src/index.js'
import { axisOf } from '../src/pages/inspector-time.js'
import { callbackWords, refusalWords } from '../src/pages/inspector-words.js'
import { createTape, MAX_CHARACTERS, MAX_ENTRIES } from '../src/inspector/tape.js'
import { whyOf } from '../src/inspector/why.js'
import type { Entry } from '../src/inspector/entry.js'
import type { Verdict } from '../src/settlement/event.js'
import type { Doubt, Trigger } from '../src/settlement/state.js'
import type { TurnedAwayCode } from '../src/protocol/reject-code.js'
import { SECRET } from './support/app.js'
import { LIMIT, post, postSigned, send, setStage, sign } from './support/callbacks.js'
import { entriesIn, entriesUpTo, listen, ofType, withInspector } from './support/inspector.js'
import { playOurs } from './support/ours.js'
import { failure, startPair, type Pair } from './support/pair.js'
import { recordingIn } from './support/recording.js'
import { until } from './support/until.js'
import { verdictOf } from './support/verdicts-of.js'

type PairOptions = NonNullable<Parameters<typeof startPair>[1]>

/** An application with the inspector in front of its callback route. */
async function startInspected(
  t: TestContext,
  options: PairOptions = {},
): Promise<Pair & { address: string }> {
  const pair = await startPair(t, {
    mount: withInspector,
    ...options,
  })
  return { ...pair, address: `${pair.app.url}/inspector` }
}

describe('the record', LIMIT, () => {
  it('tells a forcesave from the call to its verdict, in the order of what happened', async (t) => {
    const { docs, open, address } = await startInspected(t)
    ;(await open('k1')).type('x')
    await docs.forcesave('k1', { userdata: 'mine' })
    const entries = await entriesUpTo(address, ({ type }) => type === 'call-ended')
    const words = entries.map((entry) =>
      [entry.type, 'name' in entry && entry.name, 'status' in entry && entry.status]
        .filter((word) => word !== false)
        .join(' '),
    )
    const happened = words.filter((word) => !word.startsWith('reply') && !word.endsWith(' 1'))
    // The answer of a forcesave and its callback may overtake each other.
    assert.deepEqual(
      happened.filter((word) => word !== 'response'),
      [
        'call forcesave',
        'command forcesave',
        'callback 6',
        'saving',
        'ran',
        'verdict',
        'call-ended',
      ],
    )
    const [call] = ofType(entries, 'call')
    const [verdict] = ofType(entries, 'verdict')
    const saved = ofType(entries, 'callback').find(({ status }) => status === 6)
    assert.deepEqual([call?.id, saved?.id], [verdict?.id, verdict?.id])
    assert.equal(verdict?.why.text, 'The save made for it came at {0} and was stored at {1}.')
    assert.deepEqual(verdict.why.times, [saved?.at, ofType(entries, 'ran')[0]?.at])
  })

  it('tells what the package has sent by itself from what the application has asked for', async (t) => {
    const { docs, open, address } = await startInspected(t)
    await open('k1')
    await docs.forcesave('k1')
    await docs.info('k1')
    await docs.meta('k1', { title: 'T' })
    const entries = await entriesUpTo(
      address,
      (entry) => entry.type === 'command' && entry.name === 'meta',
    )
    assert.deepEqual(
      ofType(entries, 'command').map(({ name, own }) => [name, own]),
      [
        ['forcesave', false],
        // Who edits is asked before it is said that there is nothing to save (rule 6).
        ['info', true],
        ['info', false],
        ['meta', false],
      ],
    )
  })

  it('tells each attempt of onSave and why it failed, without what a link in that message holds', async (t) => {
    const behaviour = [
      new Error(
        'PUT https://me:word@store.example/a?signature=b failed, as src_https://c/?d=e and GET /f?g=h',
      ),
    ]
    const onSave = (): void => {
      const error = behaviour.shift()
      if (error !== undefined) throw error
    }
    const { docs, open, address } = await startInspected(t, { onSave, retries: 1 })
    ;(await open('k1')).type('x')
    await docs.forcesave('k1')
    const entries = await entriesUpTo(address, ({ type }) => type === 'call-ended')
    assert.deepEqual(
      ofType(entries, 'saving').map(({ attempt }) => attempt),
      [1, 2],
    )
    const [first, second] = ofType(entries, 'ran')
    assert.match(
      first?.failure?.message ?? '',
      /^PUT https:\/\/store\.example\/a\?link=\S+ failed, as src_https:\/\/c\/\?link=\S+ and GET \/f\?…$/,
    )
    assert.equal(second?.failure, undefined)
  })

  it('tells that no answer came, and why', async (t) => {
    const { docs, server, address } = await startInspected(t)
    await server.close()
    await failure(docs.version(), 'UNREACHABLE')
    const entries = await entriesUpTo(address, ({ type }) => type === 'call-ended')
    const [answer] = ofType(entries, 'response')
    assert.deepEqual([answer?.error, answer?.sent], [null, false])
    assert.match(answer?.failure?.message ?? '', /the command was not sent/)
  })

  it('holds no token, secret, query of a link, userdata or result of onSave', async (t) => {
    const { docs, open, address, server } = await startInspected(t, {
      onSave: () => ({ hidden: 'RETURNED' }),
    })
    const editor = await open('k1')
    editor.type('x')
    await docs.forcesave('k1', { userdata: 'USERDATA' })
    await docs.license()
    await editor.close()
    await server.idle()
    const { text } = await listen(address, (told) =>
      ofType(entriesIn(told), 'reply').some(({ callback }) => callback === 2),
    )
    const file = await (await fetch(`${address}/record.jsonl`)).text()
    assert.match(text, /"type":"callback"/)
    for (const secret of [SECRET, 'USERDATA', 'RETURNED', 'eyJ', 'md5=', 'expires=', 'Bearer ey']) {
      assert.equal((text + file).includes(secret), false, secret)
    }
  })

  it('ends no save and no callback otherwise by what it cannot write down', async (t) => {
    let runs = 0
    const { docs, open } = await startInspected(t, {
      onSave() {
        runs += 1
        const cause = Object.assign(new Error(), { message: Object.create(null) as unknown })
        throw new RejectSave('it can never be stored', { cause })
      },
    })
    ;(await open('k1')).type('x')
    assert.equal((await failure(docs.forcesave('k1'), 'STORAGE_FAILED')).retryable, false)
    assert.equal(runs, 1)

    const unsigned = await startInspected(t, { secret: null, simulation: {} })
    const ref = unsigned.docs.callbackUrl('file').split('/').at(-1)
    for (const strange of [{ userdata: undefined }, { size: 1n }]) {
      const body = { key: 'k2', status: 1, users: ['u1'], actions: [], ...strange }
      const reply = await unsigned.docs.receive({ body, headers: {}, ref })
      assert.deepEqual(reply, { status: 200, body: { error: 0 } })
    }
  })

  it('begins with the first docs.inspector(), and all of them share it', async (t) => {
    const { docs, app } = await startPair(t, {
      mount: (docs) => async (ctx, next) => {
        if (ctx.path === '/late') await docs.inspector({ path: '/late' })(ctx, next)
        else if (ctx.path.startsWith('/late/')) await docs.inspector({ path: '/late' })(ctx, next)
        else await docs.routes()(ctx, next)
      },
    })
    await docs.version()
    await fetch(`${app.url}/late/`)
    await docs.license()
    const entries = await entriesUpTo(`${app.url}/late`, ({ type }) => type === 'call-ended')
    assert.deepEqual(
      ofType(entries, 'call').map(({ name }) => name),
      ['license'],
    )
  })

  it('stays within its bounds of entries and bytes, and the oldest go first', () => {
    const tape = createTape()
    const entry = (n: number, reason: string): Entry => ({
      ...{
        n,
        at: n,
        type: 'rejected',
        code: 'token-missing',
        status: 403,
        reason,
        advice: '',
        key: `k${n % 10}`,
      },
    })
    for (let n = 0; n < 100_000; n += 1) tape.add(entry(n, 'short'))
    const kept = tape.from(0)
    assert.deepEqual([kept.length, tape.oldest, kept.at(-1)?.n], [MAX_ENTRIES, 80_000, 99_999])
    assert.equal(tape.of('k3').length, MAX_ENTRIES / 10)
    for (let n = 100_000; n < 100_100; n += 1) tape.add(entry(n, 'x'.repeat(200_000)))
    const long = tape.from(0)
    assert.equal(JSON.stringify(long).length <= MAX_CHARACTERS + long.length + 2, true)
    assert.equal(
      tape.of('k3').every(({ n }) => n >= tape.oldest),
      true,
    )
    assert.equal(tape.from(100_099).length, 1)
  })
})

describe('a callback that was turned away', LIMIT, () => {
  const now = Math.floor(Date.now() / 1000)
  const callback = { key: 'k1', status: 4 }
  const signed = (token: string): object => ({ ...callback, token })
  type Refuse = (url: string) => Promise<unknown>
  const cases: [code: TurnedAwayCode, reason: RegExp, advice: RegExp, refuse: Refuse][] = [
    [
      'token-expired',
      /^token expired: 1\d\d s ago$/,
      /^Do the clocks differ\?/,
      (url) => post(url, signed(sign({ ...callback, iat: now - 400, exp: now - 100 }))),
    ],
    [
      'token-issued-in-future',
      /^token issued-in-future: by \d{3} s$/,
      /^The clocks differ/,
      (url) => post(url, signed(sign({ ...callback, iat: now + 500, exp: now + 800 }))),
    ],
    [
      'token-signature',
      /^token signature$/,
      /^The token was signed with another secret\. Compare `secret`/,
      (url) => post(url, signed(sign(callback, { secret: 'x'.repeat(40) }))),
    ],
    ['token-missing', /^token missing$/, /^Are tokens switched on/, (url) => post(url, callback)],
    [
      'token-malformed',
      /^token malformed: not three parts/,
      /its own Authorization header/,
      (url) => post(url, callback, { authorization: 'Bearer of-the-proxy' }),
    ],
    [
      'token-algorithm',
      /^token algorithm: allowed: HS256$/,
      /^Set `token\.algorithms`/,
      (url) => post(url, signed(sign(callback, { header: { alg: 'HS512' } }))),
    ],
    [
      'token-no-expiry',
      /^token no-expiry$/,
      /an expiry \(services/,
      (url) => post(url, signed(sign({ ...callback, exp: undefined }))),
    ],
    [
      'token-critical-header',
      /^token critical-header: jku$/,
      /sends no such token/,
      (url) => post(url, signed(sign(callback, { header: { jku: 'http://x' } }))),
    ],
    [
      'token-claims',
      /^token claims: not a callback/,
      /genuine, but not that of a callback/,
      (url) => post(url, signed(sign({ ...callback, c: 'info' }))),
    ],
    [
      'token-contradiction',
      /^token contradiction: /,
      /about two callbacks/,
      (url) =>
        post(url, signed(sign(callback)), {
          authorization: `Bearer ${sign({ payload: { ...callback, key: 'k2' } })}`,
        }),
    ],
    [
      'body-not-json',
      /^the body is not JSON$/,
      /^Does something rewrite the body/,
      (url) => send(url, { body: 'key=k1&status=4' }),
    ],
    [
      'method',
      /^the method is GET, not POST$/,
      /A redirect turns it into a GET/,
      (url) => send(url, { method: 'GET' }),
    ],
    [
      'body-too-long',
      /over maxBody, 2000 bytes$/,
      /Raise `maxBody`/,
      (url) => post(url, { padding: 'x'.repeat(3_000) }).catch(() => {}),
    ],
    [
      'not-a-callback',
      /no key or no status/,
      /something else use its secret/,
      (url) => postSigned(url, { key: 'k1' }),
    ],
    [
      'key-form',
      /^the key: got "my file\.docx"; 1 to 128 characters/,
      /^The Docs server documents no such key/,
      (url) => postSigned(url, { ...callback, key: 'my file.docx' }),
    ],
    [
      'unknown-status',
      /^status 5 has no meaning/,
      /newer Docs server/,
      (url) => postSigned(url, { ...callback, status: 5 }),
    ],
    [
      'ref-not-ours',
      /^the ref in the URL is not ours$/,
      /^The address does not end in what/,
      (url) => postSigned(url.replace(/[^/]+$/, 'other'), callback),
    ],
    [
      'link-elsewhere',
      /downloadOrigins/,
      /^Nothing was fetched; the reason says why/,
      (url) =>
        postSigned(url, { ...callback, status: 6, url: 'http://elsewhere.example/cache/x?md5=a' }),
    ],
  ]
  for (const [code, reason, advice, refuse] of cases) {
    it(`is told as ${code}, in words, and with what to do about it`, async (t) => {
      const { app, url } = await setStage(t, {
        maxBody: 2_000,
        mount: withInspector,
      })
      await refuse(url)
      const entries = await entriesUpTo(`${app.url}/inspector`, ({ type }) => type === 'rejected')
      const [rejected = assert.fail('nothing was told')] = ofType(entries, 'rejected')
      assert.equal(rejected.code, code)
      assert.match(rejected.reason, reason)
      assert.match(rejected.advice, advice)
    })
  }

  it('in words: refused, not used, or taken by what its header says', () => {
    const words = (code: TurnedAwayCode, status: number) =>
      refusalWords({ type: 'rejected', n: 0, at: 0, code, status, reason: '', advice: '' })
    assert.equal(words('body-missing', 403), 'refused, 403')
    assert.equal(words('body-missing', 200), 'taken in part')
    assert.equal(words('link-elsewhere', 200), 'not used')
  })

  it('is told of the file whose URL it came to, where that URL is ours', async (t) => {
    const { url, rejected } = await setStage(t)
    await post(url, callback)
    await post(url.replace(/[^/]+$/, 'other'), callback)
    const missing = { code: 'token-missing', reason: 'token missing', status: 403 }
    assert.deepEqual(rejected, [{ ...missing, ref: 'file-1' }, missing])
  })
})

/** As the record has it: the outcome, the rule, and whether it is certain. */
function inShort(verdict: string): string {
  const outcome = /^(saved|unchanged|info)/.exec(verdict)?.[0] ?? 'failed'
  const [rule = '', doubt] = verdict.split(' ').slice(verdict.split(' ').findIndex(isClause))
  const mayBeCertain = outcome === 'saved' || outcome === 'unchanged'
  return `${outcome} ${rule} ${mayBeCertain ? doubt === undefined : ''}`
}

const isClause = (word: string): boolean => /^\d+\.\d+$/.test(word)

describe('the reason of a verdict', () => {
  const key = 'k1'
  const id = 'me.k1'
  let n = 0
  const at = (ms: number, happening: object): Entry =>
    ({ n: n++, at: ms, key, ...happening }) as Entry
  const asked = at(1, { type: 'command', command: 1, name: 'forcesave', id, own: false, body: {} })
  const answered = (error: number | null, sent = true): Entry =>
    at(10, { type: 'response', command: 1, error, sent, body: {} })
  const came = (ms: number, save: string, by?: string, status = 6): Entry =>
    at(ms, {
      type: 'callback',
      callback: ms,
      ref: 'r',
      status,
      save,
      body: {},
      ...(by && { id: by }),
    })
  const stored = (ms: number, save: string): Entry => at(ms, { type: 'ran', save })
  const saved = (rule: string, trigger: Trigger = 'command', doubt?: Doubt): Verdict => ({
    ...{ outcome: 'saved', rule, save: 's', trigger, final: trigger === 'close' },
    ...(doubt === undefined ? { certain: true } : { certain: false, doubt }),
    ...{ users: [], stored: null },
  })
  const unchanged = (rule: string, reason: 'no-changes' | 'not-open', doubt?: Doubt): Verdict => ({
    ...{ outcome: 'unchanged', rule, reason },
    ...(doubt === undefined ? { certain: true } : { certain: false, doubt }),
  })
  const failed = (rule: string, message: string, error?: number): Verdict => ({
    outcome: 'failed',
    rule,
    error: {
      ...{
        code: error === undefined ? 'STORAGE_FAILED' : 'COMMAND_REJECTED',
        message,
        retryable: true,
      },
      ...(error === undefined ? {} : { error }),
    },
  })

  const cases: [verdict: Verdict, past: Entry[], words: string][] = [
    [
      saved('4.1'),
      [asked, answered(0), came(20, 's', id), stored(30, 's')],
      'The save made for it came at {20} and was stored at {30}.',
    ],
    [
      saved('4.2'),
      [asked, answered(4), came(20, 's', 'later.k1'), stored(30, 's')],
      'The save made for a later forcesave came at {20}, was stored at {30} and holds its edits too.',
    ],
    [
      saved('5.1', 'close'),
      [asked, came(20, 's', undefined, 2), stored(30, 's')],
      'An info sent after the call said that all edits are acknowledged, and the save of {20} was stored at {30}.',
    ],
    [
      unchanged('5.1', 'no-changes'),
      [asked, answered(4)],
      'An info sent after the call said that all edits are acknowledged, and nothing was stored since the call.',
    ],
    [
      unchanged('6.1', 'not-open'),
      [asked, answered(1)],
      'The Docs server does not know the key and holds no forgotten file, and nothing was stored since the call.',
    ],
    [
      unchanged('7.3', 'no-changes'),
      [asked, answered(4)],
      'Answered 4 (nothing to save) while somebody edits, and nothing was stored since the call.',
    ],
    [
      saved('7.5', 'button', 'others-may-save'),
      [asked, answered(4), came(20, 's'), stored(30, 's')],
      'Answered 4 (nothing to save) while somebody edits, and the save of {20} was stored at {30}. Not certain: a save button, a timer, a form or another application may be saving too, and the Docs server cannot be asked.',
    ],
    [
      unchanged('13.4', 'not-open', 'forgotten-file-left'),
      [asked, answered(1)],
      'Answered 1 (unknown key), and nothing was stored since the call. Not certain: the Docs server holds a forgotten file that may be older than what is stored.',
    ],
    [
      failed('10.3', 'the Docs server answered with error 6', 6),
      [asked, answered(6)],
      'Answered 6 (bad token): the Docs server answered with error 6.',
    ],
    [
      failed('10.3', 'no answer to forcesave'),
      [asked, answered(null)],
      'No answer came: no answer to forcesave.',
    ],
    [
      failed('13.3', 'a forgotten file is there'),
      [asked, answered(1)],
      'Answered 1 (unknown key): a forgotten file is there.',
    ],
    [
      failed('10.4', 'not stored'),
      [came(0, 's', undefined, 3), asked, answered(4)],
      'Answered 4 (nothing to save), but a save that failed before at {0} is not contained in any stored file: not stored.',
    ],
    [
      failed('10.1', 'not converted'),
      [asked, answered(0), came(20, 's', id, 7)],
      'A save that holds its edits failed at {20}: not converted.',
    ],
    [
      failed('14.2', 'no save by its deadline'),
      [asked, answered(0)],
      'Answered 0 (none), and its deadline passed: no save by its deadline.',
    ],
    [
      failed('15.2', 'the Docs server answered with error 1', 1),
      [asked, answered(1)],
      'Answered 1 (unknown key): the Docs server answered with error 1.',
    ],
    [
      { outcome: 'info', rule: '15.1', status: 'editing', users: ['u1', 'u2'] },
      [asked],
      'The callback with its id and the response are both there: u1, u2 edit.',
    ],
  ]
  for (const [verdict, past, words] of cases) {
    it(`is worded by its rule and what was seen: ${verdict.outcome}, rule ${verdict.rule}: ${words}`, () => {
      const { text, times } = whyOf(verdict, id, past)
      assert.equal(
        text.replace(/\{(\d+)\}/g, (_all, index) => `{${times[Number(index)]}}`),
        words,
      )
    })
  }

  it('speaks of nothing that this process has not seen', () => {
    assert.deepEqual(whyOf(saved('4.1'), id, []), {
      text: 'A save made for it or for a later forcesave was stored.',
      times: [],
    })
    assert.deepEqual(whyOf(saved('7.5'), id, []).times, [])
    assert.deepEqual(whyOf(failed('10.4', 'not stored'), id, []).times, [])
  })
})

describe('the axis of time', () => {
  it('shows a callback whatever stands in it for somebody who has come or left', () => {
    const callback = { type: 'callback', callback: 0, key: 'k1', ref: 'r', status: 1 } as const
    const body = { actions: [null, { type: 1, userid: 'ann' }], users: ['ann'] }
    assert.match(callbackWords({ ...callback, n: 0, at: 0, body }), /ann has come$/)
  })

  it('shows an idle hour as a short break, and two seconds of action as before', () => {
    const action = [0, 20, 500, 2_000]
    const alone = axisOf(action, 0)
    const hour = 3_600_000
    const both = axisOf([...action, ...action.map((ms) => hour + ms)], 0)
    assert.deepEqual(both.ys.slice(0, 4), alone.ys)
    const [first = 0] = both.ys.slice(4)
    assert.deepEqual(
      both.ys.slice(4).map((y) => y - first),
      alone.ys,
    )
    assert.deepEqual(
      both.breaks.map(({ ms }) => ms),
      [hour - 2_000],
    )
    assert.equal(first - (both.ys[3] ?? 0) < 100, true, 'the break is short')
    const gaps = alone.ys.slice(1).map((y, index) => y - (alone.ys[index] ?? 0))
    assert.deepEqual(
      gaps,
      [...gaps].sort((a, b) => a - b),
      'more time is more room',
    )
    assert.equal(Math.min(...axisOf([5, 5, 3], 0).ys.slice(1)) >= 30, true, 'rows never overlap')
  })
})

describe('the middleware', LIMIT, () => {
  it('serves the page and its files with headers that keep others out, and nothing else', async (t) => {
    const { address, app } = await startInspected(t)
    const page = await send(`${address}/`, { method: 'GET' })
    assert.match(String(page.body), /<title>Inspector<\/title>/)
    for (const [, file = ''] of String(page.body).matchAll(/(?:src|href)="(inspector[^"]*)"/g)) {
      assert.equal((await send(`${address}/${file}`, { method: 'GET' })).status, 200, file)
    }
    const { headers } = page
    assert.match(
      String(headers['content-security-policy']),
      /default-src 'none'.*frame-ancestors 'none'/,
    )
    assert.deepEqual(
      [headers['x-content-type-options'], headers['referrer-policy'], headers['cache-control']],
      ['nosniff', 'no-referrer', 'no-store'],
    )
    assert.equal(headers['access-control-allow-origin'], undefined)
    const moved = await send(address, { method: 'GET' })
    assert.deepEqual([moved.status, moved.headers.location], [302, 'inspector/'])
    for (const path of ['../package.json', 'x', 'inspector.html/', '%2e%2e/x', 'constructor']) {
      assert.equal((await send(`${address}/${path}`, { method: 'GET' })).status, 404, path)
    }
    assert.equal((await send(`${app.url}/inspectors`, { method: 'GET' })).status, 404)
    assert.equal((await send(`${address}/`, { method: 'HEAD' })).status, 200)
  })

  it('is read-only', async (t) => {
    const { address } = await startInspected(t)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const reply = await send(`${address}/events`, { method })
      assert.deepEqual([reply.status, reply.headers.allow], [405, 'GET, HEAD'], method)
    }
  })

  it('answers no other name that leads to this machine', async (t) => {
    const { address } = await startInspected(t)
    const statusOf = async (host: string): Promise<number> =>
      (await send(`${address}/`, { method: 'GET', headers: { host } })).status
    assert.equal(await statusOf('evil.example'), 403)
    assert.equal(await statusOf('localhost:3000'), 200)
    assert.equal(await statusOf('[::1]:3000'), 200)
  })

  it('goes by no name that a page could claim, though the application believes its proxy', async (t) => {
    const { address } = await startInspected(t, {
      before: [
        async (ctx, next) => {
          ctx.app.proxy = true
          await next()
        },
      ],
    })
    const headers = { host: 'evil.example', 'x-forwarded-host': 'localhost' }
    assert.equal((await send(`${address}/`, { method: 'GET', headers })).status, 403)
  })

  it('tells the page of a stranger nothing, though the application allows it by CORS', async (t) => {
    const { address } = await startInspected(t, {
      before: [
        async (ctx, next) => {
          ctx.set('Access-Control-Allow-Origin', ctx.get('Origin'))
          await next()
        },
      ],
    })
    const statusOf = async (path: string, headers: Record<string, string>): Promise<number> =>
      (await send(`${address}/${path}`, { method: 'GET', headers })).status
    const origin = 'https://stranger.example'
    for (const path of ['record.jsonl', 'events']) {
      assert.equal(await statusOf(path, { origin }), 403, path)
      for (const site of ['cross-site', 'same-site']) {
        const headers = { origin, 'sec-fetch-site': site, 'sec-fetch-mode': 'cors' }
        assert.equal(await statusOf(path, headers), 403, `${path}, ${site}`)
      }
    }
    // A link to the page, and the page's own requests.
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    assert.equal(await statusOf('', link), 200)
    const own = { 'sec-fetch-site': 'same-origin', origin: 'http://localhost:8080' }
    assert.equal(await statusOf('record.jsonl', own), 200)
    assert.equal(await statusOf('record.jsonl', { origin: new URL(address).origin }), 200)
  })

  it('is not made in production, unless it is told to', (t) => {
    const before = process.env['NODE_ENV']
    t.after(() => {
      if (before === undefined) delete process.env['NODE_ENV']
      else process.env['NODE_ENV'] = before
    })
    const docs = createDocs({ server: 'http://docs.internal', secret: SECRET, onSave: () => {} })
    t.after(() => docs.close())
    process.env['NODE_ENV'] = 'production'
    assert.throws(
      () => docs.inspector(),
      (error) =>
        isDocsError(error, 'BAD_OPTION') && /inProduction.*behind a login/.test(error.message),
    )
    docs.inspector({ inProduction: true })
    assert.throws(() => docs.inspector({ inProduction: true, path: '/x/' }), /inspector\.path/)
  })

  it('goes on where a page has left off, and ends with close()', async (t) => {
    const { docs, address } = await startInspected(t)
    await docs.version()
    const first = await listen(address, (told) =>
      entriesIn(told).some(({ type }) => type === 'call-ended'),
    )
    const seen = first.told.at(-1)?.id ?? ''
    await docs.license()
    let heard = 0
    const never = (told: readonly unknown[]): false => {
      heard = told.length
      return false
    }
    const again = listen(address, never, { 'last-event-id': seen })
    await until(() => heard === 2)
    await docs.close()
    const { told, ended } = await again
    assert.deepEqual([told[0]?.data.fresh, ended], [false, true])
    assert.deepEqual(
      ofType(entriesIn(told), 'call').map(({ name }) => name),
      ['license'],
    )
    assert.equal((await send(`${address}/events`, { method: 'GET' })).status, 503)
  })

  it('takes 16 pages at once, and another one when one of them has gone', async (t) => {
    const { docs, address } = await startInspected(t)
    const stop = new AbortController()
    const pages = await Promise.all(
      Array.from({ length: 16 }, () => fetch(`${address}/events`, { signal: stop.signal })),
    )
    assert.deepEqual([...new Set(pages.map(({ status }) => status))], [200])
    const turned = await send(`${address}/events`, { method: 'GET' })
    assert.equal(turned.status, 503)
    stop.abort()
    await until(
      async () =>
        (await listen(address, (told) => told.length > 0).catch(() => undefined)) !== undefined,
    )
    await docs.close()
  })
})

describe('the download', { timeout: 300_000 }, () => {
  it('comes whole, whatever stands for somebody who has come or left', async (t) => {
    const { app, address } = await startInspected(t)
    const actions = [null, 'u1', { type: 1, userid: 'u1' }]
    await postSigned(app.docs.callbackUrl('file'), { key: 'k1', status: 1, users: ['u1'], actions })
    const file = await (await fetch(`${address}/record.jsonl`)).text()
    assert.match(file, /"type":"editor","action":"open","user":"u1"[^]*"type":"reply"/)
  })

  it('is a recording that plays to the verdicts that were given', async (t) => {
    const { docs, open, server, address } = await startInspected(t, {
      simulation: { secret: SECRET, conversion: { delay: 250 } },
      onSave: () => new Promise((resolve) => setTimeout(() => resolve({ kept: true }), 150)),
    })
    const editors = [await open('k1', 'ann'), await open('k2', 'ben')]
    for (const editor of editors) editor.type('x')
    // Of the two of k1 the second is answered 4 while the first is under way.
    const first = docs.forcesave('k1', { userdata: 'mine' })
    await until(() => docs.stats().commands.forcesave.accepted === 1)
    await Promise.all([first, docs.forcesave('k1'), docs.forcesave('k2')])
    // Nothing is new, nothing is known, and a conversion fails.
    await docs.forcesave('k2')
    await docs.forcesave('nobodys')
    editors[1]?.type('y')
    server.conversion.fails = true
    await failure(docs.forcesave('k2'), 'CONVERSION_FAILED')
    server.conversion.fails = false
    await docs.info('k1')
    editors[0]?.type('z')
    const last = docs.forcesave('k1')
    await editors[0]?.close()
    await last
    await server.idle()

    const entries = entriesIn(
      (await listen(address, (told) => ofType(entriesIn(told), 'call-ended').length === 8)).told,
    )
    const live = ofType(entries, 'verdict').filter(({ id }) =>
      ofType(entries, 'call').some((call) => call.id === id),
    )
    const given = (key: string): string[] =>
      live
        .filter((verdict) => verdict.key === key)
        .map(({ outcome, rule, certain }) => `${outcome} ${rule} ${certain ?? ''}`)
    for (const key of [undefined, 'k1', 'k2', 'nobodys']) {
      const query = key === undefined ? '' : `?key=${key}`
      const file = await (await fetch(`${address}/record.jsonl${query}`)).text()
      const recording = recordingIn('live', file)
      const played = await playOurs(recording, recording.options)
      for (const one of key === undefined ? ['k1', 'k2', 'nobodys'] : [key]) {
        const verdicts = played.commands
          .filter(({ recorded }) => recorded.key === one)
          .map((command) => verdictOf(command, played))
          .map(inShort)
        assert.deepEqual(
          verdicts.sort(),
          given(one).sort(),
          `${one} in the download of ${key ?? 'all'}`,
        )
      }
    }
    assert.equal(live.length, 8)
  })
})
