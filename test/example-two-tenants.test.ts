/** `examples/two-tenants`: each tenant's Docs server gets in at its own route only. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { it } from 'node:test'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { forbidden, post, sign } from './support/callbacks.js'
import { ask, byItself, LIMIT, playSession, startTown } from './support/town.js'

const SOUTH_SECRET = 'the secret of the south, 32 bytes or more'

it(
  'two tenants with the same keys and names: each has its files, and no callback of the other',
  LIMIT,
  async (t) => {
    const { server: north, folder, serve, end } = await startTown(t, { redis: true })
    const south = await startDocsServer({ secret: SOUTH_SECRET })
    t.after(() => south.close())
    const url = await serve('two-tenants/two-tenants.ts', {
      ...{ NORTH_DOCS_URL: north.url, NORTH_DOCS_SECRET: SECRET },
      ...{ SOUTH_DOCS_URL: south.url, SOUTH_DOCS_SECRET: SOUTH_SECRET },
    })
    const tenants = {
      north: { server: north, secret: SECRET },
      south: { server: south, secret: SOUTH_SECRET },
    }
    const callbackUrls: Record<string, string> = {}
    for (const [tenant, { server }] of Object.entries(tenants)) {
      const file = join(folder, tenant, 'letter.docx')
      await playSession({ server, url: `${url}/${tenant}`, file })
      const asked = server.log.filter(({ type }) => type === 'command')
      assert.equal(asked.length > 0, true, 'the call has gone to the Docs server of the tenant')
      const { callbackUrl } = await ask<{ callbackUrl: string }>(
        `${url}/${tenant}/callback-url/letter`,
      )
      callbackUrls[tenant] = callbackUrl
    }

    // One who holds the secret of the north signs whatever he likes.
    const { north: own = '', south: others = '' } = callbackUrls
    const callback = {
      key: 'key-2',
      status: 1,
      users: ['eve'],
      actions: [{ type: 1, userid: 'eve' }],
    }
    const body = { ...callback, token: sign(callback) }
    assert.equal((await post(own, body)).status, 200)
    assert.deepEqual(await post(others, body), forbidden)
    const northernRef = others.replace(/[^/]+$/, new URL(own).pathname.split('/').at(-1) ?? '')
    assert.deepEqual(
      await post(northernRef, { ...callback, token: sign(callback, { secret: SOUTH_SECRET }) }),
      forbidden,
    )

    assert.deepEqual((await readdir(folder)).sort(), ['north', 'south'])
    assert.deepEqual(await end(), [byItself])
  },
)
