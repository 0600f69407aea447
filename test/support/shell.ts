/** `koa-docs-callback` as a process of its own, and what it has said. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { environment } from './first-example.js'

export const CLI = fileURLToPath(new URL('../../src/shell/cli.ts', import.meta.url))

/** Node's arguments to run it. */
export const SHELL = ['--import', 'tsx', CLI]

export interface Said {
  code: number | null
  output: string
  errors: string
  /** The JSON document, with `--json`. */
  json: Record<string, unknown>
}

/** Runs commands with the same environment. No output ever holds a token or what is hidden. */
export function createShell(
  env: Record<string, string>,
  hidden: readonly string[] = [],
): (...args: string[]) => Promise<Said> {
  const { DOCS_URL: _url, DOCS_SECRET: _secret, REDIS_URL: _redis, ...rest } = environment()
  return async (...args) => {
    const child = spawn(process.execPath, [...SHELL, ...args], {
      env: { ...rest, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = once(child, 'close')
    const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
    const [code] = (await ended) as [number | null]
    for (const secret of [...hidden, 'eyJ']) {
      assert.equal((output + errors).includes(secret), false, `the output holds ${secret}`)
    }
    const isJson = args.includes('--json') && output !== ''
    const json = isJson ? (JSON.parse(output) as Record<string, unknown>) : {}
    // What scripts rest on: the document says what the exit code says.
    if (isJson) assert.deepEqual([json['command'], json['exit']], [args[0], code])
    return { code, output, errors, json }
  }
}
