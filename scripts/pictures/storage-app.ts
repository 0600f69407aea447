/** The storage app of `npm run example`: two windows type into one document, and one downloads it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { freePort } from '../../test/support/redis.js'
import type { Picture } from './picture.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export const storageApp: Picture = {
  size: { width: 1000, height: 640 },
  async take(open, shoot) {
    await withExample(async (url) => {
      const enter = async (user: string): Promise<Page> => {
        const page = await open()
        await page.goto(url)
        await page.getByLabel('Your name').fill(user)
        await page.getByRole('button', { name: 'Change' }).click()
        await page.getByRole('link', { name: 'Meeting notes' }).click()
        await page.locator('[data-ready]').waitFor()
        return page
      }
      const [ann, ben] = [await enter('Ann'), await enter('Ben')]
      await type(ann, 'Present:', ' Ann, Ben')
      await type(ben, 'Agenda:', '\n1. Saves that are confirmed\n2. ')
      await type(ann, '2. ', 'What to do about the rest')
      await ann.getByRole('button', { name: 'Download latest' }).click()
      await ann.getByRole('link', { name: 'Version 2' }).waitFor()
      await ann.getByText(/[3-5] s ago/).waitFor()
      await shoot(ann)
      for (const page of [ann, ben]) await page.close()
    })
  },
}

/** Types `words` behind `place`. */
async function type(page: Page, place: string, words: string): Promise<void> {
  const editor = page.frameLocator('iframe')
  const text = editor.getByLabel('Document')
  const at = (await text.inputValue()).indexOf(place) + place.length
  await text.focus()
  const [frame] = page.frames().slice(-1)
  await frame?.evaluate(`document.activeElement.setSelectionRange(${at}, ${at})`)
  await page.keyboard.type(words)
  await editor.getByText('All changes are on').waitFor()
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
