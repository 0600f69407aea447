/** What `onSave` gets, what may become of its result, and how forgotten files are stored. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createHttp, HttpFailure, type Http } from '../src/client/http.js'
import { isDocsError, type DocsError } from '../src/errors.js'
import type { DocsEvents, Logger } from '../src/events.js'
import { RejectSave } from '../src/saves/reject-save.js'
import type { Save } from '../src/saves/save.js'
import { editsIn, startDocsServer, type DocsServer, type Editor } from '../src/testing/index.js'
import { SECRET, startApp, type App, type AppOptions } from './support/app.js'

const KEY = 'key1'

interface Scene {
  server: DocsServer
  app: App
  editor: Editor
  /** What was logged as a warning or an error. */
  logged: { level: 'warn' | 'error'; message: string; details: Record<string, unknown> }[]
}

async function start(t: TestContext, options: Partial<AppOptions> = {}): Promise<Scene> {
  const server = await startDocsServer({ secret: SECRET })
  const logged: Scene['logged'] = []
  const quiet = (): void => {}
  const log =
    (level: 'warn' | 'error') =>
    (details: object, message: string): void =>
      void logged.push({ level, message, details: { ...details } })
  const logger: Logger = { debug: quiet, info: quiet, warn: log('warn'), error: log('error') }
  const app = await startApp({ server: server.url, grace: 20, retries: 0, logger, ...options })
  t.after(async () => {
    await app.close()
    await server.close()
  })
  const callbackUrl = app.docs.callbackUrl('file-1')
  const editor = await server.open(KEY, { user: 'u1', callbackUrl })
  return { server, app, editor, logged }
}

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'runner-'))
  t.after(() => rm(path, { recursive: true }))
  return path
}

/** The next event of this name. */
function next<Name extends keyof DocsEvents>(app: App, name: Name): Promise<DocsEvents[Name]> {
  return new Promise((resolve) => {
    const off = app.docs.on(name, (event) => {
      off()
      resolve(event)
    })
  })
}

const caught = (promise: Promise<unknown>): Promise<DocsError> =>
  promise.then(
    () => assert.fail('it resolved'),
    (error: unknown) => (assert.ok(isDocsError(error)), error),
  )

/** The verified body of the last callback of this status, as the Docs server sent it. */
function lastCallback(server: DocsServer, status: number): Record<string, unknown> {
  const bodies = server.log.flatMap((entry) =>
    entry.type === 'callback' ? [entry.body as Record<string, unknown>] : [],
  )
  const body = bodies.findLast((one) => one.status === status)
  assert.ok(body !== undefined)
  return body
}

