/** The options of createDocs(): defaults, and what is refused, in words that help. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createDocs, isDocsError, type DocsOptions } from '../src/index.js'
import { resolveOptions } from '../src/options.js'

const SECRET = 'a secret of the tests, long enough'
const required: DocsOptions = { server: 'http://docs.internal', secret: SECRET, onSave: () => {} }

const resolve = (change: object) => resolveOptions({ ...required, ...change })

/** The message that these options are refused with, when the application is made. */
function refusal(change: object): string {
  try {
    // A createDocs() that goes through leaves nothing open: no connection, no timer.
    createDocs({ ...required, ...change })
  } catch (error) {
    assert.ok(isDocsError(error, 'BAD_OPTION'), String(error))
    assert.equal(error.retryable, false)
    return error.message
  }
  return assert.fail('it was taken')
}

describe('defaults', () => {
  it('are these', () => {
    const { server, secrets, onSave, onConversionFailed, logger, ...rest } = resolve({})
    assert.equal(server.href, 'http://docs.internal/')
    assert.deepEqual(secrets, [SECRET])
    assert.equal(onSave, required.onSave)
    assert.equal(onConversionFailed({ key: 'k', ref: 'r', final: true, users: [] }), 'keep')
    assert.deepEqual(Object.keys(logger), ['debug', 'info', 'warn', 'error'])
    assert.deepEqual(rest, {
      publicUrl: undefined,
      refOf: undefined,
      keys: undefined,
      recoverEvery: undefined,
      prefix: 'docs',
      path: '/docs/callback',
      token: {
        header: 'Authorization',
        prefix: 'Bearer ',
        algorithms: ['HS256'],
        in: 'body',
        expiresIn: 300,
        clockTolerance: 60,
      },
      otherSaves: true,
      olderSaves: false,
      grace: 1_000,
      nudgeAfter: 10_000,
      retries: 2,
      worker: { concurrency: 16 },
      redis: undefined,
      replyTimeout: 50_000,
      timeout: 60_000,
      commandTimeout: 15_000,
      commandMethod: 'POST',
      nodes: [],
      maxBody: 10 * 1024 * 1024,
      maxDownload: 1024 ** 3,
      downloadTimeout: 120_000,
      checkContent: true,
      downloadOrigins: [],
      retention: 3_600_000,
    })
  })

  it('stand for every option that is undefined', () => {
    const names = Object.keys(resolve({})).filter(
      (name) => !['server', 'secrets', 'onSave'].includes(name),
    )
    const left = Object.fromEntries(names.map((name) => [name, undefined]))
    assert.deepEqual(resolve({ ...left, allowWeakSecret: undefined }), resolve({}))
  })

  for (const name of ['header', 'prefix', 'algorithms', 'in', 'expiresIn', 'clockTolerance']) {
    it(`stand for a token.${name} that is undefined`, () => {
      assert.deepEqual(resolve({ token: { [name]: undefined } }), resolve({}))
    })
  }

  it('stay where only some fields of token are given', () => {
    const { token } = resolve({ token: { in: 'header', algorithms: ['HS512', 'HS256'] } })
    assert.deepEqual(token, {
      ...resolve({}).token,
      in: 'header',
      algorithms: ['HS512', 'HS256'],
    })
  })
})

describe('nodes and commandMethod', () => {
  it('are taken, each node once', () => {
    const given = ['http://docs-0.internal', 'http://docs-1.internal/x/', 'http://docs-0.internal/']
    const { nodes, commandMethod } = resolve({ nodes: given, commandMethod: 'GET' })
    assert.deepEqual(
      nodes.map(({ href }) => href),
      ['http://docs-0.internal/', 'http://docs-1.internal/x'],
    )
    assert.equal(commandMethod, 'GET')
  })
  it('say what is wrong with them', () => {
    assert.match(refusal({ nodes: 'http://docs-0.internal' }), /^nodes: .*an array of addresses/)
    const message = refusal({ nodes: ['http://a', 'http://user:hunter2@b'] })
    assert.match(message, /^nodes\[1\]: /)
    assert.doesNotMatch(message, /hunter2/)
    assert.match(refusal({ commandMethod: 'get' }), /^commandMethod: .*'POST' and 'GET'/)
  })
})

