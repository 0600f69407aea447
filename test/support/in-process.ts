/** A simulated Docs server and an application in this process: no socket, and time is the test's. */
import type { TestContext } from 'node:test'
import type { Docs } from '../../src/api.js'
import type { Http } from '../../src/client/http.js'
import { assembleDocs, type Outside } from '../../src/docs.js'
import type { DocsOptions } from '../../src/options.js'
import { createCore, virtualClock, type Core, type VirtualClock } from '../../src/testing/index.js'

export interface InProcess {
  clock: VirtualClock
  core: Core
  docs: Docs
  /** How often each command was sent. */
  commands: Map<string, number>
  /** Leaves forgotten files, of which no callback tells the application. */
  leave: (...keys: string[]) => Promise<void>
}

const UNHEARD = 'http://elsewhere'

export function startInProcess(
  t: TestContext,
  options: Partial<DocsOptions>,
  outside: Pick<Outside, 'createBackend'> = {},
): InProcess {
  const clock = virtualClock()
  const commands = new Map<string, number>()
  const core = createCore({
    clock,
    async deliver({ url, body }) {
      if (url === UNHEARD) return { status: 200, body: { error: body.status === 2 ? 1 : 0 } }
      const ref = new URL(url).pathname.split('/').at(-1)
      return docs.receive({ body: structuredClone(body), headers: {}, ref })
    },
  })
  const http: Http = {
    async request({ body = '' }) {
      const command = JSON.parse(body) as { c: string }
      commands.set(command.c, (commands.get(command.c) ?? 0) + 1)
      const response = await core.command(command)
      return { status: 200, headers: {}, text: JSON.stringify(response) }
    },
    open({ url }) {
      const fetched = core.fetch(url.pathname + url.search)
      const body = (async function* () {
        await Promise.resolve()
        if (fetched.status === 200) yield fetched.bytes
      })()
      return Promise.resolve({ status: fetched.status, headers: {}, body })
    },
    close: () => Promise.resolve(),
  }
  const docs = assembleDocs(
    {
      ...{ server: core.origin, publicUrl: 'http://app', secret: null, onSave: () => {} },
      ...options,
    },
    { clock, http, ...outside },
  )
  t.after(() => docs.close())
  return {
    ...{ clock, core, docs, commands },
    async leave(...keys) {
      for (const key of keys) {
        const editor = await core.open(key, { user: 'u1', callbackUrl: UNHEARD })
        editor.type(`the text of ${key}`)
        await editor.close()
      }
      await clock.advance(1_000)
    },
  }
}
