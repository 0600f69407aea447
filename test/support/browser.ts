/** A real Chromium for one test: a context of its own, and whatever a page complains about fails the test. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'

// `--no-sandbox`: tests often run as root. The others keep it from asking around in the network.
const FLAGS =
  process.env['CHROMIUM_FLAGS'] ??
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'
const PATIENCE = 120_000

/** Started with the first page of a test file, and closed by `after(closeBrowser)`. */
let browser: Promise<Browser> | undefined

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: FLAGS.split(' ').filter((flag) => flag !== ''),
  })
}

export async function closeBrowser(): Promise<void> {
  await (await browser)?.close()
  browser = undefined
}

export interface Window {
  page: Page
  context: BrowserContext
  /** What the page has thrown and logged as an error; a test may expect some and empty it. */
  complaints: string[]
}

/**
 * A window of somebody of their own: no cookie or storage is shared with another one.
 *
 * @example
 * after(closeBrowser)
 * test('…', async (t) => {
 *   const { page } = await openWindow(t)
 *   await page.goto(address)
 */
export async function openWindow(
  t: TestContext,
  options: { colorScheme?: 'light' | 'dark'; width?: number; height?: number } = {},
): Promise<Window> {
  const { colorScheme = 'light', width = 1120, height = 720 } = options
  browser ??= launchBrowser()
  const context = await (await browser).newContext({ colorScheme, viewport: { width, height } })
  context.setDefaultTimeout(PATIENCE)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  t.after(async () => {
    await context.close()
    assert.deepEqual(complaints, [], 'the page complained')
  })
  return { page, context, complaints }
}
