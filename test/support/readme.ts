/** The README and the reference that it leads to, as data: their code blocks and their tables. */
import { readFileSync } from 'node:fs'

export const README = ['README.md', 'docs/reference.md']
  .map((path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'))
  .join('\n')

/** The ```ts blocks, in order. */
export const blocks: readonly string[] = [...README.matchAll(/^```ts\n(.*?)^```$/gms)].map(
  ([, code = '']) => code,
)

/** The first example: a whole program, which runs as JavaScript as it stands. */
export const firstExample = blocks[0] ?? ''

/** The test in "Testing your application". */
export const testingExample = blocks.at(-1) ?? ''

/** The same program for `require`. */
export function asCommonJs(program: string): string {
  return program.replace(/^import (.+) from ('.+')$/gm, 'const $1 = require($2)')
}

/** The rows below a heading, cell by cell, without the table's head. */
export function table(heading: string): string[][] {
  const [, section = ''] = README.split(`\n## ${heading}\n`)
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
