/**
 * Two tenants in one application, each with a Docs server and a secret of its own:
 *
 *     export NORTH_DOCS_URL=http://docs.north.internal NORTH_DOCS_SECRET=…
 *     export SOUTH_DOCS_URL=http://docs.south.internal SOUTH_DOCS_SECRET=…
 *     node --import tsx examples/two-tenants/two-tenants.ts
 *
 * With `REDIS_URL` both share one Redis, and their documents may have the same keys.
 */
import { join } from 'node:path'
import Router from '@koa/router'
import Koa from 'koa'
import { createDocs, type Docs } from '../../src/index.js'
import { folder, port, publicUrl, storeIn } from '../settings.js'

const { env } = process

function docsOf(tenant: string): Docs {
  const name = tenant.toUpperCase()
  const redis = env['REDIS_URL']
  return createDocs({
    server: env[`${name}_DOCS_URL`] ?? '',
    secret: env[`${name}_DOCS_SECRET`],
    publicUrl,
    // A route of its own: by the secret that is checked there nobody but the tenant's Docs server gets in.
    path: `/${tenant}/docs/callback`,
    // Its own name in Redis, in `userdata` and in signed refs: what is one tenant's is nothing to the other.
    prefix: tenant,
    onSave: storeIn(join(folder, tenant)),
    ...(redis === undefined ? {} : { redis }),
  })
}

const tenants = new Map(['north', 'south'].map((tenant) => [tenant, docsOf(tenant)]))

const app = new Koa()
for (const docs of tenants.values()) app.use(docs.routes())

// Whose call it is, your log-in knows; here the path says it.
const router = new Router<{ docs: Docs }>({ prefix: '/:tenant' })
router.use((ctx, next) => {
  const docs = tenants.get(ctx.params['tenant'] ?? '')
  if (docs === undefined) return ctx.throw(404)
  ctx.state.docs = docs
  return next()
})
router.get('/callback-url/:name', (ctx) => {
  ctx.body = { callbackUrl: ctx.state.docs.callbackUrl(ctx.params['name'] ?? '') }
})
router.post('/save/:key', async (ctx) => {
  ctx.body = await ctx.state.docs.forcesave(ctx.params['key'] ?? '')
})
app.use(router.routes())

const listener = app.listen(port, () => console.log(`both tenants are served on ${port}`))

process.once('SIGTERM', () => {
  listener.close()
  const closed = [...tenants.values()].map((docs) => docs.close())
  void Promise.all(closed).then(() => listener.closeAllConnections())
})
