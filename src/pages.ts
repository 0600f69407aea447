/** What runs in a browser stands in `pages/`, is copied by the build as it is, and read when it is first asked for. */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { here } from './here.js'

const folder = new URL('./pages/', here)

/** False in a bundle, which holds the code alone. */
export const hasPages = (): boolean => existsSync(folder)

/** @param name of a file in `pages/`; never a word from outside */
export function pageFile(name: string): Promise<string> {
  return readFile(new URL(name, folder), 'utf8')
}