describe('bad input 31: server and publicUrl', () => {
  const good: [given: string, server: string, publicUrl: string][] = [
    ['http://docs.internal', 'http://docs.internal/', 'http://docs.internal'],
    ['http://docs.internal/', 'http://docs.internal/', 'http://docs.internal'],
    ['https://x.example:8443/docs', 'https://x.example:8443/docs', 'https://x.example:8443/docs'],
    ['https://x.example/docs/', 'https://x.example/docs', 'https://x.example/docs'],
    ['https://x.example/a/b//', 'https://x.example/a/b', 'https://x.example/a/b'],
    ['http://[::1]:8080', 'http://[::1]:8080/', 'http://[::1]:8080'],
    ['HTTP://Docs.Internal', 'http://docs.internal/', 'http://docs.internal'],
  ]
  for (const [given, server, publicUrl] of good) {
    it(`${given} is taken`, () => {
      const options = resolve({ server: given, publicUrl: given })
      assert.equal(options.server.href, server)
      assert.equal(options.publicUrl, publicUrl)
      const docs = createDocs({ ...required, publicUrl: given })
      assert.ok(docs.callbackUrl('r').startsWith(`${publicUrl}/docs/callback/`))
    })
  }
  const bad: [what: string, given: unknown][] = [
    ['no scheme', 'docs.internal'],
    ['no scheme, with a port', 'docs.internal:8080'],
    ['a path only', '/docs'],
    ['another scheme', 'ftp://docs.internal'],
    ['a scheme only', 'http://'],
    ['empty', ''],
    ['credentials', 'http://user:hunter2@docs.internal'],
    ['a user', 'http://hunter2@docs.internal'],
    ['a query', 'http://docs.internal?key=hunter2'],
    ['a fragment', 'http://docs.internal#hunter2'],
    ['an empty query', 'http://docs.internal/x?'],
    ['an empty fragment', 'http://docs.internal/x#'],
    ['a space before it', ' http://docs.internal'],
    ['a space behind it', 'http://docs.internal '],
    ['a space inside', 'http://docs.internal/a b'],
    ['a line break inside', 'http://docs.internal/a\nb'],
    ['a number', 80],
    ['null', null],
    ['a URL object', new URL('http://docs.internal')],
    ['an array', ['http://docs.internal']],
  ]
  for (const [what, given] of bad) {
    for (const name of ['server', 'publicUrl']) {
      it(`${name}: ${what} is refused`, () => {
        const message = refusal({ [name]: given })
        assert.ok(message.startsWith(`${name}: got `), message)
        assert.match(message, /give an address like http:\/\/docs\.internal/)
        assert.doesNotMatch(message, /hunter2/)
      })
    }
  }
  it('server is required', () => {
    assert.match(refusal({ server: undefined }), /^server: got undefined; give an address/)
  })
  it('publicUrl is needed by callbackUrl(), which says so', () => {
    assert.throws(
      () => createDocs(required).callbackUrl('r'),
      (error) => isDocsError(error, 'BAD_OPTION') && error.message.startsWith('publicUrl: '),
    )
  })
})

