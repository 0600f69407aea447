/** What a call says that has waited for a callback in vain. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { DocsError } from '../src/index.js'
import { createTally } from '../src/receiver/tally.js'
import { response, startServer } from './faulty-server.js'
import { startApp } from './support/app.js'
import { LIMIT, post, postSigned } from './support/callbacks.js'
import { failure } from './support/pair.js'

describe('a TIMEOUT says what was seen', LIMIT, () => {
  /** A Docs server that accepts everything and never calls back. */
  async function setStageOfSilence(t: TestContext) {
    const silent = await startServer(t, (socket) => socket.write(response(200, '{"error":0}')))
    const app = await startApp({ server: silent.url.href })
    t.after(app.close)
    const url = app.docs.callbackUrl('file-1')
    const waits: Record<string, () => Promise<unknown>> = {
      forcesave: () => app.docs.forcesave('k1', { timeout: 50 }),
      info: () => app.docs.info('k1', { timeout: 50 }),
      outcome: async () => {
        const { id } = await app.docs.startForcesave('k1', { timeout: 60_000 })
        return app.docs.outcome(id, { timeout: 50 })
      },
    }
    const told = async (name: string): Promise<string> => {
      const error = await failure(waits[name]!(), 'TIMEOUT')
      assert.deepEqual([error.key, error.retryable], ['k1', true])
      return error.message
    }
    return { app, url, told }
  }
  const NAMES = ['forcesave', 'info', 'outcome']

  it('no callback at all has come to this process', async (t) => {
    const { told } = await setStageOfSilence(t)
    for (const name of NAMES) {
      assert.match(await told(name), /deadline.*\. No callback has come to this process since/)
      assert.match(await told(name), /`publicUrl`.*need the same `redis`\.$/)
    }
  })

  it('all that have come were turned away', async (t) => {
    const { url, told } = await setStageOfSilence(t)
    await post(url, { key: 'k1', status: 4 })
    await post(url, { key: 'k1', status: 4, token: 'x' })
    for (const name of NAMES) {
      assert.match(await told(name), /\(2\) were turned away, the last one as token-malformed: /)
    }
  })

  it('those that have come were of other keys', async (t) => {
    const { url, told } = await setStageOfSilence(t)
    await post(url, {})
    await postSigned(url, { key: 'k2', status: 4 })
    for (const name of NAMES) {
      assert.match(await told(name), /have come to this process since it started, and none of this/)
    }
  })

  it('one of its key has come: nothing more is said', async (t) => {
    const { url, told } = await setStageOfSilence(t)
    await postSigned(url, { key: 'k2', status: 4 })
    await postSigned(url, { key: 'k1', status: 4 })
    for (const name of NAMES) assert.doesNotMatch(await told(name), /process/)
  })

  it('with `redis` another process may have got it', () => {
    const { explained } = createTally({ shared: true })
    const { message } = explained(new DocsError('TIMEOUT', 'late'), 'k1') as DocsError
    assert.match(
      message,
      /^late\. No callback .* another process with the same `redis` has got it\.$/,
    )
  })

  it('of 10,000 keys and more nothing is said that is not known', () => {
    const { came, explained } = createTally({ shared: false })
    const words = (key: string) =>
      (explained(new DocsError('TIMEOUT', 'late'), key) as DocsError).message
    for (let n = 0; n < 10_000; n += 1) came(`k${n}`)
    assert.equal(words('k0'), 'late')
    assert.match(words('other'), /none of this key/)
    came('k0')
    came('k10000')
    assert.equal(words('other'), 'late')
  })

  it('an error of another kind is left as it is', () => {
    const { explained } = createTally({ shared: false })
    for (const error of [new DocsError('CLOSED', 'm'), new Error('m'), undefined]) {
      assert.equal(explained(error, 'k1'), error)
    }
  })
})
