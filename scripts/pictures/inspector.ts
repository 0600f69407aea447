/** The inspector: a short lively story with the simulated Docs server. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import Koa from 'koa'
import { createDocs, type Docs } from '../../src/index.js'
import { startDocsServer, type DocsServer } from '../../src/testing/index.js'
import type { Picture } from './picture.js'

const SECRET = 'a secret of at least thirty-two bytes'

export const inspector: Picture = {
  size: { width: 1360, height: 1120 },
  async take(open, shoot) {
    const listener = createServer().listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const publicUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
    await using server = await startDocsServer({ secret: SECRET, conversion: { delay: 300 } })
    await using docs = createDocs({
      ...{ server: server.url, secret: SECRET, publicUrl, otherSaves: false },
      async onSave(save) {
        await new Response((await save.download()).stream).arrayBuffer()
        await pause(180)
      },
    })
    const handle = new Koa().use(docs.inspector()).use(docs.routes()).callback()
    listener.on('request', (request, response) => void handle(request, response))
    const page = await open()
    await page.goto(`${publicUrl}/inspector`)
    await tell(server, docs)
    const failed = page.getByRole('option', { name: /failed/ }).first()
    await failed.waitFor()
    await page.getByRole('button', { name: /letter-7f3a/ }).click()
    await page.getByRole('option', { name: /saved/ }).last().click()
    await shoot(page)
    await page.close()
    listener.closeAllConnections()
    listener.close()
  },
}

/** Two editors, a save, one answered 4 meanwhile, a conversion that fails, and a callback that is refused. */
async function tell(server: DocsServer, docs: Docs): Promise<void> {
  const key = 'letter-7f3a'
  const callbackUrl = docs.callbackUrl('letter.docx')
  const ann = await server.open(key, { user: 'ann', callbackUrl })
  const ben = await server.open(key, { user: 'ben', callbackUrl })
  ann.type('Dear Carla,')
  ben.type('we have news.')
  const first = docs.forcesave(key)
  await pause(120)
  await Promise.all([first, docs.forcesave(key)])
  const unsigned = JSON.stringify({ key, status: 2 })
  const headers = { 'content-type': 'application/json' }
  await fetch(callbackUrl, { method: 'POST', headers, body: unsigned })
  ann.type('Yours')
  server.conversion.fails = true
  await docs.forcesave(key).catch(() => {})
  server.conversion.fails = false
}
