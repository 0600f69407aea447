/**
 * What the small examples are told by their environment, and where they store: so that each of them
 * shows only what it is about. `DOCS_SECRET` is the Docs server's own, 32 bytes at least.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DocsOptions } from '../src/index.js'

const { DOCS_URL = 'http://localhost:8080', DOCS_SECRET = '' } = process.env
const { PORT = '3000', PUBLIC_URL = `http://localhost:${PORT}` } = process.env

export const port = Number(PORT)
/** Where the Docs server reaches this application. */
export const publicUrl = PUBLIC_URL
export const { FILES: folder = 'files' } = process.env

/** An `onSave` that keeps the newest version of each document in a folder. */
export function storeIn(place: string): DocsOptions['onSave'] {
  return async (save) => {
    await mkdir(place, { recursive: true })
    // A ref may be any text and a file name may not: no `/` and no `..` leads out of the folder.
    const { size } = await save.downloadTo(join(place, `${encodeURIComponent(save.ref)}.docx`))
    return { size }
  }
}

export const options: DocsOptions = {
  server: DOCS_URL,
  secret: DOCS_SECRET,
  publicUrl,
  onSave: storeIn(folder),
}
