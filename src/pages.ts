/** What runs in a browser stands in `pages/`, is copied by the build as it is, and read when it is first asked for. */
import { readFile } from 'node:fs/promises'

/** @param name of a file in `pages/`; never a word from outside */
export function pageFile(name: string): Promise<string> {
  return readFile(new URL(`./pages/${name}`, import.meta.url), 'utf8')
}
