/** What a front does to good answers, as the doctor sees it: apart from a log-in and from a wrong address. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SECRET } from './support/app.js'
import { examineHere, scene, type Finding } from './support/doctor.js'
import type { Exchange, Passed } from './support/front.js'

const QUICK = ['--wait', '0.2']
const LIMIT = { timeout: 300_000 }

/** Every answer of the application is changed like this. */
const answering =
  (change: (passed: Passed) => void) =>
  ({ pass }: Exchange): Promise<void> =>
    pass({ answer: change })

const page =
  (status: number) =>
  ({ response }: Exchange): void =>
    void response
      .writeHead(status, { 'content-type': 'text/html' })
      // As a log-in does, with something new each time.
      .end(`<!doctype html><p>Log in<input value="${Math.random()}">`)

describe('a good answer that is changed on its way', LIMIT, () => {
  const found = (
    what: string,
    expected: { callback?: string; reply: string },
    atApp: (exchange: Exchange) => void | Promise<void>,
    words?: RegExp,
  ): void => {
    it(`${what}: ${expected.callback ?? expected.reply}`, async (t) => {
      const { url, callback } = await scene(t, { atApp })
      const args = ['--server', url, '--callback', callback, ...QUICK]
      const { of, findings } = await examineHere({
        ...{ args, env: { DOCS_SECRET: SECRET }, hidden: [SECRET] },
      })
      assert.equal(of('callback')[0], expected.callback ?? 'ok ours')
      assert.deepEqual(of('reply'), [expected.reply])
      if (words === undefined) return
      const said = (finding: Finding): string =>
        [finding.what, finding.why ?? '', ...(finding.fix ?? [])].join('\n')
      assert.match(findings.map(said).join('\n'), words)
    })
  }
  const SKIPPED = 'skipped not-ours'

  found('as it is', { reply: 'ok arrives' }, ({ pass }) => pass())
  found(
    'a yes with 201',
    { reply: 'fail status-rewritten' },
    answering((passed) => {
      if (passed.status === 200) passed.status = 201
    }),
    /answers HTTP 200, and HTTP 201 comes back/,
  )
  found(
    'JSON in an envelope of its own, for a yes',
    { reply: 'fail body-rewritten' },
    answering((passed) => {
      if (passed.status === 200) passed.body = `{"data":${passed.body}}`
    }),
    /and other JSON comes back/,
  )
  found(
    'a page for a yes',
    { reply: 'fail body-rewritten' },
    answering((passed) => {
      if (passed.status === 200) passed.body = '<!doctype html><p>Welcome'
    }),
    /and a web page comes back/,
  )
  found(
    'no body',
    { reply: 'fail body-rewritten' },
    answering((passed) => {
      if (passed.status === 200) passed.body = ''
    }),
    /and an empty body comes back/,
  )
  found(
    'another type',
    { reply: 'warn header-rewritten' },
    answering((passed) => void (passed.headers['content-type'] = 'text/html')),
    /text\/html instead of application\/json/,
  )
  found(
    'compressed unasked',
    { reply: 'fail encoded' },
    answering((passed) => {
      if (passed.status === 200) passed.headers['content-encoding'] = 'gzip'
    }),
  )

  found(
    'all in an envelope',
    { callback: 'fail body-rewritten', reply: SKIPPED },
    answering((passed) => void (passed.body = `{"data":${passed.body}}`)),
  )
  found(
    'all as HTTP 200',
    { callback: 'fail refusals-rewritten', reply: SKIPPED },
    answering((passed) => void (passed.status = 200)),
  )
  found(
    'refusals as pages of a proxy',
    { callback: 'warn refusals-rewritten', reply: SKIPPED },
    answering((passed) => {
      if (passed.status >= 400) passed.body = '<html><h1>403 Forbidden</h1></html>'
    }),
    /nginx: proxy_intercept_errors/,
  )

  found('a log-in', { callback: 'fail web-page', reply: SKIPPED }, page(200), /log-in/)
  found('a log-in with 403', { callback: 'fail not-let-in', reply: SKIPPED }, page(403))
  found(
    'a wrong address with an answer of its own',
    { callback: 'fail something-else', reply: SKIPPED },
    ({ response }) => void response.writeHead(400).end(`{"message":"no","id":${Math.random()}}`),
    /correct --callback/,
  )
})

describe('a callback that the doctor makes', LIMIT, () => {
  it('goes to nobody with its token who answers as a redirect, or whose URL has no signed ref', async (t) => {
    const tokens: string[] = []
    const { url, callback, route } = await scene(t, {
      atApp: async ({ request, response }) => {
        let sent = ''
        for await (const chunk of request) sent += String(chunk)
        if (/token/.test(sent)) tokens.push(sent)
        response.writeHead(302, { location: 'https://elsewhere.example/' }).end()
      },
    })
    const env = { DOCS_SECRET: SECRET }
    const args = ['--server', url, ...QUICK]
    const redirected = await examineHere({ args: [...args, '--callback', callback], env })
    assert.equal(redirected.of('callback')[0], 'fail redirected')
    await examineHere({ args: [...args, '--callback', route], env })
    assert.deepEqual(tokens, [])
  })

  it('is answered where tokens are off, too', async (t) => {
    const { url, callback, route } = await scene(t, {
      server: { secret: undefined } as never,
      app: { secret: null },
    })
    for (const given of [callback, route]) {
      const args = ['--server', url, '--callback', given, ...QUICK]
      assert.deepEqual((await examineHere({ args })).of('reply'), ['ok arrives'], given)
    }
  })
})

describe('a callback address without a ref', LIMIT, () => {
  const OTHER = 'another-secret-another-secret-another'
  const look = async (
    t: Parameters<typeof scene>[0],
    app: object,
    ...more: string[]
  ): Promise<{ second: string | undefined; words: string }> => {
    const { url, route } = await scene(t, { app })
    const args = ['--server', url, '--callback', route, ...QUICK, ...more]
    const { of, findings } = await examineHere({ args, env: { DOCS_SECRET: SECRET } })
    return { second: of('callback')[1], words: JSON.stringify(findings) }
  }

  it('of an application with another secret is a fault, and says so', async (t) => {
    const { second, words } = await look(t, { secret: OTHER })
    assert.equal(second, 'fail other-secret')
    assert.match(words, /another secret, or another `prefix`/)
  })

  it('of an application with another prefix is told apart by --prefix', async (t) => {
    const { second, words } = await look(t, { prefix: 'other' })
    assert.equal(second, 'fail other-secret')
    assert.match(words, /--prefix/)
    assert.equal((await look(t, { prefix: 'other' }, '--prefix', 'other')).second, 'ok same-secret')
    const wrong = await look(t, { prefix: 'other', secret: OTHER }, '--prefix', 'other')
    assert.equal(wrong.second, 'fail other-secret')
  })
})
