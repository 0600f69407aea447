/** The calls against the simulated Docs server, over real HTTP: what they resolve and reject with. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RejectSave, type Docs, type DocsOptions } from '../src/index.js'
import { virtualClock } from '../src/testing/index.js'
import { closedPort, response, startServer } from './faulty-server.js'
import { gate, LIMIT, passTime } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'
import { linesIn } from './support/lines-in.js'

describe('forcesave', LIMIT, () => {
  it('resolves `saved` with what was stored, field by field', async (t) => {
    const { docs, open, app, server } = await startPair(t)
    const editor = await open('k1')
    editor.type('hello')
    const result = await docs.forcesave('k1', { userdata: 'mine' })
    assert.ok(result.outcome === 'saved' && result.lastSave instanceof Date)
    assert.ok(Math.abs(result.lastSave.getTime() - Date.now()) < 60_000)
    const { lastSave: _lastSave, ...rest } = result
    assert.deepEqual(rest, {
      outcome: 'saved',
      key: 'k1',
      stored: { version: 1 },
      final: false,
      trigger: 'command',
      filetype: 'docx',
      users: ['u1'],
      userdata: 'mine',
      certain: true,
    })
    const [{ text, ref, save } = assert.fail()] = app.stored
    assert.deepEqual([text, ref, save.userdata], ['1 u1 hello\n', 'file of k1', 'mine'])
    assert.equal(server.edits('k1'), 1)
  })

  it('resolves `unchanged`, `no-changes` when everything is stored', async (t) => {
    const { docs, open } = await startPair(t)
    const editor = await open('k1')
    editor.type('hello')
    await docs.forcesave('k1')
    const expected = { outcome: 'unchanged', key: 'k1', reason: 'no-changes', certain: true }
    assert.deepEqual(await docs.forcesave('k1'), expected)
  })

  it('says `certain: false` where others may save too', async (t) => {
    const { docs, open } = await startPair(t, { otherSaves: true, grace: 20 })
    await open('k1')
    assert.deepEqual(await docs.forcesave('k1'), {
      ...{ outcome: 'unchanged', key: 'k1', reason: 'no-changes' },
      ...{ certain: false, doubt: 'others-may-save' },
    })
  })

  it('resolves `unchanged`, `not-open` for a key that nobody knows', async (t) => {
    const { docs } = await startPair(t)
    const expected = { outcome: 'unchanged', key: 'nobodys', reason: 'not-open', certain: true }
    assert.deepEqual(await docs.forcesave('nobodys'), expected)
  })

  it('resolves with the final save when the editors leave meanwhile', async (t) => {
    const { docs, open, server } = await startPair(t)
    const editor = await open('k1')
    editor.type('last words')
    server.conversion.delay = ({ kind }) => (kind === 'forced' ? 500 : 0)
    const { id } = await docs.startForcesave('k1', { userdata: 'mine' })
    void editor.close()
    const result = await docs.outcome(id)
    assert.ok(result.outcome === 'saved')
    assert.deepEqual([result.final, result.trigger, result.userdata], [true, 'close', 'mine'])
  })

  const userdata = ['', 'x', 'a:b::c', '{"a":[1]}', '\u{1f600} größe \0 \n "', 'é'.repeat(512)]
  for (const given of [...userdata, 'x'.repeat(1024)]) {
    it(`brings its userdata back: ${JSON.stringify(given.slice(0, 20))}, ${given.length} characters`, async (t) => {
      const { docs, open, app } = await startPair(t)
      ;(await open('k1')).type('x')
      const result = await docs.forcesave('k1', { userdata: given })
      assert.ok(result.outcome === 'saved')
      assert.equal(result.userdata, given)
      assert.equal(app.stored[0]?.save.userdata, given)
    })
  }

  it('without userdata tells none', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const result = await docs.forcesave('k1')
    assert.ok(result.outcome === 'saved' && result.userdata === undefined)
  })

  it('CONVERSION_FAILED, then 3 until somebody edits again, then `saved`', async (t) => {
    const { docs, open, server } = await startPair(t)
    const editor = await open('k1')
    editor.type('x')
    server.conversion.fails = true
    const failed = await failure(docs.forcesave('k1'), 'CONVERSION_FAILED')
    assert.deepEqual([failed.key, failed.retryable, failed.error], ['k1', true, undefined])
    const again = await failure(docs.forcesave('k1'), 'CONVERSION_FAILED')
    assert.deepEqual([again.key, again.retryable, again.error], ['k1', true, undefined])
    server.conversion.fails = false
    editor.type('y')
    assert.equal((await docs.forcesave('k1')).outcome, 'saved')
  })

  it('STORAGE_FAILED with what onSave threw, and `saved` by the next one', async (t) => {
    let broken = true
    const { docs, open } = await startPair(t, {
      retries: 0,
      onSave() {
        if (broken) throw new RangeError('the disk is full')
        return 'stored'
      },
    })
    ;(await open('k1')).type('x')
    const error = await failure(docs.forcesave('k1'), 'STORAGE_FAILED')
    assert.deepEqual([error.key, error.retryable], ['k1', true])
    assert.ok(error.cause instanceof Error)
    assert.deepEqual([error.cause.name, error.cause.message], ['RangeError', 'the disk is full'])
    broken = false
    const result = await docs.forcesave('k1')
    assert.ok(result.outcome === 'saved' && result.stored === 'stored')
  })

  it('STORAGE_FAILED, not to be tried again, where onSave throws a RejectSave', async (t) => {
    const { docs, open } = await startPair(t, {
      onSave() {
        throw new RejectSave('the file was deleted')
      },
    })
    ;(await open('k1')).type('x')
    const error = await failure(docs.forcesave('k1'), 'STORAGE_FAILED')
    assert.equal(error.retryable, false)
    assert.equal((error.cause as Error).message, 'the file was deleted')
  })

  it('COMMAND_REJECTED with 6 where the secrets differ', async (t) => {
    const { docs } = await startPair(t, { secret: 'another secret, another secret, another' })
    const error = await failure(docs.forcesave('k1'), 'COMMAND_REJECTED')
    assert.deepEqual([error.key, error.error, error.retryable], ['k1', 6, false])
    assert.match(error.message, /bad token.*secret/)
    assert.doesNotMatch(error.message, /another secret/)
  })

  it('UNREACHABLE where nobody listens', async (t) => {
    const server = (await closedPort()).href
    const { createDocs } = await import('../src/index.js')
    const docs = createDocs({ server, secret: null, onSave: () => {} })
    t.after(() => docs.close())
    const error = await failure(docs.forcesave('k1'), 'UNREACHABLE')
    assert.deepEqual([error.key, error.retryable], ['k1', true])
    assert.match(error.message, /the command was not sent/)
    await failure(docs.startForcesave('k1'), 'UNREACHABLE')
    await failure(docs.info('k1'), 'UNREACHABLE')
    await failure(docs.version(), 'UNREACHABLE')
  })

  it('BAD_RESPONSE where no Docs server answers', async (t) => {
    const { url } = await startServer(t, (socket) => socket.write(response(200, '<html>')))
    const { createDocs } = await import('../src/index.js')
    const docs = createDocs({ server: url.href, secret: null, onSave: () => {}, grace: 10 })
    t.after(() => docs.close())
    for (const call of ['forcesave', 'startForcesave', 'info'] as const) {
      const error = await failure(docs[call]('k1'), 'BAD_RESPONSE')
      assert.equal(error.key, 'k1')
    }
    await failure(docs.license(), 'BAD_RESPONSE')
  })

  it('TIMEOUT where silence follows: by its own timeout, else by the option', async (t) => {
    const clock = virtualClock()
    const { docs, open, server } = await startPair(t, { clock, timeout: 40_000 })
    const opened = passTime(clock, open('k1'))
    ;(await opened).type('x')
    server.encrypted.add('k1')
    for (const [options, timeout] of [
      [{ timeout: 7_000 }, 7_000],
      [{}, 40_000],
    ] as const) {
      const before = clock.now()
      const error = await passTime(clock, failure(docs.forcesave('k1', options), 'TIMEOUT'))
      assert.deepEqual([error.key, error.retryable], ['k1', true])
      assert.equal(clock.now() - before, timeout)
    }
  })
})

describe('startForcesave and outcome', LIMIT, () => {
  it('tell the id and the answer first, the result later, to any number of waiters', async (t) => {
    const stored = gate()
    const { docs, open } = await startPair(t, {
      async onSave() {
        await stored.opened
        return 7
      },
    })
    ;(await open('k1')).type('x')
    const { id, ...rest } = await docs.startForcesave('k1', { userdata: 'mine' })
    assert.deepEqual(rest, { key: 'k1', response: { error: 0 } })
    const waiting = [docs.outcome(id), docs.outcome(id)]
    stored.open()
    const [first, second] = await Promise.all(waiting)
    assert.ok(first?.outcome === 'saved' && first.stored === 7 && first.userdata === 'mine')
    assert.deepEqual(second, first)
    assert.deepEqual(await docs.outcome(id), first, 'after the verdict')
  })

  it('a wait`s own timeout ends the wait, not the record', async (t) => {
    const stored = gate()
    const { docs, open } = await startPair(t, { onSave: () => stored.opened })
    ;(await open('k1')).type('x')
    const { id } = await docs.startForcesave('k1')
    assert.equal((await failure(docs.outcome(id, { timeout: 1 }), 'TIMEOUT')).key, 'k1')
    stored.open()
    assert.equal((await docs.outcome(id)).outcome, 'saved')
  })

  it('a failure comes to every waiter, and again later', async (t) => {
    const { docs, open, server } = await startPair(t)
    ;(await open('k1')).type('x')
    server.conversion.fails = true
    const { id } = await docs.startForcesave('k1')
    assert.equal((await failure(docs.outcome(id), 'CONVERSION_FAILED')).key, 'k1')
    assert.equal((await failure(docs.outcome(id), 'CONVERSION_FAILED')).key, 'k1')
  })

  it('answers 4 and 1 start as well; their outcome tells what they mean', async (t) => {
    const { docs, open } = await startPair(t)
    await open('k1')
    const nothing = await docs.startForcesave('k1')
    assert.deepEqual(nothing.response, { error: 4 })
    assert.equal((await docs.outcome(nothing.id)).outcome, 'unchanged')
    const unknown = await docs.startForcesave('nobodys')
    assert.deepEqual(unknown.response, { error: 1 })
    const expected = { outcome: 'unchanged', key: 'nobodys', reason: 'not-open', certain: true }
    assert.deepEqual(await docs.outcome(unknown.id), expected)
  })

  it('a refused command does not start', async (t) => {
    const { docs } = await startPair(t, { secret: 'another secret, another secret, another' })
    const error = await failure(docs.startForcesave('k1'), 'COMMAND_REJECTED')
    assert.deepEqual([error.key, error.error], ['k1', 6])
  })

  it('an id that is not known, or none at all, is BAD_OPTION', async (t) => {
    const { docs, open } = await startPair(t)
    ;(await open('k1')).type('x')
    const { id } = await docs.startForcesave('k1')
    await docs.outcome(id)
    const other = id.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))
    for (const bad of [other, id.replace('.k1', '.k2'), 'x', '', id.slice(1), `${id}:`, '.k1', 5]) {
      const error = await failure(docs.outcome(bad as string), 'BAD_OPTION')
      assert.match(error.message, /^id: /)
    }
  })

  it('is forgotten after the retention time', async (t) => {
    const clock = virtualClock()
    const { docs, open } = await startPair(t, { clock, retention: 900_000 })
    const editor = await passTime(clock, open('k1'))
    editor.type('x')
    const { id } = await passTime(clock, docs.startForcesave('k1'))
    await passTime(clock, docs.outcome(id))
    await clock.advance(1_801_000)
    await failure(docs.outcome(id), 'BAD_OPTION')
  })
})

describe('info', LIMIT, () => {
  it('tells who edits', async (t) => {
    const { docs, open } = await startPair(t)
    await open('k1', 'u1')
    await open('k1', 'u2')
    const expected = { key: 'k1', status: 'editing', users: ['u1', 'u2'] }
    assert.deepEqual(await docs.info('k1'), expected)
  })
  it('tells that nobody does', async (t) => {
    const { docs, open, server } = await startPair(t)
    await (await open('k1')).close()
    await server.idle()
    assert.deepEqual(await docs.info('k1'), { key: 'k1', status: 'closed', users: [] })
  })
  it('of an unknown key: COMMAND_REJECTED with 1', async (t) => {
    const { docs } = await startPair(t)
    const error = await failure(docs.info('nobodys'), 'COMMAND_REJECTED')
    assert.deepEqual([error.key, error.error], ['nobodys', 1])
    assert.match(error.message, /answered info with error 1, unknown key/)
  })
  it('TIMEOUT where its callback goes to somebody else', async (t) => {
    const clock = virtualClock()
    const { docs, server } = await startPair(t, { clock, commandTimeout: 5_000 })
    const elsewhere = await startServer(t, (socket) => socket.write(response(200, '{"error":0}')))
    const callbackUrl = elsewhere.url.href
    await passTime(clock, server.open('k1', { user: 'u1', callbackUrl }))
    const before = clock.now()
    const error = await passTime(clock, failure(docs.info('k1'), 'TIMEOUT'))
    assert.deepEqual([error.key, clock.now() - before], ['k1', 5_000])
  })
})

describe('meta, drop, version, license', LIMIT, () => {
  it('meta sends the title and resolves when it is accepted', async (t) => {
    const { docs, open, server } = await startPair(t)
    await open('k1')
    assert.equal(await docs.meta('k1', { title: 'Größe "1".docx' }), undefined)
    const sent = server.log.findLast(({ type }) => type === 'command')
    const { token: _token, ...body } = (sent as { body: Record<string, unknown> }).body
    assert.deepEqual(body, { c: 'meta', key: 'k1', meta: { title: 'Größe "1".docx' } })
  })
  it('drop disconnects the users named, or all', async (t) => {
    const { docs, open, server } = await startPair(t)
    for (const user of ['u1', 'u2', 'u3']) await open('k1', user)
    assert.equal(await docs.drop('k1', ['u2']), undefined)
    await server.idle()
    assert.deepEqual((await docs.info('k1')).users, ['u1', 'u3'])
    await docs.drop('k1')
    await server.idle()
    assert.equal((await docs.info('k1')).status, 'closed')
  })
  it('both reject for a key that nobody knows', async (t) => {
    const { docs } = await startPair(t)
    const calls = [() => docs.meta('nobodys', { title: 't' }), () => docs.drop('nobodys', [])]
    for (const call of calls) {
      const error = await failure(call(), 'COMMAND_REJECTED')
      assert.deepEqual([error.key, error.error, error.retryable], ['nobodys', 1, false])
    }
  })
  it('version and license tell what the Docs server says, without `error`', async (t) => {
    const { docs } = await startPair(t)
    assert.deepEqual(await docs.version(), { version: '4.1.2.37' })
    const license = await docs.license()
    assert.deepEqual(Object.keys(license), ['license', 'server', 'quota'])
    assert.equal(license.license['connections'], 20)
    assert.equal(license.server['buildVersion'], '4.1.2')
  })
})

describe('forgotten', LIMIT, () => {
  /** A final save of `k1` that nobody took. */
  async function withForgotten(t: Parameters<typeof startPair>[0]) {
    let taken = false
    const texts: [trigger: string, ref: string, text: string][] = []
    const pair = await startPair(t, {
      async onSave(save) {
        if (!taken) throw new RejectSave('not now')
        const { stream } = await save.download()
        let text = ''
        for await (const chunk of stream) text += Buffer.from(chunk).toString()
        texts.push([save.trigger, save.ref, linesIn(text)])
        return 'taken'
      },
    })
    const editor = await pair.open('k1')
    editor.type('precious')
    await editor.close()
    await pair.server.idle()
    return { ...pair, texts, take: () => void (taken = true) }
  }

  it('list, url and delete: what is there, and what is not', async (t) => {
    const { docs, server } = await withForgotten(t)
    assert.deepEqual(await docs.forgotten.list(), ['k1'])
    const url = await docs.forgotten.url('k1')
    assert.equal(linesIn(await (await fetch(url!)).text()), '1 u1 precious\n')
    assert.equal(await docs.forgotten.url('nobodys'), undefined)
    assert.equal(await docs.forgotten.delete('nobodys'), false)
    assert.equal(await docs.forgotten.delete('k1'), true)
    assert.equal(await docs.forgotten.delete('k1'), false)
    assert.deepEqual(server.forgotten, [])
    assert.deepEqual(await docs.forgotten.list(), [])
  })

  it('a forcesave for its key takes it in, and it is deleted once stored (settlement 8)', async (t) => {
    const { docs, server, take, texts } = await withForgotten(t)
    server.expire('k1')
    take()
    const result = await docs.forcesave('k1', { userdata: 'mine' })
    assert.ok(result.outcome === 'saved')
    assert.deepEqual(
      [result.trigger, result.final, result.stored, result.userdata, result.filetype],
      ['forgotten', true, 'taken', 'mine', 'docx'],
    )
    assert.deepEqual(texts, [['forgotten', 'file of k1', '1 u1 precious\n']])
    assert.deepEqual(server.forgotten, [])
    assert.equal((await docs.forcesave('k1')).outcome, 'unchanged')
  })

  it('that onSave does not take stays where it is, and the forcesave fails', async (t) => {
    const { docs, server } = await withForgotten(t)
    server.expire('k1')
    await failure(docs.forcesave('k1'), 'STORAGE_FAILED')
    assert.deepEqual(server.forgotten, ['k1'])
  })

  it('whose ref no callback has told is not taken in, and the error says how to get it', async (t) => {
    const { server } = await withForgotten(t)
    server.expire('k1')
    const { createDocs } = await import('../src/index.js')
    const { SECRET } = await import('./support/app.js')
    const fresh = createDocs({ server: server.url, secret: SECRET, onSave: () => {} })
    t.after(() => fresh.close())
    const error = await failure(fresh.forcesave('k1'), 'STORAGE_FAILED')
    assert.equal(error.retryable, false)
    assert.match(error.message, /docs\.forgotten\.url\(key\)/)
    assert.deepEqual(server.forgotten, ['k1'])
  })
})

