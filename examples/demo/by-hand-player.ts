/** The hand-written way as the player's application. It makes no call but `forcesave`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { play, type Played, type Stage, type Application } from '../../test/support/player.js'
import type { Recording } from '../../test/support/recording.js'
import { countTraffic } from '../../test/support/traffic.js'
import { createByHand } from './by-hand.js'

export function playByHand(recording: Recording): Promise<Played> {
  return play(recording, start)
}

async function start({ server, secret, store, losesReply }: Stage): Promise<Application> {
  const { carry, quiet } = countTraffic()
  const { app, forcesave } = createByHand({
    server,
    secret,
    // The body is read in here, so that nothing of a response is left on its way.
    fetch: (url, init) =>
      carry(async () => {
        const response = await fetch(url, init)
        return new Response(await response.text())
      }),
    store(link) {
      const { end } = store(link)
      if (end !== 'stored') throw new Error(`the storage ${end}`)
    },
  })
  const handle = app.callback()
  const listener = createServer((request, response) => {
    if (losesReply()) response.end = () => response.destroy()
    void handle(request, response)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  return {
    callbackUrl: `http://127.0.0.1:${port}/callback`,
    call: ({ c, key }) => (c === 'forcesave' && key !== undefined ? forcesave(key) : undefined),
    quiet,
    async close() {
      listener.closeAllConnections()
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
