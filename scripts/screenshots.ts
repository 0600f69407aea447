/**
 * `npm run screenshots`: the pictures of the documentation, each in light and dark. They go to
 * `docs/images`, or to the folder that is given:
 *
 *     npm run screenshots -- .tmp/images
 */
import { mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../test/support/browser.js'
import { inspector } from './pictures/inspector.js'
import type { Picture } from './pictures/picture.js'
import { storageApp } from './pictures/storage-app.js'

const PICTURES: Record<string, Picture> = { 'storage-app': storageApp, inspector }
/** bytes */
const LONGEST = 200_000

async function take(browser: Browser, name: string, { size, take }: Picture): Promise<void> {
  const open = (): Promise<Page> => browser.newPage({ viewport: size, locale: 'en-GB' })
  await take(open, async (page) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const path = join(folder, `${name}${colorScheme === 'light' ? '' : `-${colorScheme}`}.png`)
      await page.emulateMedia({ colorScheme })
      await page.screenshot({ path, animations: 'disabled', caret: 'hide' })
      const { size } = await stat(path)
      if (size > LONGEST) throw new Error(`${path} has ${size} bytes, more than ${LONGEST}`)
      console.log(`${path}: ${size} bytes`)
    }
  })
}

const folder = process.argv[2] ?? fileURLToPath(new URL('../docs/images', import.meta.url))
await mkdir(folder, { recursive: true })
const browser = await launchBrowser()
try {
  for (const [name, picture] of Object.entries(PICTURES)) await take(browser, name, picture)
} finally {
  await browser.close()
}