describe(
  'bad input 34: bad arguments are BAD_OPTION that names them, and nothing is sent',
  LIMIT,
  () => {
    type Call = (docs: Docs) => unknown
    const bad = (value: unknown): never => value as never
    const keys = [
      undefined,
      null,
      5,
      '',
      '.',
      '..',
      'a:b',
      'a/b',
      'ü',
      'k\n',
      'k'.repeat(129),
      {},
      ['k1'],
    ]
    const timeouts = ['60', '5s', '', Number.NaN, -1, 0, 2.5, 2 ** 31, -Infinity, null, {}, 60n]
    const texts = ['x'.repeat(1025), 'é'.repeat(513), {}, 5, null, ['x'], '\ud800', 'a\udfff']
    const calls: [name: string, values: unknown[], make: (value: unknown) => Call[]][] = [
      [
        'key',
        keys,
        (key) => [
          (docs) => docs.forcesave(bad(key)),
          (docs) => docs.startForcesave(bad(key)),
          (docs) => docs.info(bad(key)),
          (docs) => docs.meta(bad(key), { title: 't' }),
          (docs) => docs.drop(bad(key)),
          (docs) => docs.forgotten.url(bad(key)),
          (docs) => docs.forgotten.delete(bad(key)),
        ],
      ],
      [
        'timeout',
        timeouts,
        (timeout) => {
          const options = { timeout: timeout as number }
          return [
            (docs) => docs.forcesave('k1', options),
            (docs) => docs.startForcesave('k1', options),
            (docs) => docs.outcome(`${'A'.repeat(22)}.k1`, options),
            (docs) => docs.info('k1', options),
            (docs) => docs.meta('k1', { title: 't' }, options),
            (docs) => docs.drop('k1', [], options),
            (docs) => docs.version(options),
            (docs) => docs.license(options),
            (docs) => docs.forgotten.list(bad(options)),
            (docs) => docs.forgotten.url('k1', bad(options)),
            (docs) => docs.forgotten.delete('k1', bad(options)),
          ]
        },
      ],
      [
        'userdata',
        texts,
        (userdata) => [
          (docs) => docs.forcesave('k1', { userdata: bad(userdata) }),
          (docs) => docs.startForcesave('k1', { userdata: bad(userdata) }),
        ],
      ],
      [
        'title',
        [undefined, null, '', 5, {}],
        (title) => [(docs) => docs.meta('k1', { title: bad(title) })],
      ],
      [
        'users',
        [null, 'u1', {}, [5], [undefined]],
        (users) => [(docs) => docs.drop('k1', bad(users))],
      ],
      ['meta', [undefined, null], (meta) => [(docs) => docs.meta('k1', bad(meta))]],
      [
        'options',
        [null, 5, 'x'],
        (options) => [
          (docs) => docs.forcesave('k1', bad(options)),
          (docs) => docs.info('k1', bad(options)),
          (docs) => docs.version(bad(options)),
          (docs) => docs.forgotten.list(bad(options)),
        ],
      ],
      [
        'signal',
        [5, {}, new AbortController()],
        (signal) => [
          (docs) => docs.forcesave('k1', { signal: bad(signal) }),
          (docs) => docs.version({ signal: bad(signal) }),
        ],
      ],
    ]
    for (const [name, values, make] of calls) {
      it(name, async (t) => {
        const { docs, commands } = await startPair(t)
        for (const value of values) {
          for (const call of make(value)) {
            // An async call: it rejects, and does not throw.
            const error = await failure(call(docs) as Promise<unknown>, 'BAD_OPTION')
            assert.ok(error.message.startsWith(`${name}: `), error.message)
            assert.equal(error.retryable, false)
          }
        }
        assert.deepEqual(commands(), [])
      })
    }
    it('ref: thrown at once by callbackUrl()', async (t) => {
      const { docs } = await startPair(t)
      for (const ref of [undefined, null, '', 5, {}, 'x'.repeat(1025), '\ud800']) {
        assert.throws(() => docs.callbackUrl(bad(ref)), {
          code: 'BAD_OPTION',
          message: /^ref: got /,
        })
      }
    })
    it('an option that is undefined counts as left out', async (t) => {
      const { docs } = await startPair(t)
      const options = { signal: undefined, timeout: undefined, userdata: undefined }
      assert.equal((await docs.forcesave('k1', options)).outcome, 'unchanged')
      assert.deepEqual(await docs.version(options), { version: '4.1.2.37' })
    })
    it('Infinity is a timeout', async (t) => {
      const { docs } = await startPair(t)
      assert.equal((await docs.forcesave('k1', { timeout: Infinity })).outcome, 'unchanged')
      assert.deepEqual(await docs.version({ timeout: Infinity }), { version: '4.1.2.37' })
    })
  },
)

