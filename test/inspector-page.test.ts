/** The page of `docs.inspector()` in a real browser. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { after, describe, it, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { MAX_ENTRIES } from '../src/inspector/tape.js'
import { post } from './support/callbacks.js'
import { closeBrowser, openWindow } from './support/browser.js'
import { withInspector } from './support/inspector.js'
import { playOurs } from './support/ours.js'
import { failure, startPair, type Pair } from './support/pair.js'
import { recordingIn } from './support/recording.js'
import { until } from './support/until.js'
import { verdictOf } from './support/verdicts-of.js'

const LIMIT = { timeout: 300_000 }
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

const SIZES = [
  [390, 844],
  [768, 1024],
  [1280, 800],
] as const

type WindowOptions = Parameters<typeof openWindow>[1]

async function startPage(
  t: TestContext,
  options: WindowOptions = {},
): Promise<Pair & { page: Page; complaints: string[] }> {
  // Closed first: a page whose server has gone complains.
  const { page, complaints } = await openWindow(t, options)
  const pair = await startPair(t, { mount: withInspector })
  await page.goto(`${pair.app.url}/inspector`)
  return { ...pair, page, complaints }
}

/** A save, a callback that is refused, and a conversion that fails. */
async function tell({ docs, open, server }: Pair): Promise<void> {
  const editor = await open('k1', 'ann')
  editor.type('x')
  await docs.forcesave('k1')
  await post(docs.callbackUrl('file of k1'), { key: 'k1', status: 2 })
  editor.type('y')
  server.conversion.fails = true
  await failure(docs.forcesave('k1'), 'CONVERSION_FAILED')
  server.conversion.fails = false
}

