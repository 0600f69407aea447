/** Our middleware as the player's application: a Koa app with the callback route and `onSave`. */
import { createHttp, type Http } from '../../src/client/http.js'
import type { DocsOptions } from '../../src/options.js'
import { RejectSave } from '../../src/saves/reject-save.js'
import { startApp } from './app.js'
import { linesIn } from './lines-in.js'
import { play, type Application, type Played, type Stage } from './player.js'
import type { CommandBody, Recording } from './recording.js'
import { countTraffic } from './traffic.js'

export interface PlayedByUs extends Played {
  /** The number in `settlement.md` that decided, by the command's id in its userdata. */
  rules: ReadonlyMap<string, string>
  /** The files that were stored. */
  texts: string[]
}

/** Plays a recording against the mounted middleware. `options`: what differs from the defaults. */
export async function playOurs(
  recording: Recording,
  options: Partial<DocsOptions> = {},
): Promise<PlayedByUs> {
  const rules = new Map<string, string>()
  const texts: string[] = []
  const played = await play(recording, (stage) => start(stage, options, rules, texts))
  return { ...played, rules, texts }
}

async function start(
  stage: Stage,
  options: Partial<DocsOptions>,
  rules: Map<string, string>,
  texts: string[],
): Promise<Application> {
  const { server, secret, clock } = stage
  const { carry, quiet } = countTraffic()
  const real = createHttp()
  const http: Http = { ...real, request: (request) => carry(() => real.request(request)) }
  const app = await startApp({
    ...{ server, secret, clock, http },
    // The recorded applications answered at once: they did not try again themselves.
    retries: 0,
    async onSave(save) {
      const { stream } = await save.download()
      const text = linesIn(await new Response(stream).text())
      // It takes as long as it took the one that was recorded.
      await stage.storing(save.url)
      const { end, conversion } = stage.store(save.url)
      if (end === 'refused') throw new RejectSave('this file was deleted')
      if (end === 'failed') throw new Error('the disk is full')
      texts.push(text)
      return { conversion }
    },
    before: [
      async function loseReply(ctx, next) {
        await next()
        if (!stage.losesReply()) return
        ctx.respond = false
        ctx.req.socket.destroy()
      },
    ],
    ...options,
  })
  const { docs } = app
  docs.on('settled', ({ id, rule }) => rules.set(id.split('.')[0] ?? '', rule))

  function call(body: CommandBody): Promise<unknown> | undefined {
    const { c, key, userdata, meta, users } = body
    if (c === 'version') return docs.version()
    if (c === 'license') return docs.license()
    if (c === 'getForgottenList') return docs.forgotten.list()
    // Not to be said with this package: commands without the key or the title that they need.
    if (typeof key !== 'string') return undefined
    switch (c) {
      case 'forcesave':
        return docs.forcesave(key, typeof userdata === 'string' ? { userdata } : {})
      case 'info':
        return docs.info(key)
      case 'drop':
        return docs.drop(key, users as string[])
      case 'meta':
        return meta === undefined ? undefined : docs.meta(key, meta as { title: string })
      case 'getForgotten':
        return docs.forgotten.url(key)
      case 'deleteForgotten':
        return docs.forgotten.delete(key)
      default:
        return undefined
    }
  }

  return { callbackUrl: docs.callbackUrl('file-1'), call, quiet, close: app.close }
}