describe('bad input 37: what onSave does', LIMIT, () => {
  const circular: unknown[] = []
  circular.push(circular)
  const results: [what: string, result: unknown, stored: unknown][] = [
    ['undefined', undefined, null],
    ['null', null, null],
    ['0', 0, 0],
    ['a text', 'x', 'x'],
    ['a Date, which JSON writes as a text', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an object', { version: 7, skipped: undefined }, { version: 7 }],
    ['a circular object', circular, null],
    ['a BigInt', 5n, null],
    ['a function', () => {}, null],
    ['a symbol', Symbol('s'), null],
    ['NaN', Number.NaN, null],
    ['65,536 characters of JSON', 'x'.repeat(65_534), 'x'.repeat(65_534)],
    ['65,537 characters of JSON', 'x'.repeat(65_535), null],
    ['10 MB', 'x'.repeat(10 * 1024 * 1024), null],
  ]
  for (const [what, result, stored] of results) {
    it(`returns ${what}: the file is stored, whatever becomes of the result`, async (t) => {
      const { docs, open, server } = await startPair(t, { onSave: () => result })
      ;(await open('k1')).type('x')
      const saved = await docs.forcesave('k1')
      assert.ok(saved.outcome === 'saved')
      assert.deepEqual(saved.stored, stored)
      await server.idle()
      assert.deepEqual(replies(server), [{ error: 0 }])
    })
  }

  const thrown: [what: string, value: unknown, message: string][] = [
    ['a text', 'just a text', 'just a text'],
    ['undefined', undefined, ''],
    ['null', null, ''],
    ['an object', { code: 5 }, ''],
    ['an error', new TypeError('inner'), 'inner'],
  ]
  for (const [what, value, message] of thrown) {
    it(`throws ${what}: STORAGE_FAILED with a cause`, async (t) => {
      const onSave: DocsOptions['onSave'] = () => {
        throw value
      }
      const { docs, open } = await startPair(t, { retries: 0, onSave })
      ;(await open('k1')).type('x')
      const error = await failure(docs.forcesave('k1'), 'STORAGE_FAILED')
      if (value !== undefined) assert.ok(error.cause instanceof Error)
      assert.equal((error.cause as Error | undefined)?.message ?? '', message)
    })
  }

  it('never settles: TIMEOUT by the call`s deadline, 503 by that of the reply', async (t) => {
    const clock = virtualClock()
    const { docs, open, server } = await startPair(t, {
      clock,
      onSave: () => new Promise(() => {}),
      timeout: 20_000,
      replyTimeout: 50_000,
    })
    ;(await passTime(clock, open('k1'))).type('x')
    const before = clock.now()
    await passTime(clock, failure(docs.forcesave('k1'), 'TIMEOUT'))
    assert.equal(clock.now() - before, 20_000)
    await passTime(clock, server.idle('k1'))
    const reply = server.log.findLast(({ type }) => type === 'reply')
    assert.equal((reply as { status?: number }).status, 503)
  })

  it('settles after its time was up: the save is stored, and the next call knows', async (t) => {
    const stored = gate()
    const { docs, open } = await startPair(t, { onSave: () => stored.opened })
    ;(await open('k1')).type('x')
    const saved = new Promise((resolve) => docs.on('saved', resolve))
    const late = new Promise((resolve) => docs.on('late', resolve))
    await failure(docs.forcesave('k1', { timeout: 100 }), 'TIMEOUT')
    stored.open()
    await Promise.all([saved, late])
    assert.notEqual((await docs.forcesave('k1')).outcome, 'failed')
  })

  it('asks for info on its own key: no deadlock', async (t) => {
    const told: unknown[] = []
    const { docs, open } = await startPair(t, {
      async onSave(save) {
        told.push(await docs.info(save.key))
      },
    })
    ;(await open('k1')).type('x')
    assert.equal((await docs.forcesave('k1')).outcome, 'saved')
    assert.deepEqual(told, [{ key: 'k1', status: 'editing', users: ['u1'] }])
  })

  it('calls forcesave on its own key: that one is refused at once, and the save goes on', async (t) => {
    const inner: string[] = []
    const { docs, open } = await startPair(t, {
      async onSave(save) {
        inner.push((await failure(docs.forcesave(save.key), 'BAD_OPTION')).code)
      },
    })
    ;(await open('k1')).type('x')
    assert.equal((await docs.forcesave('k1')).outcome, 'saved')
    assert.deepEqual(inner, ['BAD_OPTION'])
  })

  it('calls close(): its own save ends, and the others are told', async (t) => {
    const clock = virtualClock()
    const { docs, open } = await startPair(t, { clock, onSave: () => docs.close() })
    ;(await passTime(clock, open('k1'))).type('x')
    await passTime(clock, failure(docs.forcesave('k1'), 'CLOSED'))
    await passTime(clock, docs.close())
  })

  /** The replies to callbacks of saves. */
  function replies({ log }: { log: readonly object[] }): unknown[] {
    const entries = log as { type: string; id: number; body: { status?: number } }[]
    const saves = entries.filter(({ type, body }) => type === 'callback' && body.status === 6)
    return saves.map(
      ({ id }) => entries.find((entry) => entry.type === 'reply' && entry.id === id)?.body,
    )
  }
})