/** What axe-core finds against WCAG 2 A and AA, by its rule. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(AXE, 'utf8'))
  return page.evaluate(async () => {
    interface Axe {
      run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }>
    }
    const { axe } = globalThis as unknown as { axe: Axe }
    const { violations } = await axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`)
  })
}

describe('the page', LIMIT, () => {
  after(closeBrowser)

  it('helps while nothing is heard, then shows what happens as it happens, and why', async (t) => {
    const pair = await startPage(t)
    const { page, docs, open } = pair
    await page.getByRole('status').getByText('Live').waitFor()
    await page.getByRole('heading', { name: 'Nothing heard yet' }).waitFor()
    ;(await open('k1', 'ann')).type('x')
    await page.getByRole('button', { name: 'k1 open: ann' }).waitFor()
    await docs.forcesave('k1')
    const verdict = page.getByRole('option', { name: /✓ saved, koa-docs-callback to Application/ })
    await verdict.click()
    await page
      .getByText(/^The save made for it came at \d\d:\d\d:\d\d and was stored at/)
      .first()
      .waitFor()
    await page.getByText('The same as a table').click()
    await page.getByRole('cell', { name: /✓ saved\. The save made for it/ }).waitFor()
  })

  it('shows what was refused with what to do about it, beside the file that it was for', async (t) => {
    const pair = await startPage(t)
    await tell(pair)
    const { page } = pair
    await page.getByRole('option', { name: /refused, 403: token missing/ }).click()
    await page.getByRole('complementary').getByText('Are tokens switched on').waitFor()
  })

  it('is operable by keyboard from row to row', async (t) => {
    const pair = await startPage(t)
    await tell(pair)
    const { page } = pair
    await page.getByRole('option', { name: /✕ failed/ }).waitFor()
    const focused = (): Promise<string> =>
      page.evaluate("document.activeElement?.getAttribute('aria-label') ?? ''")
    for (let tabs = 0; tabs < 12 && !(await focused()).includes(' to '); tabs += 1) {
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Home')
    assert.match(await focused(), /1, ann has come, Docs server to koa-docs-callback/)
    const rows = await page.getByRole('option').count()
    const seen = new Set([await focused()])
    for (let row = 1; row < rows; row += 1) {
      await page.keyboard.press('ArrowDown')
      seen.add(`${row} ${await focused()}`)
      assert.equal(
        await page.locator('[aria-selected=true]').getAttribute('aria-label'),
        await focused(),
      )
    }
    assert.equal(seen.size, rows)
    await page.keyboard.press('ArrowDown')
    assert.match(await focused(), /200, error 1: keep it/)
    await page.getByRole('complementary').getByText('200, error 1: keep it').waitFor()
  })

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`is accessible by axe-core, ${colorScheme}`, async (t) => {
      const pair = await startPage(t, { colorScheme })
      await pair.page.getByRole('status').getByText('Live').waitFor()
      assert.deepEqual(await findings(pair.page), [], 'while it is empty')
      await tell(pair)
      await pair.page.getByRole('option', { name: /✕ failed/ }).click()
      await pair.page.getByText('The same as a table').click()
      assert.deepEqual(await findings(pair.page), [])
    })
  }

  it('loses nothing in a narrow window: only the time line scrolls sideways', async (t) => {
    // 1280 px at 200 % are 640, and at 400 % 320.
    const pair = await startPage(t, { width: 320, height: 640 })
    await tell(pair)
    const { page } = pair
    await page.getByRole('option', { name: /✕ failed/ }).click()
    await page.getByText('The same as a table').click()
    const wide = await page.evaluate<number[]>('[document.documentElement.scrollWidth, innerWidth]')
    assert.equal(wide[0], wide[1], 'the page scrolls sideways')
    for (const name of ['Download all', 'Download this']) {
      await page.getByRole('link', { name }).click({ trial: true })
    }
  })

  it('finds one of 100 documents, and keeps the time line on every screen', async (t) => {
    const pair = await startPage(t, { width: 390, height: 844 })
    const { page, open, docs } = pair
    for (let n = 0; n < 100; n += 1) await open(`doc-${n}`, n === 17 ? 'zoe' : 'ann')
    await post(docs.callbackUrl('file of doc-23'), { key: 'doc-23', status: 2 })
    const listed = page.getByRole('navigation').getByRole('button')
    await page.getByRole('button', { name: 'doc-99' }).waitFor()
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height })
      const box = await page.locator('#lanes').boundingBox()
      assert.ok(box !== null && box.y < 0.75 * height, `${width}: the time line is at ${box?.y}`)
      const sideways = 'document.documentElement.scrollWidth - innerWidth'
      assert.equal(await page.evaluate(sideways), 0, `${width}: the page scrolls sideways`)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        assert.deepEqual(await findings(page), [], `${width}, ${colorScheme}`)
      }
    }
    const field = page.getByLabel('Find a key, ref or user')
    for (const [words, key] of [
      ['DOC-31', 'doc-31'],
      ['file of doc-12', 'doc-12'],
      ['zoe', 'doc-17'],
    ] as const) {
      await field.fill(words)
      await until(async () => {
        const texts = await listed.allInnerTexts()
        return texts.length === 1 && texts[0]?.includes(key) === true
      })
    }
    await field.fill('')
    await page.getByLabel('Only with trouble').check()
    await page.getByText('1 of 100 shown').waitFor()
    assert.match(await listed.innerText(), /doc-23/)
  })

  it('says when it is disconnected, and tries again by itself', async (t) => {
    const { page, docs, complaints } = await startPage(t)
    await page.getByRole('status').getByText('Live').waitFor()
    await docs.close()
    await page.getByRole('status').getByText('Disconnected').waitFor()
    // The browser says that it was answered 503.
    await until(() => complaints.length > 0)
    complaints.length = 0
    await page.close()
  })

  it('says that the oldest are gone', async (t) => {
    const { page, app } = await startPage(t)
    await page.getByRole('status').getByText('Live').waitFor()
    const callback = app.docs.callback()
    const ctx = { method: 'PUT', set() {} } as unknown as Parameters<typeof callback>[0]
    for (let n = 0; n < MAX_ENTRIES + 7; n += 1) await callback(ctx, () => Promise.resolve())
    await page.getByText('The oldest 7 entries are gone').waitFor()
  })

  it('gives a download that plays', async (t) => {
    const pair = await startPage(t)
    await tell(pair)
    const { page } = pair
    await page.getByRole('option', { name: /✕ failed/ }).waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download this' }).click(),
    ])
    assert.equal(download.suggestedFilename(), 'inspector-k1.jsonl')
    const recording = recordingIn('live', await readFile(await download.path(), 'utf8'))
    const played = await playOurs(recording, recording.options)
    assert.deepEqual(
      played.commands.map((command) => /^saved/.test(verdictOf(command, played))),
      [true, false],
    )
  })
})
