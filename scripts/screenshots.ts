/**
 * `npm run screenshots`: the pictures of the documentation, taken from the running example in Chromium.
 * They go to `docs/images`, or to the folder that is given:
 *
 *     npm run screenshots -- .tmp/images
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../test/support/browser.js'
import { freePort } from '../test/support/redis.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LONGEST = 150_000
const COLORS = ['light', 'dark'] as const

interface Stage {
  /** Where the example is. */
  url: string
  /** A window of its own, as wide as the pictures. */
  open: () => Promise<Page>
}

/** A picture by its name: what is done until it can be taken, and the page that it is taken of. */
const PICTURES: Record<string, (stage: Stage) => Promise<Page>> = {
  async 'storage-app'({ url, open }) {
    const enter = async (user: string): Promise<Page> => {
      const page = await open()
      await page.goto(url)
      await page.getByLabel('Your name').fill(user)
      await page.getByRole('button', { name: 'Change' }).click()
      await page.getByRole('link', { name: 'Meeting notes' }).click()
      await page.locator('[data-ready]').waitFor()
      return page
    }
    const type = async (page: Page, place: string, words: string): Promise<void> => {
      const text = page.frameLocator('iframe').getByLabel('Document')
      const at = (await text.inputValue()).indexOf(place) + place.length
      await text.focus()
      const [frame] = page.frames().slice(-1)
      await frame?.evaluate(`document.activeElement.setSelectionRange(${at}, ${at})`)
      await page.keyboard.type(words)
      await page.frameLocator('iframe').getByText('All changes are on').waitFor()
    }
    const [ann, ben] = [await enter('Ann'), await enter('Ben')]
    await type(ann, 'Present:', ' Ann, Ben')
    await type(ben, 'Agenda:', '\n1. Saves that are confirmed\n2. ')
    await type(ann, '2. ', 'What to do about the rest')
    await ann.getByRole('button', { name: 'Download latest' }).click()
    await ann.getByRole('link', { name: 'Version 2' }).waitFor()
    await ann.getByText(/[3-5] s ago/).waitFor()
    return ann
  },
}

/** The example in a folder of its own, as it is after a first start. */
async function withExample(use: (url: string) => Promise<void>): Promise<void> {
  const files = await mkdtemp(join(tmpdir(), 'screenshots-'))
  const env = { ...process.env, FILES: files, PORT: String(await freePort()) }
  const program = ['--import', 'tsx', 'examples/storage-app/main.ts']
  const stdio = ['ignore', 'pipe', 'inherit'] as const
  const child = spawn(process.execPath, program, { cwd: ROOT, env, stdio: [...stdio] })
  const exited = once(child, 'exit')
  try {
    const ended = exited.then(() => Promise.reject(new Error('the example has ended')))
    await Promise.race([once(child.stdout, 'data'), ended])
    await use(`http://localhost:${env.PORT}`)
  } finally {
    child.kill()
    await exited
    await rm(files, { recursive: true, force: true })
  }
}

async function take(browser: Browser, name: string, folder: string): Promise<void> {
  await withExample(async (url) => {
    const pages: Page[] = []
    const open = async (): Promise<Page> => {
      const page = await browser.newPage({
        viewport: { width: 1000, height: 640 },
        locale: 'en-GB',
      })
      pages.push(page)
      return page
    }
    const page = await PICTURES[name]?.({ url, open })
    for (const colorScheme of COLORS) {
      const path = join(folder, `${name}${colorScheme === 'light' ? '' : `-${colorScheme}`}.png`)
      await page?.emulateMedia({ colorScheme })
      await page?.screenshot({ path, animations: 'disabled', caret: 'hide' })
      const { size } = await stat(path)
      if (size > LONGEST) throw new Error(`${path} has ${size} bytes, more than ${LONGEST}`)
      console.log(`${path}: ${size} bytes`)
    }
    for (const each of pages) await each.close()
  })
}

const folder = process.argv[2] ?? join(ROOT, 'docs/images')
await mkdir(folder, { recursive: true })
const browser = await launchBrowser()
try {
  for (const name of Object.keys(PICTURES)) await take(browser, name, folder)
} finally {
  await browser.close()
}
