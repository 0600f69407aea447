/** What is written for users, as data: the code blocks of the README and the guides, and the tables. */
import { readFileSync } from 'node:fs'

/** For users, and with code for them to copy, in the order of reading. */
export const PAPERS = [
  'README.md',
  'docs/getting-started.md',
  'docs/what-the-docs-server-does.md',
  'docs/running-in-production.md',
  'docs/testing-your-application.md',
  'docs/reference.md',
] as const
export type Paper = (typeof PAPERS)[number] | 'docs/tools.md'

export const read = (path: Paper): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The blocks of one language in a paper, in order. */
export const blocksOf = (path: Paper, language = 'ts'): string[] =>
  [...read(path).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code = '']) => code,
  )

/** The first block of a paper: a whole program, or a whole test. */
export const firstBlock = (path: Paper): string => blocksOf(path)[0] ?? ''

/** The README's, which runs as JavaScript as it stands. */
export const firstExample = firstBlock('README.md')

/** The same program for `require`. */
export function asCommonJs(program: string): string {
  return program.replace(/^import (.+) from ('.+')$/gm, 'const $1 = require($2)')
}

/** The rows below a heading of the reference, cell by cell, without the table's head. */
export function table(heading: string): string[][] {
  const [, section = ''] = read('docs/reference.md').split(`\n## ${heading}\n`)
  const [here = ''] = section.split('\n## ')
  const rows = here
    .split('\n')
    .filter((line) => line.startsWith('|'))
    // A `\|` is a bar inside a cell.
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
  return rows.slice(2)
}

/** The names in backticks in a cell. */
export const namesIn = (cell = ''): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
