/** `examples/storage-app` as an operator starts it: a process of its own beside a Docs server. */
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Locator, Page } from 'playwright-core'
import { startDocsServer, type DocsServer } from '../../src/testing/index.js'
import { SECRET } from './app.js'
import { openWindow, type Window } from './browser.js'
import { environment } from './first-example.js'
import { freePort } from './redis.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface StorageApp {
  server: DocsServer
  url: string
  folder: string
  /** Closed before the app ends: what they say about its end is no complaint. */
  windows: Window[]
  /** SIGKILL: no word to anybody. */
  kill: () => Promise<void>
  start: () => Promise<void>
  /** SIGTERM; answers how it ended. */
  stop: () => Promise<unknown>
}

export async function startStorageApp(
  t: TestContext,
  settings: Record<string, string | undefined> = {},
): Promise<StorageApp> {
  const folder = await mkdtemp(join(tmpdir(), 'storage-app-'))
  const server = await startDocsServer({ secret: SECRET })
  const port = await freePort()
  let child: ChildProcess | undefined
  const env = { PORT: String(port), FILES: folder, DOCS_URL: server.url, DOCS_SECRET: SECRET }

  const end = async (signal: NodeJS.Signals): Promise<unknown> => {
    const ending = child
    child = undefined
    if (ending === undefined) return undefined
    const exited = once(ending, 'exit')
    ending.kill(signal)
    return (await exited)[0]
  }
  const app: StorageApp = {
    ...{ windows: [], server, folder, url: `http://localhost:${port}` },
    async kill() {
      await end('SIGKILL')
    },
    stop: () => end('SIGTERM'),
    async start() {
      const program = ['--import', 'tsx', 'examples/storage-app/main.ts']
      // What it warns of is expected here: callbacks and saves that fail.
      const stdio = ['ignore', 'pipe', 'ignore'] as const
      child = spawn(process.execPath, program, {
        ...{ cwd: ROOT, stdio: [...stdio] },
        env: { ...environment(), ...env, ...settings },
      })
      assert.ok(child.stdout, 'it prints its address')
      const ended = once(child, 'exit').then(() => 'it has ended')
      const said = once(child.stdout, 'data').then(([chunk]) => String(chunk))
      assert.match(await Promise.race([said, ended]), new RegExp(`${app.url}\n`))
    },
  }
  t.after(async () => {
    for (const { context } of app.windows) await context.close()
    await app.kill()
    await server.close()
    await rm(folder, { recursive: true, force: true })
  })
  await app.start()
  return app
}

export interface DocumentWindow extends Window {
  /** Where one types. */
  text: Locator
  verdict: Locator
  versions: Locator
}

/** A window of somebody, on the list of documents. */
export async function openApp(
  t: TestContext,
  app: StorageApp,
  options: Parameters<typeof openWindow>[1] = {},
): Promise<Window> {
  const window = await openWindow(t, options)
  app.windows.push(window)
  await window.page.goto(app.url)
  return window
}

/** A window of somebody with a document open in it. */
export async function openDocument(
  t: TestContext,
  app: StorageApp,
  { user, file = 'Welcome', dark = false }: { user: string; file?: string; dark?: boolean },
): Promise<DocumentWindow> {
  const window = await openApp(t, app, { colorScheme: dark ? 'dark' : 'light' })
  const { page } = window
  await page.getByLabel('Your name').fill(user)
  await page.getByRole('button', { name: 'Change' }).click()
  await page.getByText(`You are ${user}`).waitFor()
  await page.getByRole('link', { name: file }).click()
  await page.locator('[data-ready]').waitFor()
  return {
    ...window,
    text: page.frameLocator('iframe').getByLabel('Document'),
    verdict: page.getByRole('status'),
    versions: page.getByRole('region', { name: 'Versions' }).getByRole('listitem'),
  }
}

/** Types at the end of the document, and waits until the Docs server has it. */
export async function typeAtEnd({ page, text }: DocumentWindow, words: string): Promise<void> {
  await text.focus()
  await page.keyboard.press('Control+End')
  await text.pressSequentially(words)
  await page.frameLocator('iframe').getByText('All changes are on the Docs server.').waitFor()
}

/** Presses a button or link that downloads, and answers what comes. */
export async function downloadBy(page: Page, press: () => Promise<void>): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  return readFile(await download.path(), 'utf8')
}

export const press = (page: Page, name: string) => (): Promise<void> =>
  page.getByRole('button', { name }).click()
