/** `koa-docs-callback simulate` as a process of its own: the storage app works with it, and its page makes saves fail. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, describe, test, type TestContext } from 'node:test'
import { closeBrowser, openWindow } from './support/browser.js'
import { environment } from './support/first-example.js'
import { createShell, SHELL } from './support/shell.js'
import { openDocument, press, startStorageApp, typeAtEnd } from './support/storage-app.js'
import { until } from './support/until.js'

/** Against hangs only. */
const LIMIT = { timeout: 180_000 }

/** What it prints once it listens, and how it ends. */
async function start(t: TestContext, args: string[], env: Record<string, string> = {}) {
  const { DOCS_SECRET: _secret, ...rest } = environment()
  const child = spawn(process.execPath, [...SHELL, 'simulate', '--port', '0', ...args], {
    env: { ...rest, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  let words = ''
  child.stdout.on('data', (chunk: Buffer) => (words += chunk.toString()))
  await until(() => words.endsWith('what fails.\n'))
  const field = (name: string): string => new RegExp(`${name}=(\\S+)`).exec(words)?.[1] ?? ''
  return {
    words,
    url: field('DOCS_URL'),
    secret: field('DOCS_SECRET'),
    async stop(): Promise<unknown> {
      const exit = once(child, 'exit')
      child.kill('SIGINT')
      return (await exit)[0]
    },
  }
}

const stateOf = async (url: string): Promise<unknown> =>
  (await fetch(`${url}/simulator/state`)).json()

const set = async (url: string, change: object, type = 'application/json'): Promise<number> => {
  const init = { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(change) }
  return (await fetch(`${url}/simulator/state`, init)).status
}

describe('simulate', LIMIT, () => {
  after(closeBrowser)

  test('serves the storage app, and a save fails as its page says', async (t) => {
    const simulated = await start(t, ['--delay', '0'])
    const env = { DOCS_URL: simulated.url, DOCS_SECRET: simulated.secret, SAVE_TIMEOUT: '5000' }
    const app = await startStorageApp(t, env)
    const ann = await openDocument(t, app, { user: 'Ann' })
    const { page } = await openWindow(t)
    await page.goto(`${simulated.url}/simulator`)
    await page.getByText('None', { exact: true }).last().waitFor()

    await page.getByLabel('Conversions that fail').selectOption('forced')
    await page.getByRole('button', { name: 'Set' }).click()
    await page.getByText('Set.', { exact: true }).waitFor()
    assert.deepEqual(await stateOf(simulated.url), { delay: 0, failing: 'forced', forgotten: [] })
    await typeAtEnd(ann, 'This will not be converted. ')
    await press(ann.page, 'Save now')()
    await ann.verdict.getByText(/could not/).waitFor()
    // The page says what the browser logs of the answer, too.
    ann.complaints.length = 0

    await page.getByLabel('Conversions that fail').selectOption('none')
    await page.getByRole('button', { name: 'Set' }).click()
    await until(async () => JSON.stringify(await stateOf(simulated.url)).includes('"none"'))
    await typeAtEnd(ann, 'This will. ')
    await press(ann.page, 'Save now')()
    await ann.verdict.getByText(/Version 2/).waitFor()
    await ann.context.close()
    assert.equal(await simulated.stop(), 0)
  })

  test('takes delay, failure and secret from outside, and no nonsense', async (t) => {
    const secret = 'a secret of an operator, 32 bytes long'
    const simulated = await start(t, ['--delay', '1.5', '--fail', 'final'], { DOCS_SECRET: secret })
    assert.equal(simulated.words.includes(secret), false)
    const begun = { delay: 1500, failing: 'final', forgotten: [] }
    assert.deepEqual(await stateOf(simulated.url), begun)
    for (const wrong of [{ delay: -1 }, { delay: 'x' }, { failing: 'some' }, { down: 1e9 }]) {
      assert.equal(await set(simulated.url, wrong), 400, JSON.stringify(wrong))
    }
    assert.equal(await set(simulated.url, { delay: 1 }, 'text/plain'), 400, 'of another site')
    assert.deepEqual(await stateOf(simulated.url), begun)
    assert.equal(await set(simulated.url, { delay: 20, failing: 'all', down: 0 }), 200)
    assert.deepEqual(await stateOf(simulated.url), { ...begun, delay: 20, failing: 'all' })

    const shell = createShell({})
    const { port } = new URL(simulated.url)
    const taken = await shell('simulate', '--port', port)
    assert.deepEqual([taken.code, taken.output], [1, ''])
    assert.match(taken.errors, /EADDRINUSE; choose one by --port/)
    const wrong = await shell('simulate', '--fail', 'some')
    assert.deepEqual([wrong.code, wrong.output], [2, ''])
    assert.match(wrong.errors, /^--fail: allowed are none, forced, final, all\n/)
    assert.match((await shell('simulate', '--help')).output, /^Usage: koa-docs-callback simulate/)
    assert.equal(await simulated.stop(), 0)
  })
})
