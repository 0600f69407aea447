/**
 * Makes `docs/images/inspector.png`: a short lively story with the simulated Docs server, looked at in the
 * inspector. `npx tsx scripts/inspector-picture.ts [file.png] [dark]`
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import Koa from 'koa'
import { chromium } from 'playwright-core'
import { createDocs, type Docs } from '../src/index.js'
import { startDocsServer, type DocsServer } from '../src/testing/index.js'

const PLACE = fileURLToPath(new URL('../docs/images/inspector.png', import.meta.url))
const SECRET = 'a secret of at least thirty-two bytes'

/** Two editors, a save, one answered 4 meanwhile, a conversion that fails, and a callback that is refused. */
async function tell(server: DocsServer, docs: Docs): Promise<void> {
  const callbackUrl = docs.callbackUrl('letter.docx')
  const ann = await server.open('letter-7f3a', { user: 'ann', callbackUrl })
  const ben = await server.open('letter-7f3a', { user: 'ben', callbackUrl })
  ann.type('Dear Carla,')
  ben.type('we have news.')
  const first = docs.forcesave('letter-7f3a')
  await pause(120)
  await Promise.all([first, docs.forcesave('letter-7f3a')])
  await pause(250)
  await fetch(callbackUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: 'letter-7f3a', status: 2 }),
  })
  ann.type('Yours')
  server.conversion.fails = true
  await docs.forcesave('letter-7f3a').catch(() => {})
  server.conversion.fails = false
}

/** Shoots the story, and answers the address and what ends it all. */
export async function shoot(file: string, colorScheme: 'light' | 'dark'): Promise<void> {
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const publicUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  await using server = await startDocsServer({ secret: SECRET, conversion: { delay: 300 } })
  await using docs = createDocs({
    ...{ server: server.url, secret: SECRET, publicUrl, otherSaves: false },
    async onSave(save) {
      await new Response((await save.download()).stream).arrayBuffer()
      await pause(180)
    },
  })
  const app = new Koa().use(docs.inspector()).use(docs.routes())
  const handle = app.callback()
  listener.on('request', (request, response) => void handle(request, response))
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const page = await browser.newPage({ colorScheme, viewport: { width: 1360, height: 1180 } })
    await page.goto(`${publicUrl}/inspector`)
    page.on('pageerror', (m) => console.log(m))
    await tell(server, docs)
    await pause(2000)
    await page
      .getByRole('option', { name: /failed/ })
      .first()
      .waitFor()
    await page.getByRole('button', { name: /letter-7f3a/ }).click()
    await page.getByRole('option', { name: /saved/ }).last().click()
    await page.screenshot({ path: file })
  } finally {
    await browser.close()
    listener.closeAllConnections()
    listener.close()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [file = PLACE, scheme] = process.argv.slice(2)
  await shoot(file, scheme === 'dark' ? 'dark' : 'light')
}
