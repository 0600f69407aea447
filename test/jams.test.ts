/** Whatever the application throws, and wherever: the save ends, the key goes on, and nothing is left unhandled. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import {
  DocsError,
  fromPlainError,
  isDocsError,
  readable,
  toPlainError,
  type DocsErrorCode,
} from '../src/errors.js'
import type { Logger } from '../src/events.js'
import type { DocsOptions } from '../src/options.js'
import { safeLogger } from '../src/safe-logger.js'
import { isRejectSave } from '../src/saves/reject-save.js'
import { cannotSucceed } from '../src/saves/runner.js'
import { editsIn } from '../src/testing/index.js'
import { startInProcess, type InProcess } from './support/in-process.js'

const KEY = 'key1'

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}
const boom = (): never => {
  throw new Error('a trap')
}
const withGetter = (name: string, error: object = new Error('hidden')): object =>
  Object.defineProperty(error, name, { get: boom })
function circular(): Error {
  const error = new Error('round and round')
  error.cause = error
  return error
}

/** What `onSave` may throw, by name: made afresh, since some of it can be used only once. */
const THROWN: Record<string, () => unknown> = {
  'an error': () => new Error('storage is down'),
  nothing: () => undefined,
  null: () => null,
  'a text': () => 'storage is down',
  'a symbol': () => Symbol('storage'),
  'a function': () => boom,
  'a revoked proxy': revoked,
  'a proxy all of whose traps throw': () => new Proxy({}, new Proxy({}, { get: () => boom })),
  'an error whose message throws': () => withGetter('message'),
  'an error whose name throws': () => withGetter('name'),
  'an error whose stack throws': () => withGetter('stack'),
  'an error whose message is an object in a circle': () =>
    Object.assign(new Error(), { message: circular() as unknown as string }),
  'an error that is its own cause': circular,
  'a thenable that throws': () => ({ then: boom }),
  'a DocsError whose code throws': () => withGetter('code', new DocsError('TIMEOUT', 'hm')),
  'a DocsError whose retryable throws': () =>
    withGetter('retryable', new DocsError('BAD_RESPONSE', 'hm')),
  'a DocsError with a revoked cause': () => new DocsError('TIMEOUT', 'hm', { cause: revoked() }),
}

// The type allows what it gives, as that of an async method of the application's does.
const rejects: Logger['debug'] = () => Promise.reject(new Error('not written')) as unknown
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const LOGGERS: Record<string, Logger> = {
  'a silent logger': silent,
  'a logger that throws': { debug: boom, info: boom, warn: boom, error: boom },
  'a logger that rejects': { debug: rejects, info: rejects, warn: rejects, error: rejects },
  'a logger that reads all of an error': { ...silent, error: (details) => void readAll(details) },
}
const readAll = (value: unknown): string =>
  JSON.stringify(value, (_name, inner: unknown) =>
    inner instanceof Error ? `${inner.name}: ${inner.message} ${inner.stack}` : inner,
  )

/** Fails the test for a rejection or an exception that nobody handles: either would end a process. */
function watchForCrashes(t: TestContext): unknown[] {
  const crashes: unknown[] = []
  const note = (error: unknown): void => void crashes.push(error)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  return crashes
}

interface Scene extends InProcess {
  /** The last edit that is in a stored file; 0 for none. */
  holds: () => number
  crashes: unknown[]
}

/** `fail` stands for `onSave` while it returns true or throws; then the file is stored. */
function start(t: TestContext, fail: () => unknown, options: Partial<DocsOptions> = {}): Scene {
  const crashes = watchForCrashes(t)
  let holds = 0
  const world = startInProcess(t, {
    ...{ retries: 0, grace: 100 },
    async onSave(save) {
      await fail()
      const { pathname, search } = new URL(save.url)
      const fetched = world.core.fetch(pathname + search)
      assert.ok(fetched.status === 200)
      holds = editsIn(fetched.bytes).at(-1) ?? 0
    },
    ...options,
  })
  return { ...world, holds: () => holds, crashes }
}

const open = ({ core, docs }: InProcess) =>
  core.open(KEY, { user: 'u1', callbackUrl: docs.callbackUrl('file') })

/** Resolves with what a call ended with, time going on meanwhile. */
async function ending({ clock }: InProcess, call: Promise<unknown>): Promise<unknown> {
  const end = call.then(
    (result) => (result as { outcome?: string } | undefined)?.outcome,
    (error: unknown) => (isDocsError(error) ? error.code : error),
  )
  await clock.advance(70_000)
  return end
}

/** One failed save of an edit; then all is well, and the next call has to store both. */
async function goesOn(scene: Scene): Promise<void> {
  const editor = await open(scene)
  editor.type('one')
  assert.equal(await ending(scene, scene.docs.forcesave(KEY)), 'STORAGE_FAILED')
  editor.type('two')
  assert.equal(await ending(scene, scene.docs.forcesave(KEY)), 'saved')
  assert.equal(scene.holds(), 2)
  editor.type('three')
  void editor.close()
  await scene.clock.advance(70_000)
  assert.equal(scene.holds(), 3)
  assert.deepEqual(scene.core.forgotten, [])
  assert.deepEqual(scene.crashes, [])
}