describe('bad input 32: secret', () => {
  it('a text of 32 bytes, [current, previous] and null are taken', () => {
    assert.deepEqual(resolve({ secret: 'x'.repeat(32) }).secrets, ['x'.repeat(32)])
    assert.deepEqual(resolve({ secret: 'ü'.repeat(16) }).secrets, ['ü'.repeat(16)])
    const both = ['x'.repeat(32), 'y'.repeat(32)]
    assert.deepEqual(resolve({ secret: both }).secrets, both)
    assert.equal(resolve({ secret: null }).secrets, null)
  })
  it('a weak one is taken where allowWeakSecret says so, an empty one never', () => {
    assert.deepEqual(resolve({ secret: 'weak', allowWeakSecret: true }).secrets, ['weak'])
    assert.match(refusal({ secret: '', allowWeakSecret: true }), /empty/)
    assert.match(refusal({ secret: ' weak', allowWeakSecret: true }), /white space/)
    assert.match(refusal({ secret: ['weak', ''], allowWeakSecret: true }), /empty/)
  })
  const bad: [what: string, secret: unknown, says: RegExp][] = [
    ['undefined', undefined, /missing.*null to turn tokens off/],
    ['""', '', /empty.*give the Docs server's secret, or null/],
    ['white space', '    ', /white space.*trim it/],
    ['" x "', ' hunter2-hunter2-hunter2-hunter2-hunter2 ', /white space/],
    ['a trailing newline', 'hunter2-hunter2-hunter2-hunter2-hunter2\n', /white space/],
    ['Buffer.alloc(0)', Buffer.alloc(0), /not a text/],
    ['a buffer', Buffer.from('hunter2-hunter2-hunter2-hunter2-hunter2'), /not a text/],
    ['"secret"', 'secret', /too weak.*32 bytes.*allowWeakSecret/],
    ['"verysecretstring"', 'verysecretstring', /too weak.*32 bytes.*allowWeakSecret/],
    ['31 bytes', 'hunter2-hunter2-hunter2-hunter2', /too weak/],
    ['a number', 5, /not a text/],
    ['false', false, /not a text/],
    ['an object', { secret: 'hunter2-hunter2-hunter2-hunter2-hunter2' }, /not a text/],
    ['no secrets', [], /allowed are a text, \[current, previous\], or null/],
    ['three secrets', Array(3).fill(SECRET), /allowed are a text, \[current, previous\], or null/],
    ['a weak previous one', [SECRET, 'hunter2'], /too weak/],
    ['an empty previous one', [SECRET, ''], /empty/],
    ['an undefined previous one', [SECRET, undefined], /not a text/],
    ['null among them', [SECRET, null], /not a text/],
  ]
  for (const [what, secret, says] of bad) {
    it(`${what} is refused, and not shown`, () => {
      const message = refusal({ secret })
      assert.ok(message.startsWith('secret: '), message)
      assert.match(message, says)
      assert.doesNotMatch(message, /hunter2|long enough|"secret"/)
    })
  }
})

describe('bad input 33: numbers', () => {
  const LONGEST = 2 ** 31 - 1
  const numbers: [name: string, least: number, most: number, infinite?: boolean][] = [
    ['grace', 0, LONGEST],
    ['nudgeAfter', 1, LONGEST],
    ['replyTimeout', 1, LONGEST],
    ['timeout', 1, LONGEST, true],
    ['commandTimeout', 1, LONGEST],
    ['downloadTimeout', 1, LONGEST],
    ['retention', 900_000, LONGEST],
    ['retries', 0, 10],
    ['maxBody', 1024, 2 ** 31],
    ['maxDownload', 1, Number.MAX_SAFE_INTEGER],
    ['token.expiresIn', 1, 86_400],
    ['token.clockTolerance', 0, 3_600],
  ]
  const change = (name: string, value: unknown): object =>
    name.startsWith('token.') ? { token: { [name.slice(6)]: value } } : { [name]: value }

  for (const [name, least, most, infinite = false] of numbers) {
    it(`${name}: from ${least} to ${most}${infinite ? ', or Infinity' : ''}`, () => {
      resolve(change(name, least))
      resolve(change(name, most))
      if (infinite) resolve(change(name, Infinity))
    })
    const bad = [
      ...['60', '5s', '', Number.NaN, -1, -Infinity, least - 1, most + 1, 2.5, 60n, null, true, {}],
      ...[[60], new Date(60)],
      ...(infinite ? [] : [Infinity]),
    ]
    it(`${name}: anything else is refused, naming it, the value and what is allowed`, () => {
      for (const value of bad) {
        const message = refusal(change(name, value))
        const prefix = `${name}: got ${shown(value)}; allowed is a whole number from ${least} to ${most}, `
        assert.ok(message.startsWith(prefix), message)
      }
    })
  }
  it('2^31 ms, at which a timer would fire at once, is refused', () => {
    assert.match(refusal({ timeout: 2 ** 31 }), /^timeout: got 2147483648;.*or Infinity$/)
  })
  function shown(value: unknown): string {
    if (typeof value === 'string') return JSON.stringify(value)
    if (Array.isArray(value)) return 'an array of 1'
    return typeof value === 'object' && value !== null ? 'an object' : String(value)
  }
})

describe('the others', () => {
  const good: object[] = [
    { prefix: 'a' },
    { prefix: 'A-b_9'.repeat(6) },
    { path: '/x' },
    { path: '/a.b/c~d/e-f_g' },
    { otherSaves: false },
    { downloadOrigins: ['https://docs.example.com', 'http://10.0.0.1:8080/'] },
    { downloadOrigins: ['https://*.docs.example.com', 'http://*.x.example:8080/'] },
    { token: {} },
    { token: { header: 'X-Docs-Token', prefix: '' } },
    { token: { algorithms: ['HS384', 'HS512'] } },
    { logger: console },
    { onConversionFailed: () => 'discard' },
    { refOf: () => undefined },
  ]
  for (const options of good) {
    it(`takes ${JSON.stringify(Object.entries(options)[0]!).slice(0, 60)}`, () => {
      createDocs({ ...required, ...options })
    })
  }

  const bad: [change: object, says: RegExp][] = [
    [{ onSave: undefined }, /^onSave: got undefined; give a function; only with worker: false/],
    [{ onSave: 'x' }, /^onSave: got "x"; give a function; only with worker: false/],
    [{ onConversionFailed: 'discard' }, /^onConversionFailed: got "discard"; give/],
    [{ refOf: 'x' }, /^refOf: got "x"; give a function$/],
    [{ keys: {} }, /^keys: got an object; give \{ get, set \}, two functions$/],
    [{ keys: { get: () => undefined } }, /^keys: got an object; give/],
    [{ recoverEvery: 59_999 }, /^recoverEvery: got 59999; allowed is a whole number from 60000 /],
    [{ recoverEvery: false }, /^recoverEvery: got false; allowed is a whole number from 60000 /],
    [{ prefix: '' }, /^prefix: got ""; allowed are 1 to 32 characters/],
    [{ prefix: 'a:b' }, /^prefix: got "a:b"; allowed/],
    [{ prefix: 'a\n' }, /^prefix: got "a\\n"; allowed/],
    [{ prefix: 'x'.repeat(33) }, /^prefix: got "x{33}"; allowed/],
    [{ prefix: 5 }, /^prefix: got 5; allowed/],
    [{ path: '' }, /^path: got ""; give a path like/],
    [{ path: '/' }, /^path: got "\/"; give a path like/],
    [{ path: 'docs' }, /^path: got "docs"; give a path like/],
    [{ path: '/docs/' }, /^path: got "\/docs\/"; give a path like/],
    [{ path: '/docs/:ref' }, /^path: got "\/docs\/:ref"; give a path like/],
    [{ path: '/do cs' }, /^path: got "\/do cs"; give a path like/],
    [{ path: '/docs?x' }, /^path: got "\/docs\?x"; give a path like/],
    [{ path: '/docs\n' }, /^path: got "\/docs\\n"; give a path like/],
    [{ path: '/docs/../x' }, /^path: got "\/docs\/\.\.\/x"; give a path like/],
    [{ path: '/./docs' }, /^path: got "\/\.\/docs"; give a path like/],
    [{ path: null }, /^path: got null; give a path like/],
    [{ checkContent: 'no' }, /^checkContent: got "no"; true or false$/],
    [{ otherSaves: 'no' }, /^otherSaves: got "no"; true or false$/],
    [{ allowWeakSecret: 'yes' }, /^allowWeakSecret: got "yes"; true or false$/],
    [{ downloadOrigins: 'https://x.example' }, /^downloadOrigins: got "https.*array of origins$/],
    [
      { downloadOrigins: ['x.example'] },
      /^downloadOrigins: got "x\.example"; allowed is an origin/,
    ],
    [
      { downloadOrigins: ['https://x.example/a'] },
      /^downloadOrigins: got "https.*allowed is an ori/,
    ],
    [{ downloadOrigins: ['ftp://x.example'] }, /^downloadOrigins: got "ftp.*allowed is an origin/],
    [{ downloadOrigins: ['*'] }, /^downloadOrigins: got "\*"; allowed is an origin/],
    // A pattern is `*` for the first label, and nothing else.
    ...[
      'https://*.example',
      'https://*',
      'https://*.*.x.example',
      'https://a.*.x.example',
      'https://x.*.example',
      'https://**.x.example',
      'https://*x.x.example',
      'https://*.x.example:*',
      'https://*.0.0.1',
      '*.x.example',
      '*://*.x.example',
      'https://*.x.example.',
      'https://*.x.example/a',
      'https://*.[::1]',
    ].map((origin): (typeof bad)[number] => [
      { downloadOrigins: [origin] },
      /^downloadOrigins: got ".*allowed is an origin like https:\/\/docs\.example\.com, or https:\/\/\*\./,
    ]),
    [{ downloadOrigins: [5] }, /^downloadOrigins: got 5; allowed is an origin/],
    [{ logger: null }, /^logger: got null; give something with pino's methods; debug is missing$/],
    [
      { logger: { debug() {}, info() {}, warn() {} } },
      /^logger: got an object;.*error is missing$/,
    ],
    [{ token: null }, /^token: got null; give an object$/],
    [{ token: 'x' }, /^token: got "x"; give an object$/],
    [{ token: [] }, /^token: got an array of 0; give an object$/],
    [{ token: { audience: 'x' } }, /^token\.audience: got "x"; there is no such option$/],
    [{ token: { in: 'query' } }, /^token\.in: got "query"; allowed are 'body' and 'header'$/],
    [
      { token: { algorithms: [] } },
      /^token\.algorithms: got an array of 0; allowed are HS256, HS384/,
    ],
    [{ token: { algorithms: 'HS256' } }, /^token\.algorithms: got "HS256"; allowed are HS256/],
    [
      { token: { algorithms: ['HS256', 'none'] } },
      /^token\.algorithms: got an array of 2; allowed/,
    ],
    [{ token: { algorithms: ['RS256'] } }, /^token\.algorithms: got an array of 1; allowed/],
    [{ token: { header: '' } }, /^token\.header: got ""; give the name of a header$/],
    [{ token: { header: 'A: b' } }, /^token\.header: got "A: b"; give the name of a header$/],
    [{ token: { prefix: 5 } }, /^token\.prefix: got 5; give a text/],
    [{ token: { prefix: 'Bearer\r\n' } }, /^token\.prefix: got "Bearer\\r\\n"; give a text/],
  ]
  for (const [change, says] of bad) {
    it(`refuses ${JSON.stringify(change).slice(0, 70)}`, () => assert.match(refusal(change), says))
  }

  it('refuses credentials in downloadOrigins without showing them', () => {
    for (const origin of ['https://u:hunter2@x.example', 'https://u:hunter2@*.x.example']) {
      const message = refusal({ downloadOrigins: [origin] })
      assert.match(message, /^downloadOrigins: .*allowed is an origin/)
      assert.doesNotMatch(message, /hunter2/)
    }
  })

  it('refuses an option that there is not, by its name', () => {
    assert.match(refusal({ onsave: () => {} }), /^onsave: there is no such option/)
    assert.match(refusal({ jwtSecret: 'hunter2' }), /^jwtSecret: there is no such option/)
    assert.doesNotMatch(refusal({ jwtSecret: 'hunter2' }), /hunter2/)
    assert.match(refusal({ toString: 5 }), /^toString: there is no such option/)
  })
  it('refuses options that are no object', () => {
    for (const options of [undefined, null, 'x', []]) {
      assert.throws(
        () => createDocs(options as unknown as DocsOptions),
        (error) => isDocsError(error, 'BAD_OPTION') && error.message.startsWith('options: got '),
      )
    }
  })
})
