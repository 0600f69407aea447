/** `docs/api`: what `npm run docs` makes of the docstrings, complete and without a warning. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

async function pagesIn(folder: string): Promise<Map<string, string>> {
  const paths = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('.md'))
  const read = async (path: string) => [path, await readFile(join(folder, path), 'utf8')] as const
  return new Map(await Promise.all(paths.sort().map(read)))
}

/** Properties in a table that say nothing of themselves. Those of a literal within are told by what is around them. */
const silentIn = (page: string): string[] =>
  [...page.matchAll(/^\| <a id="property-.+?<\/a> `(.+?)` \|.*? \| - \|$/gm)].map(
    ([, name = '']) => name,
  )

describe('the reference of all types', { timeout: 300_000 }, () => {
  let made: Map<string, string>
  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'api-docs-'))
    after(() => rm(folder, { recursive: true }))
    // Ends with an error at any warning: a type that is not exported, a broken link, a name without a word.
    const typedoc = join(ROOT, 'node_modules', '.bin', 'typedoc')
    await promisify(execFile)(typedoc, ['--out', folder], { cwd: ROOT })
    made = await pagesIn(folder)
  })

  test('is that of the source: else `npm run docs` makes it anew', async () => {
    assert.deepEqual(await pagesIn(join(ROOT, 'docs/api')), made)
  })
  test('says something of every property', () => {
    assert.deepEqual([...made.values()].flatMap(silentIn), [])
    assert.deepEqual(silentIn('| <a id="property-key"></a> `key` | `string` | - |'), ['key'])
  })
  test('tells of no machine', () => {
    const places = [...made.values()]
      .join('')
      .match(/Defined in|https?:\/\/(?!docs|files|app\b)[\w.]+|\/(home|tmp|root)\/\w+/g)
    assert.deepEqual(places?.filter((place) => !place.startsWith('http://127.0.0.1')) ?? [], [])
  })
})