describe('what onSave gets', () => {
  it('of a forced save that a command caused', async (t) => {
    const saves: Save[] = []
    const { server, app, editor } = await start(t, { onSave: (save) => void saves.push(save) })
    editor.type('hello')
    await app.docs.forcesave(KEY, { userdata: 'mine: "ü"' })
    const [save] = saves
    assert.ok(save !== undefined)
    const body = lastCallback(server, 6)
    assert.match(save.id, /^s[0-9A-Za-z_-]{43}$/)
    assert.deepEqual(
      [save.attempt, save.key, save.ref, save.status, save.trigger, save.final],
      [1, KEY, 'file-1', 6, 'command', false],
    )
    assert.ok(Number.isSafeInteger(save.sequence) && save.sequence > 0)
    assert.deepEqual([save.filetype, save.users, save.actions], ['docx', ['u1'], []])
    assert.equal(save.userdata, 'mine: "ü"')
    assert.deepEqual(save.history, body.history)
    assert.deepEqual(save.lastSave, new Date(body.lastsave as string))
    assert.equal(save.notModified, false)
    assert.deepEqual([save.url, save.changesUrl], [body.url, body.changesurl])
    assert.equal(save.formsDataUrl, undefined)
    assert.equal(save.signal.aborted, false)
  })

  it('of a final save', async (t) => {
    const saves: Save[] = []
    const { app, editor } = await start(t, { onSave: (save) => void saves.push(save) })
    editor.type('hello')
    const stored = next(app, 'saved')
    await editor.close()
    await stored
    const [save] = saves
    assert.ok(save !== undefined)
    assert.deepEqual([save.status, save.trigger, save.final], [2, 'close', true])
    assert.deepEqual(save.actions, [{ type: 0, userid: 'u1' }])
    assert.deepEqual([save.userdata, save.notModified], [undefined, false])
  })

  it('of a final save after which nothing changed', async (t) => {
    const saves: Save[] = []
    const { app, editor, server } = await start(t, { onSave: (save) => void saves.push(save) })
    editor.type('hello')
    await app.docs.forcesave(KEY)
    await server.idle()
    const stored = next(app, 'saved')
    await editor.close()
    await stored
    assert.deepEqual([saves.at(-1)?.final, saves.at(-1)?.notModified], [true, true])
    assert.ok(saves[1]!.sequence > saves[0]!.sequence)
    assert.notEqual(saves[1]!.id, saves[0]!.id)
  })

  it('of the save button, of the timer and of a form', async (t) => {
    const saves: Save[] = []
    const { server, editor } = await start(t, { onSave: (save) => void saves.push(save) })
    for (const act of [
      () => editor.saveButton(),
      () => server.timerSave(KEY),
      () => editor.submitForm(),
    ]) {
      editor.type('hello')
      act()
      await server.idle()
    }
    assert.deepEqual(
      saves.map(({ trigger }) => trigger),
      ['button', 'timer', 'form'],
    )
    assert.deepEqual(saves[0]?.actions, [{ type: 2, userid: 'u1' }])
    assert.match(saves[2]?.formsDataUrl ?? '', /formsdata\.json/)
    const fields = await new Response((await saves[2]!.downloadFormsData()).stream).json()
    assert.ok(Array.isArray(fields) && fields.length > 0)
    await assert.rejects(saves[0].downloadFormsData(), /there is no link/)
    assert.deepEqual(
      saves.map(({ userdata }) => userdata),
      [undefined, undefined, undefined],
    )
  })

  it('the callback as it came, unknown fields included, and without its token', async (t) => {
    const saves: Save[] = []
    const { server, app, editor } = await start(t, { onSave: (save) => void saves.push(save) })
    editor.type('hello')
    await app.docs.forcesave(KEY)
    const { token, ...sent } = lastCallback(server, 6)
    assert.equal(typeof token, 'string')
    for (const [name, value] of Object.entries(sent)) {
      assert.deepEqual(saves[0]?.body[name], value, name)
    }
    assert.ok(!Object.hasOwn(saves[0]!.body, 'token'))
  })

  it('the file as a stream, with its type', async (t) => {
    let type: string | undefined
    let edits: number[] = []
    const { app, editor } = await start(t, {
      async onSave(save) {
        const download = await save.download()
        type = download.type
        const chunks: Uint8Array[] = []
        for await (const chunk of download.stream) chunks.push(chunk)
        edits = editsIn(Buffer.concat(chunks))
      },
    })
    const numbers = [editor.type('one'), editor.type('two')]
    await app.docs.forcesave(KEY)
    assert.deepEqual(edits, numbers)
    assert.equal(type, 'application/octet-stream')
  })

  it('the file on disk, and the changes', async (t) => {
    const path = join(await folder(t), 'file-1')
    let changes = 0
    const { app, editor } = await start(t, {
      async onSave(save) {
        const { size } = await save.downloadTo(path)
        const { stream } = await save.downloadChanges()
        for await (const chunk of stream) changes += chunk.byteLength
        return { size }
      },
    })
    const number = editor.type('one')
    const result = await app.docs.forcesave(KEY)
    const file = await readFile(path)
    assert.deepEqual(editsIn(file), [number])
    assert.deepEqual(result.outcome === 'saved' && result.stored, { size: file.byteLength })
    assert.ok(changes > 0)
  })

  it('the number of the attempt, and the same id and sequence each time', async (t) => {
    const saves: Save[] = []
    const { app, editor } = await start(t, {
      retries: 1,
      onSave(save) {
        saves.push(save)
        if (saves.length === 1) throw new Error('not yet')
      },
    })
    editor.type('hello')
    await app.docs.forcesave(KEY)
    assert.deepEqual(
      saves.map(({ attempt }) => attempt),
      [1, 2],
    )
    assert.equal(saves[1]?.id, saves[0]?.id)
    assert.equal(saves[1]?.sequence, saves[0]?.sequence)
  })
})

