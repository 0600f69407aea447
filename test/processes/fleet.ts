/** Processes as the test holds them in its hands: started, asked, killed, told to end. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { ForcesaveResult, InfoResult } from '../../src/index.js'
import type { Ask, End, FromProcess, Settings } from './settings.js'

/** The process is gone, and with it whoever called. */
export class ProcessGone extends Error {}

/** A call that ended with an error, as its process told. */
export class CallFailed extends Error {
  readonly code: string | undefined
  readonly key: string | undefined
  constructor({ code, message, key }: Extract<End, { error: object }>['error']) {
    super(message)
    this.code = code
    this.key = key
  }
}

export interface Process {
  readonly pid: number
  readonly url: string
  readonly alive: boolean
  forcesave: (key: string, options?: object) => Promise<ForcesaveResult>
  startForcesave: (key: string, options?: object) => Promise<{ id: string }>
  outcome: (id: string, options?: object) => Promise<ForcesaveResult>
  info: (key: string) => Promise<InfoResult>
  callbackUrl: (ref: string) => Promise<string>
  /** SIGKILL; resolves when it is gone. */
  kill: () => Promise<void>
  /** SIGTERM; resolves with how it ended, by itself. */
  stop: () => Promise<{ code: number | null; signal: string | null }>
  /** Resolves when it is gone, whoever ended it. */
  readonly gone: Promise<{ code: number | null; signal: string | null }>
}

export async function startProcess(
  program: 'web' | 'worker',
  settings: Settings,
): Promise<Process> {
  const path = fileURLToPath(new URL(`./${program}.ts`, import.meta.url))
  const child = fork(path, [JSON.stringify(settings)], { execArgv: ['--import', 'tsx'] })
  const calls = new Map<number, { resolve: (end: End) => void; reject: (error: Error) => void }>()
  let count = 0
  let alive = true
  const gone = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      alive = false
      for (const { reject } of calls.values()) reject(new ProcessGone(`${program} has ended`))
      calls.clear()
      resolve({ code, signal })
    })
  })
  // What is sent to a process that has just died.
  child.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    gone.then(() => reject(new Error(`${program} ended before it was ready`))).catch(reject)
    child.on('message', (message: FromProcess) => {
      if ('ready' in message) return resolve()
      const { number, end } = message
      calls.get(number)?.resolve(end)
      calls.delete(number)
    })
  })

  async function ask<Result>(call: Ask['call'], ...args: unknown[]): Promise<Result> {
    if (!alive || !child.connected) throw new ProcessGone(`${program} has ended`)
    const number = (count += 1)
    const end = await new Promise<End>((resolve, reject) => {
      calls.set(number, { resolve, reject })
      child.send({ number, call, args } satisfies Ask)
    })
    if ('error' in end) throw new CallFailed(end.error)
    return end.result as Result
  }

  return {
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${settings.port}`,
    get alive() {
      return alive
    },
    gone,
    forcesave: (key, options = {}) => ask('forcesave', key, options),
    startForcesave: (key, options = {}) => ask('startForcesave', key, options),
    outcome: (id, options = {}) => ask('outcome', id, options),
    info: (key) => ask('info', key),
    callbackUrl: (ref) => ask('callbackUrl', ref),
    kill: () => end(child, 'SIGKILL').then(() => {}),
    stop: () => end(child, 'SIGTERM'),
  }

  async function end(
    process: ChildProcess,
    signal: 'SIGKILL' | 'SIGTERM',
  ): Promise<{ code: number | null; signal: string | null }> {
    if (alive) process.kill(signal)
    return gone
  }
}
