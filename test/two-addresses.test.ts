/** Browsers and this process reach the Docs server under two addresses: saves need no option for that. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET, startApp } from './support/app.js'
import { LIMIT } from './support/callbacks.js'

describe(
  'a Docs server whose links name an address that this process does not reach',
  LIMIT,
  () => {
    for (const path of ['', '/office/docs']) {
      it(`stores forced and final saves from ${path === '' ? 'server' : `server under ${path}`}`, async (t) => {
        const simulated = await startDocsServer({ secret: SECRET })
        t.after(() => simulated.close())
        // A proxy that takes the path in front away, as one with a subfolder does.
        const asked: string[] = []
        const proxy = createServer((request, response) => {
          const url = request.url ?? ''
          asked.push(url.split('?', 1)[0]!)
          if (!url.startsWith(`${path}/`)) return void response.writeHead(404).end()
          void bodyOf(request)
            .then((body) =>
              fetch(simulated.url + url.slice(path.length), {
                method: request.method ?? 'GET',
                headers: { 'content-type': 'application/json' },
                ...(request.method === 'POST' ? { body } : {}),
              }),
            )
            .then(async (answer) => {
              response.writeHead(answer.status).end(new Uint8Array(await answer.arrayBuffer()))
            })
        })
        await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
        t.after(() => {
          proxy.closeAllConnections()
          proxy.close()
        })
        const server = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`
        simulated.origin = 'https://docs.unknown.example'
        await using app = await startApp({ server })

        const callbackUrl = app.docs.callbackUrl('file-1')
        const editor = await simulated.open('k1', { user: 'u1', callbackUrl })
        editor.type('hello')
        const result = await app.docs.forcesave('k1')
        assert.equal(result.outcome, 'saved')
        editor.type('bye')
        const saved = new Promise((resolve) => app.docs.on('saved', resolve))
        await editor.close()
        await saved
        assert.deepEqual(
          app.stored.map(({ save }) => [new URL(save.url).origin, save.final]),
          [
            ['https://docs.unknown.example', false],
            ['https://docs.unknown.example', true],
          ],
        )
        assert.equal(
          asked.filter((one) => one.startsWith(`${path}/cache/files/data/k1_`)).length,
          2,
        )
      })
    }
  },
)

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request) body += String(chunk)
  return body
}
