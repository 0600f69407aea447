/**
 * `npm run example`: the storage application, with the Docs server of `DOCS_URL` and `DOCS_SECRET`, or
 * with a simulated one where they are not set.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { startDocsServer } from '../../src/testing/index.js'
import { createStorageApp } from './app.js'
import { readSettings } from './settings.js'

const simulated =
  process.env['DOCS_URL'] === undefined
    ? // A conversion takes its time with a real one, too.
      await startDocsServer({
        secret: randomBytes(32).toString('hex'),
        conversion: { delay: 400 },
      })
    : undefined
const settings = readSettings({
  ...process.env,
  ...(simulated && { DOCS_URL: simulated.url, DOCS_SECRET: simulated.secret }),
})
// The simulated one has another secret each time, and knows no session of before: its keys end with it.
const { koa, docs } = await createStorageApp({ ...settings, keepsKeys: simulated === undefined })
const handle = koa.callback()
const listener = createServer((request, response) => void handle(request, response))
listener.listen(settings.port, settings.host)
await once(listener, 'listening')

console.log(`The storage app is at http://localhost:${settings.port}`)
if (settings.inspector) {
  console.log(`What goes to and fro is shown at http://localhost:${settings.port}/inspector`)
}
if (simulated !== undefined) {
  console.log(
    `Its Docs server is a simulated one: what fails there is set at ${simulated.url}/simulator\n` +
      'With a real one:\n' +
      '  DOCS_URL=http://localhost:8080 DOCS_SECRET=… PUBLIC_URL=… HOST=0.0.0.0 npm run example\n' +
      '(examples/storage-app/README.md says what they mean.)',
  )
}

async function end(): Promise<void> {
  // No new requests; calls that wait are told, saves under way are stored; then the connections end.
  listener.close()
  await docs.close()
  listener.closeAllConnections()
  await simulated?.close()
  process.exit()
}
process.once('SIGTERM', () => void end())
process.once('SIGINT', () => void end())
