/** `docs.editorConfig()`: what it refuses, what it fills in, and what it signs. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import jwt from 'jsonwebtoken'
import type { Docs, EditorConfig } from '../src/index.js'
import { SECRET } from './support/app.js'
import { LIMIT } from './support/callbacks.js'
import { startPair } from './support/pair.js'

const config = {
  document: { key: 'k1', title: 'Größe', permissions: { edit: true } },
  editorConfig: { mode: 'edit', user: { id: 'ann', name: 'Ann' }, plugins: { autostart: [] } },
  height: '100%',
}

function claimsOf(token: string | undefined, secret = SECRET): object {
  const { iat: _iat, exp: _exp, ...claims } = jwt.verify(token!, secret) as jwt.JwtPayload
  return claims
}

/** As JavaScript may call it. */
const anyhow = (docs: Docs, given: unknown): ReturnType<Docs['editorConfig']> =>
  docs.editorConfig(given as EditorConfig)

describe('editorConfig() signs', LIMIT, () => {
  it('the config, with a token that any JWT library verifies', async (t) => {
    const { docs } = await startPair(t)
    const { token, ...rest } = docs.editorConfig(config)
    assert.deepEqual(rest, config)
    assert.deepEqual(claimsOf(token), config)
    const { iat, exp } = jwt.verify(token!, SECRET, { algorithms: ['HS256'] }) as jwt.JwtPayload
    assert.equal(exp! - iat!, 300)
    assert.ok(!('token' in config), 'the argument is left as it was')
  })
  it('no token of before along, and replaces it', async (t) => {
    const { docs } = await startPair(t)
    const { token } = docs.editorConfig({ ...config, token: 'of before' })
    assert.deepEqual(claimsOf(token), config)
  })
  it('with the current secret, the first algorithm and the time of the options', async (t) => {
    const secret = ['c'.repeat(32), 'p'.repeat(32)]
    const { docs } = await startPair(t, {
      secret,
      token: { algorithms: ['HS512', 'HS256'], expiresIn: 60 },
    })
    const { token } = docs.editorConfig(config)
    const { iat, exp } = jwt.verify(token!, secret[0]!, { algorithms: ['HS512'] }) as jwt.JwtPayload
    assert.equal(exp! - iat!, 60)
  })
})

for (const [name, secret] of [
  ['with tokens', SECRET],
  ['without tokens', null],
] as const) {
  describe(`editorConfig() ${name}`, LIMIT, () => {
    /** What is given to the page and, with tokens, what is signed: always the same. */
    function made(docs: Docs, given: unknown): object {
      const { token, ...rest } = docs.editorConfig(given as EditorConfig)
      if (secret === null) assert.equal(token, undefined)
      else assert.deepEqual(claimsOf(token), rest)
      return rest
    }

    it('fills in the permissions and the mode, and leaves the argument alone', async (t) => {
      const { docs } = await startPair(t, { secret })
      const given = { document: { key: 'k1' } }
      const filled = {
        document: { key: 'k1', permissions: {} },
        editorConfig: { mode: 'edit' },
      }
      assert.deepEqual(made(docs, given), filled)
      assert.deepEqual(given, { document: { key: 'k1' } })
      const empty = { document: { key: 'k1', permissions: undefined }, editorConfig: {} }
      assert.deepEqual(made(docs, empty), filled)
    })
    it('keeps what the application says of both, and every other field', async (t) => {
      const { docs } = await startPair(t, { secret })
      const given = {
        ...config,
        document: { key: 'k1', permissions: { edit: false }, info: { owner: 'Ann' } },
        editorConfig: { mode: 'view', region: 'de' },
      }
      assert.deepEqual(made(docs, given), given)
    })
    it('makes a text of a number as the id of a user', async (t) => {
      const { docs } = await startPair(t, { secret })
      for (const id of [1319, 1319n, '1319']) {
        const editorConfig = { mode: 'edit', user: { id, name: 'Ann' } }
        assert.deepEqual(made(docs, { ...config, editorConfig }), {
          ...config,
          editorConfig: { mode: 'edit', user: { id: '1319', name: 'Ann' } },
        })
      }
      const nameless = { mode: 'edit', user: { name: 'Ann' } }
      assert.deepEqual(made(docs, { ...config, editorConfig: nameless }), {
        ...config,
        editorConfig: nameless,
      })
    })
    it('refuses a key that no call would take, in the same words', async (t) => {
      const { docs } = await startPair(t, { secret })
      for (const key of ['a'.repeat(129), 4711, 'my file.docx', 'a/b', '', '.', '..', undefined]) {
        const refused = await docs.forcesave(key as string).catch((error: unknown) => error)
        assert.ok(refused instanceof Error)
        assert.match(refused.message, /^key: got .*1 to 128 characters/)
        assert.throws(() => anyhow(docs, { ...config, document: { key } }), {
          ...{ code: 'BAD_OPTION', retryable: false },
          message: `document.${refused.message}`,
        })
      }
    })
    it('refuses what is not of the form of a config, and says where', async (t) => {
      const { docs } = await startPair(t, { secret })
      const { document } = config
      for (const [given, message] of [
        [undefined, 'config: got undefined; give an object'],
        [[], 'config: got an array of 0; give an object'],
        [{}, 'document: got undefined; give an object'],
        [{ document, editorConfig: 'edit' }, 'editorConfig: got "edit"; give an object'],
        [
          { document: { ...document, permissions: 'all' } },
          'document.permissions: got "all"; give an object',
        ],
        [
          { document, editorConfig: { user: 'ann' } },
          'editorConfig.user: got "ann"; give an object',
        ],
        ...[null, true, NaN].map((id) => [
          { document, editorConfig: { user: { id } } },
          `editorConfig.user.id: got ${id}; give a text or a number, or leave it out`,
        ]),
      ]) {
        assert.throws(() => anyhow(docs, given), { code: 'BAD_OPTION', message })
      }
    })
  })
}
