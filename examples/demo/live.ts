/** A live run, in real time: the simulated Docs server, a mounted middleware, one document. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Koa from 'koa'
import { createDocs } from '../../src/index.js'
import { startDocsServer } from '../../src/testing/index.js'

/** Answers whether the file that is stored holds what was typed. */
export async function live(print: (line: string) => void): Promise<boolean> {
  const secret = 'a secret of at least thirty-two bytes'
  const folder = await mkdtemp(join(tmpdir(), 'docs-demo-'))
  const app = new Koa()
  const listener = createServer()
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const publicUrl = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  await using server = await startDocsServer({ secret, conversion: { delay: 200 } })
  await using docs = createDocs({
    server: server.url,
    secret,
    publicUrl,
    async onSave(save) {
      const { size } = await save.downloadTo(join(folder, save.ref))
      return { file: save.ref, bytes: size }
    },
  })
  app.use(docs.routes())
  const handle = app.callback()
  listener.on('request', (request, response) => void handle(request, response))

  try {
    const editor = await server.open('key-1', {
      user: 'ann',
      callbackUrl: docs.callbackUrl('letter.txt'),
    })
    print('  open       ann opens the document "key-1" in her editor')
    editor.type('Dear Ben,')
    editor.type('the demo works.')
    print('  type       Dear Ben, / the demo works.')
    const started = performance.now()
    const result = await docs.forcesave('key-1')
    const stored = result.outcome === 'saved' ? `, stored: ${JSON.stringify(result.stored)}` : ''
    const ms = Math.round(performance.now() - started)
    print(`  forcesave  ${result.outcome} after ${ms} ms (of them 200 for the conversion)${stored}`)
    const file = await readFile(join(folder, 'letter.txt'), 'utf8')
    print('  the file   (one line per edit: its number, who made it, what was typed)')
    // In front of them stands how a zip begins: a docx is one.
    const lines = file.split('\n').filter((line) => /^\d/.test(line))
    for (const line of lines) print(`             | ${line}`)
    const held = lines.join('\n') === '1 ann Dear Ben,\n2 ann the demo works.'
    return result.outcome === 'saved' && held
  } finally {
    listener.closeAllConnections()
    listener.close()
    await rm(folder, { recursive: true })
  }
}
