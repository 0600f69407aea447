/**
 * A small storage application: files and their versions on disk, pages to open and save them. What
 * it takes to have confirmed saves is here; the rest is in the files beside it.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import bodyParser from 'koa-bodyparser'
import { createDocs, isDocsError, type Docs } from '../../src/index.js'
import { Files, latest, type StoredFile } from './files.js'
import type { Settings } from './settings.js'
import { remember, userOf } from './user.js'
import { filePage, listPage, versionPath } from './views.js'
import { wordsFor, wordsForError } from './words.js'

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
    ...(settings.redis === undefined ? {} : { redis: settings.redis }),
    timeout: settings.timeout,
    async onSave(save) {
      // Somebody may have come back while the final save was on its way: then the session goes on.
      const isOver = async (): Promise<boolean> => save.final && !(await isEdited(save.key))
      const { number } = await files.add(save, isOver)
      return { version: number }
    },
    // After a restart nothing but our own records knows whose file a forgotten one is.
    async refOf(key) {
      return (await files.list()).find((file) => file.key === key)?.id
    },
    recoverEvery: 60_000,
  })
  docs.on('closed', async ({ ref, key }) => {
    if (!(await isEdited(key))) await files.endSession(ref, key)
  })
  docs.on('rejected', ({ reason, status }) => console.warn('callback turned away:', status, reason))
  docs.on('save-failed', ({ ref, error }) => console.error('not stored:', ref, error.message))

  async function isEdited(key: string): Promise<boolean> {
    for await (const session of docs.sessions({ timeout: 2000 })) {
      if (session.key === key && session.users.length > 0) return true
    }
    return false
  }

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
  /** For `new DocsAPI.DocEditor('placeholder', config)`; asked for at the last moment, as the key may change. */
  router.get('/files/:id/config', async (ctx) => {
    const file = await fileOf(ctx)
    ctx.body = docs.editorConfig({
      documentType: 'word',
      document: {
        fileType: file.type,
        key: file.key,
        title: `${file.name}.${file.type}`,
        url: `${publicUrl}${versionPath(file, latest(file))}`,
      },
      editorConfig: {
        callbackUrl: docs.callbackUrl(file.id),
        user: userOf(ctx),
        // The editor's own save button then saves here, too.
        customization: { forcesave: true },
      },
    })
  })
  router.post('/files/:id/save', async (ctx) => {
    const { id, key } = await fileOf(ctx)
    try {
      const result = await docs.forcesave(key)
      const file = await fileOf(ctx)
      const stored = result.outcome === 'saved' ? result.stored : undefined
      const version = file.versions.find(({ number }) => number === stored?.version) ?? latest(file)
      ctx.body = { words: wordsFor(result, version), download: versionPath(file, version) }
    } catch (error) {
      if (!isDocsError(error)) throw error
      console.warn('not saved:', id, error.code, error.message)
      const file = await fileOf(ctx)
      const last = latest(file)
      ctx.status = error.retryable || error.code === 'CLOSED' ? 503 : 500
      ctx.body = { words: wordsForError(error, last), offer: versionPath(file, last) }
    }
  })
  /** Browsers download a version here, and the Docs server the one that it opens. */
  router.get('/files/:id/versions/:number', async (ctx) => {
    const file = await fileOf(ctx)
    const version = file.versions.find(({ number }) => String(number) === ctx.params['number'])
    if (version === undefined) return ctx.throw(404)
    ctx.attachment(`${file.name}.${file.type}`)
    ctx.length = version.size
    ctx.body = createReadStream(files.path(file, version))
  })
  router.get('/assets/:name', async (ctx) => {
    const type = ASSETS.get(ctx.params['name'] ?? '')
    if (type === undefined) return ctx.throw(404)
    ctx.type = type
    ctx.body = await readFile(new URL(`./pages/${ctx.params['name'] ?? ''}`, import.meta.url))
  })

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
