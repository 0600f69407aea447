/**
 * Stories about an application on a bad day: virtual time, the simulated Docs server, every callback under
 * the story's control, and the application restartable. A story checks the two faults that matter.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Docs } from '../../src/api.js'
import { assembleDocs } from '../../src/docs.js'
import { isDocsError } from '../../src/errors.js'
import type { DocsOptions } from '../../src/options.js'
import type { ForcesaveResult } from '../../src/results.js'
import type { Save } from '../../src/saves/save.js'
import {
  createCore,
  editsIn,
  virtualClock,
  type Core,
  type Editor,
  type VirtualClock,
} from '../../src/testing/index.js'

type Body = Record<string, unknown>

/** What happens to a callback on its way. */
export interface Fate {
  lost?: boolean
  /** ms */
  delay?: number
  /** The sender gives up at once, and the application takes it so much later, ms. */
  ghost?: number
  change?: (body: Body) => void
}

export interface BadDayOptions {
  options?: Partial<DocsOptions>
  fate?: (body: Body) => Fate
  /** How long a response to a command takes, ms. */
  responseDelay?: (command: Body) => number
  /** Before the file is stored; what it throws fails the save. */
  storing?: (save: Save, clock: VirtualClock) => unknown
}

export type End = ForcesaveResult | { outcome: string }

export interface BadDay {
  clock: VirtualClock
  core: Core
  docs: () => Docs
  /** The last edit in the newest stored file; a file of unknown order is kept beside it. */
  stored: () => number
  open: (user: string) => Promise<Editor>
  /** Calls `forcesave`; checks at its end that a certain result is true. */
  call: (options?: object) => Promise<End>
  crash: () => void
  start: (options?: Partial<DocsOptions>) => void
  /** All is well from now on, and everybody leaves: nothing may be lost in the end. */
  settle: () => Promise<void>
}

const KEY = 'k'

export function badDay(t: TestContext, given: BadDayOptions = {}): BadDay {
  const { options = {}, fate = () => ({}), responseDelay = () => 1, storing } = given
  const clock = virtualClock()
  const pass = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
  let isWell = false
  let docs: Docs | undefined
  let stored = 0
  let counter = 0
  const editors: Editor[] = []
  const core = createCore({
    ...{ clock, saveDelay: 10, random: () => 0.5 + (++counter % 1000) / 3000 },
    conversion: { delay: 20 },
    async deliver({ url, body }) {
      const ways: Fate = isWell ? {} : fate(body)
      const { lost, delay = 1, ghost, change } = ways
      const sent: Body = structuredClone(body)
      change?.(sent)
      const to = docs
      const request = { body: sent, headers: {}, ref: new URL(url).pathname.split('/').at(-1) }
      if (lost === true || to === undefined) return undefined
      if (ghost !== undefined) {
        void pass(ghost).then(() => to.receive(request))
        return undefined
      }
      await pass(delay)
      const reply = await to.receive(request)
      if (body.status === 2 && reply.status === 200 && reply.body.error === 0) {
        const held = lastEdit(core, String(body.url))
        assert.ok(
          stored >= held,
          `a final save with edit ${held} was acknowledged, stored is ${stored}`,
        )
      }
      return to === docs ? reply : undefined
    },
  })

  function start(more: Partial<DocsOptions> = {}): void {
    docs = assembleDocs(
      {
        ...{ server: core.origin, publicUrl: 'http://app', secret: null },
        async onSave(save) {
          await storing?.(save, clock)
          const holds = lastEdit(core, save.url)
          if (save.order === 'newest') {
            assert.ok(holds >= stored, `stored goes back from edit ${stored} to ${holds}`)
          }
          stored = Math.max(stored, holds)
          return { holds }
        },
        ...options,
        ...more,
      },
      {
        clock,
        http: {
          async request({ body = '' }) {
            const command = JSON.parse(body) as Body
            await pass(1)
            const response = await core.command(command)
            await pass(isWell ? 1 : responseDelay(command))
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
        },
      },
    )
  }

  start()
  t.after(() => docs?.close())
  const running = (): Docs => {
    assert.ok(docs !== undefined, 'the application is down')
    return docs
  }
  return {
    clock,
    core,
    docs: running,
    stored: () => stored,
    async open(user) {
      const editor = await core.open(KEY, { user, callbackUrl: running().callbackUrl('file') })
      editors.push(editor)
      return editor
    },
    async call(callOptions = {}) {
      const edits = core.edits(KEY)
      try {
        const result = await running().forcesave(KEY, callOptions)
        const isWrong = result.certain && stored < edits
        assert.ok(!isWrong, `${result.outcome}, certain, with edit ${stored} of ${edits} stored`)
        return result
      } catch (error) {
        if (!isDocsError(error)) throw error
        return { outcome: error.code }
      }
    },
    crash: () => (docs = undefined),
    start,
    async settle() {
      isWell = true
      for (const editor of editors) if (editor.connected) void editor.close()
      await clock.advance(600_000)
      for (let times = 0; times < 3; times += 1) {
        const recovered = running().forgotten.recover()
        await clock.advance(60_000)
        await recovered
      }
      const { url } = (await core.command({ c: 'getForgotten', key: KEY })) as { url?: string }
      const kept = Math.max(stored, url === undefined ? 0 : lastEdit(core, url))
      assert.equal(kept, core.edits(KEY), 'an edit is in no stored and in no forgotten file')
    },
  }
}

function lastEdit(core: Core, url: string): number {
  const bytes = core.file(url)
  return bytes === undefined ? 0 : (editsIn(bytes).at(-1) ?? 0)
}
