/** A TCP proxy that can delay, cut and half-open what goes through it. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** How long each piece of data is held, either way, ms. */
  delay: number
  /** Cuts what is connected; `refuse`: and what comes, until `accept`. */
  cut: (how?: 'refuse') => void
  accept: () => void
  /** The connections stay, and nothing comes through any more: as behind a firewall that forgot them. */
  halfOpen: () => void
}

export async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<{ sockets: Socket[]; silent: boolean }>()
  let refusing = false

  const server = createServer((near) => {
    if (refusing) return void near.destroy()
    const far = connect(target, '127.0.0.1')
    const pair = { sockets: [near, far], silent: false }
    pairs.add(pair)
    const join = (from: Socket, to: Socket): void => {
      const send = inOrder((data) => {
        if (!pair.silent && to.writable) to.write(data)
      })
      from.on('data', (data: Buffer) => send(data, proxy.delay))
      from.on('error', () => {})
      from.on('close', () => {
        if (pair.silent) return
        pairs.delete(pair)
        to.destroy()
      })
    }
    join(near, far)
    join(far, near)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function drop(): void {
    for (const { sockets } of pairs) for (const socket of sockets) socket.destroy()
    pairs.clear()
  }
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
    delay: 0,
    cut(how) {
      refusing = how === 'refuse'
      drop()
    },
    accept() {
      refusing = false
    },
    halfOpen() {
      for (const pair of pairs) pair.silent = true
    },
    async [Symbol.asyncDispose]() {
      refusing = true
      drop()
      server.close()
      await once(server, 'close')
    },
  }
  return proxy
}

/** Holds each piece back for its delay, and for those before it: a way that gets faster swaps nothing. */
function inOrder(deliver: (data: Buffer) => void): (data: Buffer, delay: number) => void {
  const underWay: { data: Buffer; at: number }[] = []
  function wait(): void {
    const [first] = underWay
    if (first === undefined) return
    setTimeout(() => {
      const now = Date.now()
      const due = underWay.findIndex(({ at }) => at > now)
      for (const { data } of underWay.splice(0, due === -1 ? underWay.length : due)) deliver(data)
      wait()
    }, first.at - Date.now())
  }
  return (data, delay) => {
    underWay.push({ data, at: Math.max(underWay.at(-1)?.at ?? 0, Date.now() + delay) })
    if (underWay.length === 1) wait()
  }
}