function onlyFirst(throwIt: () => unknown): () => void {
  let first = true
  return () => {
    if (!first) return
    first = false
    throw throwIt()
  }
}

describe('onSave throws', () => {
  for (const [what, make] of Object.entries(THROWN)) {
    for (const [how, logger] of Object.entries(LOGGERS)) {
      it(`${what}, to ${how}: the save has failed, and the key goes on`, async (t) => {
        await goesOn(start(t, onlyFirst(make), { logger }))
      })
    }
  }

  it('or gives a thenable that throws: the save has failed, and the key goes on', async (t) => {
    let first = true
    const fail = (): unknown => {
      if (!first) return undefined
      first = false
      return { then: boom }
    }
    await goesOn(start(t, fail))
  })
})

describe('a listener, a subscriber or another function of the application', () => {
  for (const [what, make] of Object.entries(THROWN)) {
    it(`throws ${what} at every event: nothing else is affected`, async (t) => {
      const scene = start(
        t,
        onlyFirst(() => new Error('down')),
        { logger: LOGGERS['a logger that throws']! },
      )
      for (const name of ['editing', 'closed', 'saving', 'saved', 'save-failed'] as const) {
        scene.docs.on(name, () => {
          throw make()
        })
        scene.docs.on(name, async () => Promise.reject(make() as Error))
      }
      for (const name of ['command', 'settled', 'late', 'rejected'] as const) {
        scene.docs.on(name, () => make())
      }
      await goesOn(scene)
    })
  }

  it('freezes the context of every trace: nothing else is affected', async (t) => {
    const freeze = (context: unknown): void => void Object.freeze(context)
    const names = ['command', 'callback', 'save'].map(
      (name) => `tracing:koa-docs-callback:${name}:start`,
    )
    for (const name of names) subscribe(name, freeze)
    t.after(() => names.forEach((name) => unsubscribe(name, freeze)))
    await goesOn(
      start(
        t,
        onlyFirst(() => new Error('down')),
      ),
    )
  })

  for (const [what, make] of Object.entries(THROWN)) {
    it(`throws ${what} as onConversionFailed: the edits are kept`, async (t) => {
      const scene = start(t, () => {}, {
        logger: LOGGERS['a logger that throws']!,
        onConversionFailed: () => {
          throw make()
        },
      })
      const body = { key: KEY, status: 3, users: ['u1'], url: 'http://x' }
      const ref = new URL(scene.docs.callbackUrl('file')).pathname.split('/').at(-1)
      const reply = scene.docs.receive({ body, headers: {}, ref })
      await scene.clock.advance(1_000)
      assert.deepEqual(await reply, { status: 200, body: { error: 1 } })
      assert.deepEqual(scene.crashes, [])
    })

    it(`throws ${what} as refOf or onResult: recover() goes on`, async (t) => {
      const scene = start(t, () => {}, {
        logger: LOGGERS['a logger that throws']!,
        refOf: (key) => {
          if (key === 'a') throw make()
          return `file-${key}`
        },
      })
      await scene.leave('a', 'b')
      const recovered = scene.docs.forgotten.recover({
        onResult: () => {
          throw make()
        },
      })
      await scene.clock.advance(70_000)
      const { recovered: stored, failed } = await recovered
      assert.deepEqual({ stored, failed }, { stored: 1, failed: 1 })
      assert.deepEqual(scene.crashes, [])
    })
  }
})

