/** Calls between this process and the ones that it starts. */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Call {
  id: number
  name: string
  argument: unknown
}
type Reply = { id: number; result: unknown } | { id: number; error: string }

export interface Remote {
  call: <Result>(name: string, argument?: unknown) => Promise<Result>
  /** What it has written to its standard output. */
  output: () => string
  stop: () => Promise<void>
}

export interface StartOptions {
  /** A folder for its CPU profile. */
  profile?: string | undefined
  traceGc?: boolean | undefined
}

/** One call that takes longer than this ends the run, ms. */
const LIMIT = 180_000

/** Starts `program`, a file of this folder. */
export async function start(
  program: string,
  words: string[],
  { profile, traceGc = false }: StartOptions = {},
): Promise<Remote> {
  const path = fileURLToPath(new URL(`./${program}.js`, import.meta.url))
  const prof = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile]
  const execArgv = ['--expose-gc', ...prof, ...(traceGc ? ['--trace-gc'] : [])]
  const child: ChildProcess = fork(path, words, {
    execArgv,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const calls = new Map<number, (reply: Reply) => void>()
  let count = 0
  child.on('message', (reply: Reply) => {
    calls.get(reply.id)?.(reply)
    calls.delete(reply.id)
  })
  child.on('exit', () => {
    for (const [id, answer] of calls) answer({ id, error: 'it has ended' })
  })
  const remote: Remote = {
    async call<Result>(name: string, argument?: unknown) {
      const id = (count += 1)
      const reply = await new Promise<Reply>((resolve) => {
        const timer = setTimeout(() => resolve({ id, error: 'no answer in time' }), LIMIT)
        calls.set(id, (answer) => {
          clearTimeout(timer)
          resolve(answer)
        })
        child.send({ id, name, argument } satisfies Call)
      })
      if ('error' in reply) throw new Error(`${words.join(' ')} ${name}: ${reply.error}`)
      return reply.result as Result
    },
    output: () => output,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      child.disconnect()
      await exit
      clearTimeout(timer)
    },
  }
  await remote.call('ready')
  return remote
}

/** In the other process: answers calls, and ends when whoever started it has gone. */
export function serve(handlers: Record<string, (argument: never) => unknown>): void {
  process.once('disconnect', () => process.exit())
  process.on('message', ({ id, name, argument }: Call) => {
    void answer(id, name, argument)
  })

  async function answer(id: number, name: string, argument: unknown): Promise<void> {
    try {
      const result = name === 'ready' ? true : await handlers[name]?.(argument as never)
      process.send?.({ id, result })
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? '') : String(error) })
    }
  }
}
