/** A simulated Docs server and an application on it, over real HTTP; both end with the test. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { isDocsError, type DocsError, type DocsErrorCode } from '../../src/index.js'
import {
  startDocsServer,
  type DocsServer,
  type DocsServerOptions,
  type Editor,
  type VirtualClock,
} from '../../src/testing/index.js'
import { SECRET, startApp, type App, type AppOptions } from './app.js'
import { passTime } from './callbacks.js'

export interface Pair {
  server: DocsServer
  app: App
  docs: App['docs']
  /** Opens `key` in an editor; its ref is `file of <key>`. */
  open: (key: string, user?: string) => Promise<Editor>
  /** The commands that have been sent, by name. */
  commands: () => string[]
}

export async function startPair(
  t: TestContext,
  options: Omit<Partial<AppOptions>, 'server'> & { simulation?: DocsServerOptions } = {},
): Promise<Pair> {
  const { simulation, ...given } = options
  const clock = given.clock === undefined ? {} : { clock: given.clock }
  const server = await startDocsServer({ secret: SECRET, ...clock, ...simulation })
  // Nobody but the test saves, so a test need not wait for strangers.
  const app = await startApp({ server: server.url, otherSaves: false, grace: 50, ...given })
  t.after(async () => {
    await server.close()
    const closed = app.close()
    // What is left running is given its time, which is virtual.
    await (given.clock !== undefined && 'runUntil' in given.clock
      ? passTime(given.clock as VirtualClock, closed)
      : closed)
  })
  return {
    server,
    app,
    docs: app.docs,
    open: (key, user = 'u1') =>
      server.open(key, { user, callbackUrl: app.docs.callbackUrl(`file of ${key}`) }),
    commands: () =>
      server.log.flatMap((entry) =>
        entry.type === 'command' ? [(entry.body as { c: string }).c] : [],
      ),
  }
}

/** What `work` rejects with, which has to be a DocsError of this code. */
export async function failure(work: Promise<unknown>, code: DocsErrorCode): Promise<DocsError> {
  const error: unknown = await work.then(
    () => assert.fail(`it resolved where ${code} was expected`),
    (reason: unknown) => reason,
  )
  assert.ok(isDocsError(error, code), `${code} was expected, and it was ${String(error)}`)
  return error
}
