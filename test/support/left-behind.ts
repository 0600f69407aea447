/** Forgotten files: final saves that somebody else's application did not take. */
import type { TestContext } from 'node:test'
import type { DocsServer } from '../../src/testing/index.js'
import { startApp as startOther } from './over-http.js'

/** What leaves a forgotten file under each of these keys, none of whose callbacks comes to us. */
export async function leaveBehind(
  t: TestContext,
  server: DocsServer,
): Promise<{ url: string; leave: (...keys: string[]) => Promise<void> }> {
  const { url, ...other } = await startOther(({ status }) => ({
    status: 200,
    body: { error: status === 2 ? 1 : 0 },
  }))
  t.after(() => other[Symbol.asyncDispose]())
  return {
    url,
    async leave(...keys) {
      for (const key of keys) {
        const editor = await server.open(key, { user: 'u1', callbackUrl: url })
        editor.type(`the text of ${key}`)
        await editor.close()
      }
      await server.idle()
    },
  }
}