describe('what onSave returns', () => {
  async function storedAs(t: TestContext, result: unknown): Promise<Scene & { stored: unknown }> {
    const scene = await start(t, { onSave: () => result })
    scene.editor.type('hello')
    const saved = await scene.app.docs.forcesave(KEY)
    assert.ok(saved.outcome === 'saved')
    return { ...scene, stored: saved.stored }
  }
  const circular: Record<string, unknown> = {}
  circular.self = circular

  for (const [what, result, expected] of [
    [
      'an object',
      { version: 7, list: [1, null], text: 'ü' },
      { version: 7, list: [1, null], text: 'ü' },
    ],
    ['a text', 'v7', 'v7'],
    ['a number', 0, 0],
    ['false', false, false],
    ['null', null, null],
    ['a promise of it', Promise.resolve({ version: 7 }), { version: 7 }],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an object with undefined in it', { a: undefined, b: 1 }, { b: 1 }],
    ['a text of 65,000 characters', 'x'.repeat(65_000), 'x'.repeat(65_000)],
  ] as const) {
    it(`${what} comes back as JSON has it`, async (t) => {
      const { stored, logged } = await storedAs(t, result)
      assert.deepEqual(stored, expected)
      assert.deepEqual(logged, [])
    })
  }

  for (const [what, result] of [
    ['undefined', undefined],
    ['a function', () => 7],
    ['a symbol', Symbol('x')],
  ] as const) {
    it(`${what} comes back as null`, async (t) => {
      assert.equal((await storedAs(t, result)).stored, null)
    })
  }

  for (const [what, result] of [
    ['a circular object', circular],
    ['a BigInt', { version: 7n }],
    ['10 MB', 'x'.repeat(10_000_000)],
    [
      'an object that throws when it is read',
      {
        toJSON() {
          throw new Error('no')
        },
      },
    ],
  ] as const) {
    it(`${what} does not undo the save: stored is null, and a warning says why`, async (t) => {
      const { stored, logged, server } = await storedAs(t, result)
      assert.equal(stored, null)
      assert.deepEqual(
        logged.map(({ level }) => level),
        ['warn'],
      )
      await server.idle()
      const replies = server.log.flatMap((entry) => (entry.type === 'reply' ? [entry] : []))
      assert.deepEqual((replies.at(-1) as { body?: unknown }).body, { error: 0 })
    })
  }
})

