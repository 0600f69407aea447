/** The proxy that tests put in front of Redis: it is slow, and it is still TCP. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from './support/proxy.js'

it('bytes keep their order when the delay falls', async (t) => {
  let seen = ''
  const server = createServer((socket) => socket.on('data', (data) => (seen += data.toString())))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  await using proxy = await startProxy((server.address() as AddressInfo).port)
  const socket = connect(proxy.port, '127.0.0.1').setNoDelay()
  t.after(() => socket.destroy())
  await once(socket, 'connect')
  let sent = ''
  // Each due at about the same moment as the one before it, or earlier.
  for (let delay = 300; delay >= 0; delay -= 10) {
    proxy.delay = delay
    const part = `${delay},`
    sent += part
    socket.write(part)
    await sleep(9)
  }
  while (seen.length < sent.length) await sleep(10)
  assert.equal(seen, sent)
})
