/**
 * A small storage application: files and their versions on disk, pages to open and save them. What
 * it takes to have confirmed saves is here; the rest is in the files beside it.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { createDocs, isDocsError, type Docs, type DocsError } from '../../src/index.js'
import { Files, latest, type StoredFile, type Version } from './files.js'
import type { Settings } from './settings.js'
import { remember, userOf } from './user.js'
import { filePage, listPage, versionPath } from './views.js'
import { wordsFor, wordsForError, wordsForOpening } from './words.js'

export interface StorageApp {
  koa: Koa
  docs: Docs
}

export async function createStorageApp(settings: Settings): Promise<StorageApp> {
  const { docsUrl, docsPublicUrl, publicUrl, secret } = settings
  const files = new Files(settings.folder)
  await files.prepare()

  const docs = createDocs({
    server: docsUrl,
    secret,
    publicUrl,
    downloadOrigins: settings.downloadOrigins,
    // The keys that `open()` makes: in Redis, or with the files, where they outlive a restart as well.
    ...(settings.redis === undefined ? {} : { redis: settings.redis }),
    ...(settings.redis === undefined && settings.keepsKeys ? { keys: files.keys } : {}),
    timeout: settings.timeout,
    async onSave(save) {
      const { number } = await files.add(save)
      return { version: number }
    },
    recoverEvery: 60_000,
    // The disk may be away for a day, and final saves are stored all the same.
    retention: 24 * 3_600_000,
  })
  docs.on('rejected', ({ reason, status }) => console.warn('callback turned away:', status, reason))
  docs.on('recovery', ({ left, failed }) => {
    if (left + failed > 0) console.warn('forgotten files:', left, 'left,', failed, 'not stored')
  })
  docs.on('save-failed', ({ ref, error }) => console.error('not stored:', ref, error.message))

  const router = new Router()
  router.get('/', async (ctx) => {
    ctx.body = listPage(await files.list(), userOf(ctx))
  })
  router.post('/name', bodyParser(), (ctx) => {
    const { name } = ctx.request.body as { name?: unknown }
    const given = typeof name === 'string' ? name.trim().slice(0, 40) : ''
    if (given !== '') remember(ctx, { ...userOf(ctx), name: given })
    ctx.redirect('/')
  })
  router.get('/files/:id', async (ctx) => {
    ctx.body = filePage(await fileOf(ctx), userOf(ctx), docsPublicUrl)
  })
  /** For `new DocsAPI.DocEditor('placeholder', config)`; asked for each time, as the key may change. */
  router.get('/files/:id/config', async (ctx) => {
    const file = await fileOf(ctx)
    try {
      ctx.body = await docs.open(file.id, {
        documentType: 'word',
        document: {
          fileType: file.type,
          title: `${file.name}.${file.type}`,
          // Not of a certain version: until this is fetched, a final save may have made another one.
          url: `${publicUrl}/files/${file.id}/latest`,
        },
        editorConfig: {
          user: userOf(ctx),
          // The editor's own save button then saves here, too.
          customization: { forcesave: true },
        },
      })
    } catch (error) {
      if (!isDocsError(error)) throw error
      console.warn('not opened:', file.id, error.code, error.message)
      ctx.status = statusFor(error)
      ctx.body = { words: wordsForOpening(error, latest(file)) }
    }
  })
  router.post('/files/:id/save', async (ctx) => {
    const { id } = await fileOf(ctx)
    try {
      const result = await docs.forcesave({ ref: id })
      const file = await fileOf(ctx)
      const stored = result.outcome === 'saved' ? result.stored : undefined
      const version = file.versions.find(({ number }) => number === stored?.version) ?? latest(file)
      ctx.body = { words: wordsFor(result, version), download: versionPath(file, version) }
    } catch (error) {
      if (!isDocsError(error)) throw error
      console.warn('not saved:', id, error.code, error.message)
      const file = await fileOf(ctx)
      const last = latest(file)
      ctx.status = statusFor(error)
      ctx.body = { words: wordsForError(error, last), offer: versionPath(file, last) }
    }
  })
  /** The Docs server fetches here what it opens. */
  router.get('/files/:id/latest', async (ctx) => {
    const file = await fileOf(ctx)
    send(ctx, file, latest(file))
  })
  /** Browsers download a version here. */
  router.get('/files/:id/versions/:number', async (ctx) => {
    const file = await fileOf(ctx)
    const version = file.versions.find(({ number }) => String(number) === ctx.params['number'])
    if (version === undefined) return ctx.throw(404)
    send(ctx, file, version)
  })
  router.get('/assets/:name', async (ctx) => {
    const type = ASSETS.get(ctx.params['name'] ?? '')
    if (type === undefined) return ctx.throw(404)
    ctx.type = type
    ctx.body = await readFile(new URL(`./pages/${ctx.params['name'] ?? ''}`, import.meta.url))
  })

  function send(ctx: Context, file: StoredFile, version: Version): void {
    ctx.attachment(`${file.name}.${file.type}`)
    ctx.length = version.size
    ctx.body = createReadStream(files.path(file, version))
  }

  async function fileOf(ctx: Context): Promise<StoredFile> {
    const { id = '' } = (ctx as Context & { params: Record<string, string> }).params
    return (await files.read(id)) ?? ctx.throw(404, 'there is no such file')
  }

  const koa = new Koa()
  // Before everything that reads bodies.
  koa.use(docs.routes())
  // At /inspector, for whoever develops this: what goes to and fro, and why each verdict was given.
  if (settings.inspector) koa.use(docs.inspector())
  koa.use(async (ctx, next) => {
    const docsOrigin = new URL(docsPublicUrl).origin
    ctx.set('Content-Security-Policy', policy(docsOrigin))
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('Cache-Control', 'no-store')
    await next()
  })
  koa.use(router.routes())
  return { koa, docs }
}

/** 503: it can be tried again. */
const statusFor = ({ retryable, code }: DocsError): number =>
  retryable || code === 'CLOSED' ? 503 : 500

const ASSETS = new Map([
  ['app.js', 'text/javascript'],
  ['app.css', 'text/css'],
])

/** Scripts and frames of the Docs server, and nothing else from elsewhere or written into the page. */
const policy = (docsOrigin: string): string =>
  [
    "default-src 'none'",
    `script-src 'self' ${docsOrigin}`,
    `frame-src ${docsOrigin}`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
