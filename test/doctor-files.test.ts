/** What the doctor finds out about forgotten files and links: whose they are, and whether they can be fetched. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET } from './support/app.js'
import { examineHere, scene } from './support/doctor.js'
import { startFront, type Exchange } from './support/front.js'
import { leaveBehind } from './support/left-behind.js'

const LIMIT = { timeout: 60_000 }
const examine = (url: string) =>
  examineHere({ args: ['--server', url], env: { DOCS_SECRET: SECRET }, hidden: [SECRET] })

describe('several Docs servers behind one name', LIMIT, () => {
  it('are told by their lists of forgotten files', async (t) => {
    const [one, two] = await Promise.all([
      startDocsServer({ secret: SECRET }),
      startDocsServer({ secret: SECRET }),
    ])
    let turn = 0
    const balancer = await startFront(one.url, async ({ request, response, pass }) => {
      // Every other pair of commands: as long as a connection of a balancer may last.
      turn += 1
      if (request.method !== 'POST' || turn % 4 < 2) return pass()
      let body = ''
      for await (const chunk of request) body += String(chunk)
      const answer = await fetch(two.url + (request.url ?? ''), { method: 'POST', body })
      response.end(await answer.text())
    })
    t.after(async () => {
      await balancer[Symbol.asyncDispose]()
      await Promise.all([one.close(), two.close()])
    })
    assert.deepEqual((await examine(balancer.url)).of('nodes'), ['ok one'], 'alike so far')
    await (await leaveBehind(t, two)).leave('k1')
    const { of, findings } = await examine(balancer.url)
    assert.deepEqual(of('nodes'), ['warn several'])
    assert.match(findings.find(({ code }) => code === 'several')?.fix?.join() ?? '', /`nodes`/)
  })
})

describe('links', LIMIT, () => {
  /** With a forgotten file whose link is changed like this. */
  const withLink = async (
    t: Parameters<typeof scene>[0],
    change: (link: URL) => void,
    atFiles?: (exchange: Exchange) => void,
  ) => {
    const { server, url } = await scene(t, {
      atServer({ path, pass, ...rest }) {
        if (path.startsWith('/cache/files/') && atFiles !== undefined) {
          return atFiles({ path, pass, ...rest })
        }
        return pass({
          answer(passed) {
            const link = /"url":"([^"]+)"/.exec(passed.body)?.[1]
            if (link === undefined) return
            const changed = new URL(link)
            change(changed)
            passed.body = passed.body.replace(link, changed.href)
          },
        })
      },
    })
    await (await leaveBehind(t, server)).leave('k1')
    const { of, findings } = await examine(url)
    return { of: of('links'), what: findings.find(({ check }) => check === 'links')?.what ?? '' }
  }

  it('whose host is not reached from here are fetched all the same', async (t) => {
    const found = await withLink(t, (link) => void (link.host = 'docs.nowhere.example'))
    assert.deepEqual(found.of, ['ok fetched'])
  })

  it('that lead elsewhere name the origin to be added', async (t) => {
    const { of, what } = await withLink(t, (link) => {
      link.host = 'bucket.nowhere.example'
      link.pathname = '/files/k1'
    })
    assert.deepEqual(of, ['warn elsewhere'])
    assert.match(what, /bucket\.nowhere\.example:\d+\/files\/k1 .*`downloadOrigins`/)
    assert.doesNotMatch(what, /md5/)
  })

  it('that are not let through are a fault, with or without a file to fetch', async (t) => {
    const refused = await withLink(
      t,
      () => {},
      ({ response }) => void response.writeHead(403).end(),
    )
    assert.deepEqual(refused.of, ['fail not-fetched'])
    assert.match(refused.what, /HTTP 403: the link has expired .* or a proxy/)
    const answers: [status: number, body: string, code: string][] = [
      [302, '', 'fail redirected'],
      [200, '<html>Log in', 'fail not-let-through'],
      [404, '', 'skipped no-file'],
    ]
    for (const [status, body, code] of answers) {
      const { url } = await scene(t, {
        atServer: ({ path, response, pass }) =>
          path.startsWith('/cache/')
            ? void response.writeHead(status, { location: '/login' }).end(body)
            : pass(),
      })
      assert.deepEqual((await examine(url)).of('links'), [code])
    }
  })
})
