/** A Redis of the test's own: a free port, a temporary folder, gone with the test. */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TestRedis extends AsyncDisposable {
  readonly port: number
  readonly url: string
  /** Kills it without a word (SIGKILL). */
  kill: () => Promise<void>
  /** Starts it again, on the same port and with what its append-only file kept. */
  start: () => Promise<void>
  /** SIGSTOP and SIGCONT. */
  freeze: () => void
  thaw: () => void
  stop: () => Promise<void>
}

export async function freePort(): Promise<number> {
  for (;;) {
    // Below the ports that the system gives to connections: one of those could take it before it is used.
    const port = randomInt(15_000, 32_000)
    const server = createServer().listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}

/** `settings`: further lines of its configuration, `--name value`. */
export async function startRedis(...settings: string[]): Promise<TestRedis> {
  return startRedisOn(await freePort(), ...settings)
}

export async function startRedisOn(port: number, ...settings: string[]): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-redis-'))
  let server: ChildProcess | undefined

  async function start(): Promise<void> {
    const child = spawn(
      'redis-server',
      [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always', ...settings],
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    server = child
    let output = ''
    await new Promise<void>((resolve, reject) => {
      child.on('error', (error) =>
        reject(new Error('redis-server cannot be started', { cause: error })),
      )
      child.on('exit', () => reject(new Error(`redis-server ended: ${output.slice(-500)}`)))
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        if (output.includes('Ready to accept connections')) resolve()
      })
    })
  }

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const exit = once(server, 'exit')
    server.kill(signal)
    await exit
  }

  async function stop(): Promise<void> {
    await end('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  }

  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    start,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