describe('what onSave throws', () => {
  async function failure(t: TestContext, thrown: unknown): Promise<DocsError> {
    const { app, editor } = await start(t, {
      onSave() {
        throw thrown
      },
    })
    editor.type('hello')
    return caught(app.docs.forcesave(KEY))
  }

  it('an error is the cause of STORAGE_FAILED, by name and message', async (t) => {
    const error = await failure(t, new RangeError('disk full'))
    assert.deepEqual([error.code, error.key, error.retryable], ['STORAGE_FAILED', KEY, true])
    assert.ok(error.cause instanceof Error)
    assert.deepEqual([error.cause.name, error.cause.message], ['RangeError', 'disk full'])
  })

  it('a text is, too', async (t) => {
    const error = await failure(t, 'disk full')
    assert.equal(error.code, 'STORAGE_FAILED')
    assert.match((error.cause as Error).message, /disk full/)
  })

  for (const thrown of [undefined, null, 7, { code: 'X' }]) {
    it(`${thrown === undefined ? 'undefined' : JSON.stringify(thrown)} is a failure like any other`, async (t) => {
      assert.equal((await failure(t, thrown)).code, 'STORAGE_FAILED')
    })
  }

  it('a RejectSave is not retryable', async (t) => {
    const error = await failure(t, new RejectSave('the file was deleted'))
    assert.deepEqual([error.code, error.retryable], ['STORAGE_FAILED', false])
    assert.equal((error.cause as Error).message, 'the file was deleted')
  })

  it('the event tells the error itself, and whether it is for good', async (t) => {
    const cause = new Error('disk full')
    const { app, editor } = await start(t, { onSave: () => Promise.reject(cause) })
    const told = next(app, 'save-failed')
    editor.type('hello')
    await caught(app.docs.forcesave(KEY))
    const { key, ref, error, permanent } = await told
    assert.deepEqual([key, ref, permanent], [KEY, 'file-1', false])
    assert.equal(error.cause, cause)
  })
})

describe('forgotten files', () => {
  /** The final save is refused, so the Docs server keeps the file; then nobody knows the key. */
  async function forgotten(t: TestContext, http?: Http): Promise<Scene & { saves: Save[] }> {
    const saves: Save[] = []
    const scene = await start(t, {
      ...(http === undefined ? {} : { http }),
      async onSave(save) {
        if (save.trigger === 'close') throw new RejectSave('not yet')
        const { stream } = await save.download()
        await stream.cancel()
        saves.push(save)
        return { attempt: saves.length }
      },
    })
    scene.editor.type('hello')
    await scene.editor.close()
    await scene.server.idle()
    scene.server.expire(KEY)
    assert.deepEqual(scene.server.forgotten, [KEY])
    return { ...scene, saves }
  }

  it('a forgotten file is stored by the next forcesave, under the ref that callbacks told', async (t) => {
    const { app, saves } = await forgotten(t)
    const result = await app.docs.forcesave(KEY)
    assert.ok(result.outcome === 'saved')
    assert.equal(result.trigger, 'forgotten')
    const [save] = saves
    assert.ok(save !== undefined)
    assert.deepEqual(
      [save.ref, save.status, save.final, save.filetype, save.users, save.userdata],
      ['file-1', 2, true, 'docx', [], undefined],
    )
    assert.equal(save.lastSave, undefined)
  })

  it('it is deleted at the Docs server before anybody is told', async (t) => {
    const { app, server } = await forgotten(t)
    const atEvent = next(app, 'saved').then(() => [...server.forgotten])
    await app.docs.forcesave(KEY)
    assert.deepEqual(server.forgotten, [])
    assert.deepEqual(await atEvent, [])
  })

  it('a delete that fails harms nobody: the call resolves, onSave runs once, a warning tells', async (t) => {
    const real = createHttp()
    const http: Http = {
      ...real,
      request: (request) =>
        request.body?.includes('"deleteForgotten"') === true
          ? Promise.reject(new HttpFailure('broken', 'the connection was reset'))
          : real.request(request),
    }
    const { app, server, saves, logged } = await forgotten(t, http)
    logged.length = 0
    const result = await app.docs.forcesave(KEY)
    assert.equal(result.outcome, 'saved')
    assert.equal(saves.length, 1)
    assert.deepEqual(server.forgotten, [KEY], 'it is still there')
    assert.deepEqual(
      logged.map(({ level }) => level),
      ['warn'],
    )
  })

  it('while it cannot be stored it stays at the Docs server', async (t) => {
    const { app, server, editor } = await start(t, {
      onSave: () => Promise.reject(new RejectSave()),
    })
    editor.type('hello')
    await editor.close()
    await server.idle()
    server.expire(KEY)
    assert.equal((await caught(app.docs.forcesave(KEY))).code, 'STORAGE_FAILED')
    assert.deepEqual(server.forgotten, [KEY])
  })
})