describe('inside onSave', () => {
  it('forcesave and outcome of its own key are refused at once, and the save is stored', async (t) => {
    const ends: unknown[] = []
    const scene: Scene = start(t, async () => {
      const { id } = await scene.docs.startForcesave(KEY)
      for (const call of [() => scene.docs.forcesave(KEY), () => scene.docs.outcome(id)]) {
        const begun = scene.clock.now()
        const error = await call().then(
          () => 'it resolved',
          (reason: unknown) => reason,
        )
        ends.push(isDocsError(error, 'BAD_OPTION') && /inside onSave/.test(error.message))
        ends.push(scene.clock.now() - begun)
      }
    })
    const editor = await open(scene)
    editor.type('one')
    assert.equal(await ending(scene, scene.docs.forcesave(KEY)), 'saved')
    assert.deepEqual(ends.slice(0, 4), [true, 0, true, 0])
  })

  it('info and meta of its own key are answered, and so is forcesave of another key', async (t) => {
    const ends: unknown[] = []
    const scene: Scene = start(t, async () => {
      ends.push((await scene.docs.info(KEY)).status)
      await scene.docs.meta(KEY, { title: 'new' })
      ends.push((await scene.docs.forcesave('other')).outcome)
    })
    const editor = await open(scene)
    editor.type('one')
    assert.equal(await ending(scene, scene.docs.forcesave(KEY)), 'saved')
    assert.deepEqual(ends.slice(0, 2), ['editing', 'unchanged'])
  })

  it('what a run leaves behind is not inside any more when it has ended', async (t) => {
    let later: Promise<unknown> | undefined
    const scene: Scene = start(t, () => {
      later ??= new Promise<void>((resolve) => scene.clock.after(5_000, resolve)).then(() =>
        scene.docs.forcesave(KEY),
      )
    })
    const editor = await open(scene)
    editor.type('one')
    assert.equal(await ending(scene, scene.docs.forcesave(KEY)), 'saved')
    assert.equal(await ending(scene, later!), 'unchanged')
  })

  it('close() does not wait for the run that calls it, and the save is stored', async (t) => {
    let closeTook = Infinity
    let ended = false
    const scene: Scene = start(t, async () => {
      const begun = scene.clock.now()
      await scene.docs.close()
      closeTook = scene.clock.now() - begun
    })
    const editor = await open(scene)
    editor.type('one')
    scene.docs.forcesave(KEY).catch(() => {})
    await scene.clock.advance(1_000)
    assert.equal(closeTook, 0)
    void scene.docs.close().then(() => (ended = true))
    await scene.clock.advance(1_000)
    assert.equal(ended, true)
    assert.equal(scene.holds(), 1)
    assert.deepEqual(scene.crashes, [])
  })
})

describe('an error as plain data', () => {
  // As functions: fast-check looks at the values that it makes, and some of these bear no look.
  const anything = fc.oneof(
    fc.constantFrom(...Object.values(THROWN)),
    fc.anything({ withNullPrototype: true, withSparseArray: true }).map((value) => () => value),
  )
  const codes: DocsErrorCode[] = ['TIMEOUT', 'STORAGE_FAILED', 'BAD_RECORD', 'CLOSED']

  it('is JSON, and comes back the same, whatever its cause is', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        fc.string({ maxLength: 100 }),
        anything,
        (code, text, make) => {
          const plain = toPlainError(new DocsError(code, text, { key: 'k', cause: make() }))
          assert.deepEqual(JSON.parse(JSON.stringify(plain)), plain)
          const back = fromPlainError(plain)
          assert.deepEqual([back.code, back.message, back.key], [code, text, 'k'])
          assert.deepEqual(toPlainError(back), plain)
        },
      ),
    )
  })

  it('is JSON, whatever its fields are', () => {
    const names = fc.constantFrom('code', 'message', 'retryable', 'key', 'error', 'cause')
    fc.assert(
      fc.property(names, anything, fc.boolean(), (name, make, throws) => {
        const error = new DocsError('TIMEOUT', 'hm')
        Object.defineProperty(error, name, throws ? { get: boom } : { value: make() })
        const plain = toPlainError(error)
        assert.deepEqual(JSON.parse(JSON.stringify(plain)), plain)
      }),
    )
  })

  it('and every question about what was thrown has an answer', () => {
    fc.assert(
      fc.property(anything, (make) => {
        const thrown = make()
        isDocsError(thrown, 'TIMEOUT')
        isRejectSave(thrown)
        cannotSucceed(thrown)
        const error = readable(thrown)
        if (error instanceof Error) assert.equal(typeof `${error.name}${error.message}`, 'string')
      }),
    )
  })

  it('has a bounded message, since it is kept in Redis', () => {
    const cause = new Error('x'.repeat(1_000_000))
    assert.ok(
      JSON.stringify(toPlainError(new DocsError('TIMEOUT', 'hm', { cause }))).length < 5_000,
    )
  })
})

describe('the logger', () => {
  it('is called as a method of itself, with what it was always given', () => {
    const lines: unknown[] = []
    class Own implements Logger {
      #lines = lines
      debug(details: object, message: string): void {
        this.#lines.push([details, message])
      }
      info = boom
      warn = boom
      error = boom
    }
    safeLogger(new Own()).debug({ key: 'k' }, 'hello')
    assert.deepEqual(lines, [[{ key: 'k' }, 'hello']])
  })

  it('gets a line with an error that it cannot read once more, without that error', () => {
    const lines: unknown[] = []
    const logger: Logger = {
      ...silent,
      error: (details, message) => void lines.push([readAll(details), message]),
    }
    safeLogger(logger).error({ err: withGetter('message'), key: 'k' }, 'failed')
    const err = { name: 'Error', message: 'what was thrown cannot be read' }
    assert.deepEqual(lines, [])
    return new Promise<void>((resolve) => setImmediate(resolve)).then(() =>
      assert.deepEqual(lines, [[JSON.stringify({ err, key: 'k' }), 'failed']]),
    )
  })
})
