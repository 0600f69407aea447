/** `examples/storage-app` in a real browser: what its users see, and that their files hold what they typed. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import jwt from 'jsonwebtoken'
import type { Frame, Page } from 'playwright-core'
import type { AxeResults } from 'axe-core'
import { wordsFor, wordsForError, wordsForOpening } from '../examples/storage-app/words.js'
import { DocsError, type DocsErrorCode, type Doubt, type SignedEditorConfig } from '../src/index.js'
import { SECRET } from './support/app.js'
import { closeBrowser } from './support/browser.js'
import { environment } from './support/first-example.js'
import { listen, stop } from './support/over-http.js'
import {
  downloadBy,
  openApp,
  openDocument,
  press,
  startStorageApp,
  type StorageApp,
  typeAtEnd,
} from './support/storage-app.js'
import { until } from './support/until.js'

const LIMIT = { timeout: 300_000 }
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with the page and the frame in it, in a few words each. */
async function problemsOf(page: Page): Promise<string[]> {
  const found = []
  for (const frame of page.frames()) {
    // The policy of the page lets no script in: this one comes from the debugger.
    await frame.evaluate(axe)
    const { violations } = await frame.evaluate<AxeResults>('axe.run()')
    found.push(...violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`))
  }
  return found
}

const SIZES = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1280, height: 800 },
]

/** By how many pixels what is in it is wider than it. */
const overflow = (place: Page | Frame): Promise<number> =>
  place.evaluate('document.documentElement.scrollWidth - innerWidth')

/** Somebody of this name in an editor of the document Welcome, without a window. */
async function openInFrame(
  t: TestContext,
  { server, url }: StorageApp,
  name: string,
): Promise<void> {
  const response = await fetch(`${url}/files/welcome/config`)
  const { token: _token, ...config } = (await response.json()) as SignedEditorConfig
  const signed = { ...config, editorConfig: { ...config.editorConfig, user: { id: name, name } } }
  const home = `${server.url}/web-apps/apps/simulated`
  const body = JSON.stringify({ ...signed, token: jwt.sign(signed, SECRET) })
  const opened = await fetch(`${home}/open`, { method: 'POST', body })
  const { session } = (await opened.json()) as { session: string }
  const leave = new AbortController()
  t.after(() => leave.abort())
  await fetch(`${home}/events?session=${session}`, { signal: leave.signal })
}

interface Config {
  document: { key: string; url: string }
  editorConfig: { callbackUrl: string }
}

const configOf = async ({ url }: StorageApp, file = 'welcome'): Promise<Config> =>
  (await (await fetch(`${url}/files/${file}/config`)).json()) as Config

describe('the storage app', LIMIT, () => {
  after(closeBrowser)

  test('two windows type, one downloads, and the file holds what both have typed', async (t) => {
    const app = await startStorageApp(t)
    const ann = await openDocument(t, app, { user: 'Ann' })
    const ben = await openDocument(t, app, { user: 'Ben', dark: true })
    await Promise.all([typeAtEnd(ann, 'Ann was here. '), typeAtEnd(ben, 'So was Ben. ')])

    const file = await downloadBy(ben.page, press(ben.page, 'Download latest'))
    assert.match(file, /^Welcome!\n/)
    assert.match(file, /Ann was here\. /)
    assert.match(file, /So was Ben\. /)
    await until(async () => (await ann.text.inputValue()) === file, 'Ann sees the same')
    await ben.verdict.getByText(/^Saved .* ago\. Version 2 holds all that was typed/).waitFor()

    // Ann, who has asked for nothing, sees the new version and who has written it.
    const newest = ann.versions.filter({ hasText: 'Version 2' })
    await newest.waitFor()
    const authors = (await newest.getByRole('listitem').allInnerTexts()).sort()
    assert.match(authors.join(), /^Ann, \d[^,]*,Ben, \d[^,]*$/)

    await press(ann.page, 'Save now')()
    await ann.verdict.getByText(/^Nothing new since \d/).waitFor()
    assert.equal(await ann.versions.filter({ hasText: /Version \d/ }).count(), 2)

    for (const { page } of [ann, ben]) assert.deepEqual(await problemsOf(page), [])

    // Whoever opens it after all have left gets a new key, and in it what was stored.
    await typeAtEnd(ann, 'Unsaved.')
    const keyNow = async (): Promise<string> => (await configOf(app)).document.key
    const key = await keyNow()
    await ben.page.goto('about:blank')
    await ann.page.frameLocator('iframe').getByRole('button', { name: 'Close' }).click()
    await until(async () => (await keyNow()) !== key)
    const next = await openDocument(t, app, { user: 'Cleo' })
    assert.match(await next.text.inputValue(), /Unsaved\./)
    await next.versions.filter({ hasText: 'Saved when the last editor left' }).waitFor()
    await next.page.goto(app.url)
    assert.deepEqual(await problemsOf(next.page), [])
    assert.equal(await app.stop(), 0)
  })

  test('says in words that the document could not be converted, and offers the last version', async (t) => {
    const app = await startStorageApp(t)
    const { page, verdict, complaints, ...window } = await openDocument(t, app, { user: 'Ann <b>' })
    app.server.conversion.fails = true
    await typeAtEnd({ page, verdict, complaints, ...window }, 'Something new. ')
    await press(page, 'Download latest')()
    await verdict.getByText('the Docs server could not convert the document').waitFor()
    assert.deepEqual(await problemsOf(page), [])
    const offered = await downloadBy(page, () =>
      page.getByRole('link', { name: 'Download the last stored version' }).click(),
    )
    assert.equal(offered, await readFile(join(app.folder, 'welcome', '1.txt'), 'utf8'))
    assert.match(complaints.splice(0).join(), /^Failed to load resource.* 503/)

    app.server.conversion.fails = false
    await typeAtEnd({ page, verdict, complaints, ...window }, 'And more.')
    const file = await downloadBy(page, press(page, 'Download latest'))
    assert.match(file, /Something new\. And more\./)
    await verdict.getByText(/^Saved/).waitFor()
  })

  test('the process dies and comes back: nothing that was typed meanwhile is lost', async (t) => {
    const app = await startStorageApp(t)
    const window = await openDocument(t, app, { user: 'Ann' })
    const { page, verdict, complaints } = window
    const { document: welcome } = await configOf(app)
    const { document, editorConfig } = await configOf(app, 'meeting-notes')
    const { callbackUrl } = editorConfig
    const other = { user: 'ben', file: { type: 'txt', text: 'Meeting notes\n' } }
    const ben = await app.server.open(document.key, { ...other, callbackUrl })
    await typeAtEnd(window, 'Typed before. ')

    await app.kill()
    // Of this one the final save comes while nobody is there to take it.
    ben.type('Ben agrees.')
    await ben.close()
    await page.getByRole('alert').waitFor()
    await typeAtEnd(window, 'Typed meanwhile. ')
    await press(page, 'Download latest')()
    await verdict.getByText('this application does not answer').waitFor()
    assert.deepEqual(await problemsOf(page), [])
    await until(() => app.server.forgotten.length === 1, 'a forgotten file')

    await app.start()
    await page.getByRole('alert').waitFor({ state: 'hidden' })
    // Whoever comes now meets Ann, though the process knows nothing of before.
    assert.equal((await configOf(app)).document.key, welcome.key)
    const file = await downloadBy(page, press(page, 'Download latest'))
    assert.match(file, /Typed before\. Typed meanwhile\. $/)
    await verdict.getByText(/^Saved/).waitFor()
    assert.match(complaints.splice(0).join(), /ERR_CONNECTION_REFUSED/)

    const notes = await openDocument(t, app, { user: 'Cleo', file: 'Meeting notes' })
    await notes.versions.filter({ hasText: 'Recovered from the Docs server' }).waitFor()
    assert.match(await notes.text.inputValue(), /Ben agrees\./)
  })

  test('whoever comes back during the final save shares one session, and the next one can edit', async (t) => {
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    let asked = false
    // Between the application and the files of the Docs server: holds the download of the final save.
    const gate = createServer((request, response) => {
      asked = true
      void released
        .then(() => fetch(`${app.server.url}${request.url ?? ''}`))
        .then(async (file) => response.end(new Uint8Array(await file.arrayBuffer())))
    })
    const origin = await listen(gate)
    t.after(() => stop(gate))
    const app = await startStorageApp(t, { DOWNLOAD_ORIGINS: origin })
    app.server.origin = origin
    const versions = async (): Promise<number> => {
      const page = await (await fetch(`${app.url}/files/welcome`)).text()
      return [...page.matchAll(/<li value=/g)].length
    }
    const { document, editorConfig } = await configOf(app)
    const { callbackUrl } = editorConfig

    const ann = await app.server.open(document.key, { user: 'ann', callbackUrl })
    ann.type('The end.')
    await ann.close()
    await until(() => asked, 'the final save is being stored')
    // It is not waited for: whoever opens the document meanwhile gets in.
    const back = await configOf(app)
    assert.equal(back.document.key, document.key)
    const ben = await app.server.open(back.document.key, { user: 'ben', callbackUrl })
    release()
    await until(async () => (await versions()) === 2)
    assert.equal((await configOf(app)).document.key, document.key)
    await ben.close()
    await app.server.idle()
    assert.equal(await versions(), 2)

    const next = await configOf(app)
    const cleo = await app.server.open(next.document.key, { user: 'cleo', callbackUrl })
    assert.equal(cleo.viewOnly, false)
    cleo.type('Not quite.')
    await cleo.close()
    await until(async () => (await versions()) === 3)
    assert.match(await (await fetch(next.document.url)).text(), /The end\.[^]*Not quite\./)
    // All is stored, and the last word is a final save.
    await until(async () => (await configOf(app)).document.key !== next.document.key)
  })

  test('an editor whose key is over reloads the page once, and then says what to do', async (t) => {
    const app = await startStorageApp(t)
    const { page } = await openApp(t, app)
    let loads = 0
    // In the place of the editor's script: one that finds its key over, whatever the config.
    await page.route('**/api.js', async (route) => {
      loads += 1
      const body =
        'window.DocsAPI = { DocEditor: class { constructor(id, { events }) { setTimeout(events.onOutdatedVersion) } } }'
      await route.fulfill({ contentType: 'text/javascript', body })
    })
    await page.getByRole('link', { name: 'Welcome' }).click()
    await page
      .getByRole('status')
      .getByText(/cannot be edited yet/)
      .waitFor()
    assert.equal(loads, 2)
  })

  test('a final save that nobody took after others were stored is there for whoever opens next', async (t) => {
    const app = await startStorageApp(t)
    const ann = await openDocument(t, app, { user: 'Ann' })
    await typeAtEnd(ann, 'Stored. ')
    await press(ann.page, 'Save now')()
    await ann.verdict.getByText(/^Saved/).waitFor()
    await typeAtEnd(ann, 'Not taken.')
    await app.kill()
    await ann.page.frameLocator('iframe').getByRole('button', { name: 'Close' }).click()
    await until(() => app.server.forgotten.length === 1, 'a forgotten file')
    await ann.context.close()
    ann.complaints.length = 0
    await app.start()

    // Without Redis nothing proves that it is newer than version 2: it is left, the key stays, and no verdict is certain.
    const next = await openDocument(t, app, { user: 'Cleo' })
    await until(async () => /Stored\. Not taken\./.test(await next.text.inputValue()))
    await press(next.page, 'Save now')()
    await next.verdict.getByText(/may lack something/).waitFor()
    await typeAtEnd(next, ' More.')
    const file = await downloadBy(next.page, press(next.page, 'Download latest'))
    assert.match(file, /Stored\. Not taken\. More\.$/)
  })

  test('without settings every start is a new Docs server, and a new key', async (t) => {
    const app = await startStorageApp(t, { DOCS_URL: undefined, DOCS_SECRET: undefined })
    const { key } = (await configOf(app)).document
    assert.equal((await configOf(app)).document.key, key)
    assert.equal(await app.stop(), 0)
    await app.start()
    assert.notEqual((await configOf(app)).document.key, key)
  })

  test('says in words that the document cannot be opened while the Docs server is away', async (t) => {
    const app = await startStorageApp(t)
    await configOf(app)
    await app.server.close()
    const response = await fetch(`${app.url}/files/welcome/config`)
    assert.equal(response.status, 503)
    const { words } = (await response.json()) as { words: { text: string } }
    assert.match(words.text, /^Not opened: the Docs server does not say .* number 1, saved at/)
  })

  test('fills a narrow window after a resize, and takes back that the app is away', async (t) => {
    const app = await startStorageApp(t)
    const { page, verdict, complaints } = await openDocument(t, app, { user: 'Ann' })
    const editor = page.frameLocator('iframe')
    for (const { width, height } of SIZES) {
      await page.setViewportSize({ width, height })
      const place = (await page.locator('.editor').boundingBox())!
      const frame = (await page.locator('.editor iframe').boundingBox())!
      assert.ok(place.x + place.width <= width, `${width}: wider than the window`)
      assert.ok(place.width - frame.width <= 2 && place.height - frame.height <= 2, `${width}`)
      assert.equal(await overflow(page), 0, `${width}: the page scrolls sideways`)
      const state = (await editor.locator('#state').boundingBox())!
      assert.ok(state.width >= 200, `${width}: what the editor says is cut off`)
    }
    await app.kill()
    await press(page, 'Save now')()
    await verdict.getByText(/does not answer/).waitFor()
    await app.start()
    await verdict.getByText(/is back/).waitFor()
    complaints.length = 0
  })

  test('keeps all in its windows, whoever edits and whatever is said', async (t) => {
    const app = await startStorageApp(t)
    for (const name of ['Bartholomew', 'Christabella', 'Dagobert-Maximilian', 'Ferdinand']) {
      await openInFrame(t, app, name)
    }
    const list = await openApp(t, app)
    const { page } = await openDocument(t, app, { user: 'Ann' })
    const frame = page.frames().find((one) => one.url().startsWith(app.server.url))!
    await frame.getByText('Ferdinand').waitFor()
    for (const size of SIZES) {
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const one of [page, list.page]) {
          await one.setViewportSize(size)
          await one.emulateMedia({ colorScheme })
        }
        const where = `${size.width} px, ${colorScheme}`
        assert.equal(await overflow(list.page), 0, `the list, ${where}`)
        assert.equal(await overflow(frame), 0, `the editor, ${where}`)
        await frame.getByRole('button', { name: 'Close' }).click({ trial: true })
        assert.deepEqual(await problemsOf(page), [], where)
        assert.deepEqual(await problemsOf(list.page), [], where)
      }
    }
  })

  test('can be used with the keyboard alone', async (t) => {
    const app = await startStorageApp(t)
    const { page } = await openApp(t, app)
    /** The name or text of what has the focus, in the frame of the editor too. */
    const focused = async (): Promise<string> => {
      const names = page.frames().map((frame) => {
        const name = '(e => e.labels?.[0]?.textContent ?? e.textContent)(document.activeElement)'
        return frame.evaluate<string>(`document.hasFocus() ? ${name} : ''`)
      })
      return (await Promise.all(names)).at(-1) || (await names[0]!)
    }
    const tabTo = async (name: string, key = 'Tab'): Promise<void> => {
      for (let presses = 0; presses < 20; presses++) {
        await page.keyboard.press(key)
        if ((await focused()) === name) return
      }
      assert.fail(`the focus never came to ${name}`)
    }
    await tabTo('Welcome')
    await page.keyboard.press('Enter')
    await page.locator('[data-ready]').waitFor()
    await tabTo('Document')
    await page.keyboard.press('Control+End')
    await page.keyboard.type('By keyboard.')
    await page.frameLocator('iframe').getByText('All changes are on the Docs server.').waitFor()
    await tabTo('Download latest', 'Shift+Tab')
    const file = await downloadBy(page, () => page.keyboard.press('Enter'))
    assert.match(file, /By keyboard\./)
  })
})

describe('the screenshots', LIMIT, () => {
  const ROOT = fileURLToPath(new URL('..', import.meta.url))

  test('can be taken, and those of the documentation are shown', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'screenshots-'))
    t.after(() => rm(folder, { recursive: true }))
    const program = ['--import', 'tsx', 'scripts/screenshots.ts', folder]
    await promisify(execFile)(process.execPath, program, { cwd: ROOT, env: environment() })
    const taken = (await readdir(folder)).sort()
    assert.deepEqual(taken, (await readdir(join(ROOT, 'docs/images'))).sort())
    const papers = ['README.md', 'docs/reference.md', 'examples/storage-app/README.md']
    const texts = await Promise.all(papers.map((path) => readFile(join(ROOT, path), 'utf8')))
    assert.deepEqual(
      taken.filter((name) => !texts.join().includes(`images/${name}`)),
      [],
      'pictures that nobody shows',
    )
  })
})

describe('the words of the storage app', () => {
  const at = '2026-11-22T12:01:00.000Z'
  const version = { number: 3, size: 1, sha256: '', savedAt: at, authors: [] }
  const codes: Record<DocsErrorCode, RegExp> = {
    TIMEOUT: /took too long.*is stored and shows up/,
    UNREACHABLE: /does not answer/,
    CONVERSION_FAILED: /could not convert/,
    STORAGE_FAILED: /could not be stored here/,
    EDITS_HELD: /Open the document, close it/,
    SESSION_OPEN: /is editing the document/,
    NOT_OPENED: /nobody has opened/,
    COMMAND_REJECTED: /secret and its clock/,
    BAD_RESPONSE: /DOWNLOAD_ORIGINS/,
    BAD_RECORD: /what Redis or its file\.json holds/,
    CLOSED: /being restarted/,
    BAD_OPTION: /sent an invalid request/,
  }
  test('say why it was not saved, and which version there is', () => {
    for (const [code, expected] of Object.entries(codes)) {
      const error = new DocsError(code as DocsErrorCode, 'for the log only', { error: 6 })
      const words = wordsForError(error, version)
      assert.match(words.text, expected)
      assert.match(words.text, /^Not saved: .* number 3, saved at \{clock\}\.$/)
      assert.doesNotMatch(words.text, /for the log only/)
      assert.deepEqual([words.tone, words.at], ['bad', at])
    }
  })
  test('say why it was not opened, and which version there is', () => {
    for (const code of Object.keys(codes)) {
      const { tone, text } = wordsForOpening(
        new DocsError(code as DocsErrorCode, 'secret'),
        version,
      )
      assert.equal(tone, 'bad')
      assert.match(
        text,
        /^Not opened: .*(Reload the page|its log)\.? .* number 3, saved at \{clock\}\.$/,
      )
      assert.doesNotMatch(text, /secret/)
    }
  })
  const saved = {
    ...({ outcome: 'saved', key: 'k', stored: { version: 3 }, final: false } as const),
    ...({ trigger: 'command', lastSave: undefined, filetype: 'txt', users: [] } as const),
    userdata: undefined,
  }
  const unchanged = { outcome: 'unchanged', key: 'k' } as const
  const results = [
    saved,
    { ...unchanged, reason: 'no-changes' as const },
    { ...unchanged, reason: 'not-open' as const },
  ]
  const doubts: Record<Doubt, RegExp> = {
    'others-may-save': /Another save may still be under way/,
    'docs-server-may-have-restarted': /may have been restarted/,
    'editors-unknown': /not clear who is editing/,
    'request-unanswered': /did not answer an earlier save/,
    'save-outstanding': /has not arrived yet/,
    'order-unknown': /not clear which is the newer one/,
    'ledger-lost': /has lost track of earlier saves/,
    'forgotten-file-left': /may hold more.*administrator/,
    'forgotten-files-unknown': /never saved here.*administrator/,
  }
  test('say that all is stored only where that is certain', () => {
    for (const result of results) {
      const { tone, text } = wordsFor({ ...result, certain: true }, version)
      assert.equal(tone, 'good')
      assert.match(text, /Version 3 holds all that was typed before\.$/)
    }
  })
  test('say for each doubt what could be wrong, and what to do', () => {
    for (const [doubt, expected] of Object.entries(doubts)) {
      for (const result of results) {
        const given = { ...result, certain: false, doubt: doubt as Doubt }
        const { tone, text } = wordsFor(given, version)
        assert.equal(tone, 'unsure')
        assert.match(text, expected)
        assert.match(text, /Version 3 may lack something\. .*(save again|administrator)/)
      }
    }
  })
})
