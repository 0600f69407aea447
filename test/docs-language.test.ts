/** What is written for readers: its links lead somewhere, and nothing is left for later. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The anchor that a heading gets on the usual sites. */
const anchor = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replace(/\s/g, '-')

function broken(path: string, text: string): string[] {
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  return links.filter((link) => {
    if (/^https:\/\//.test(link)) return false
    if (link.startsWith('#')) return !anchors.includes(link.slice(1))
    return !existsSync(join(ROOT, dirname(path), link))
  })
}

describe('links', () => {
  for (const path of ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'docs/guarantees.md']) {
    it(`of ${path} lead somewhere`, () => assert.deepEqual(broken(path, read(path)), []))
  }
  it('that lead nowhere would be found', () => {
    const text =
      '## A heading\n[1](#a-heading) [2](#another) [3](LICENSE) [4](LICENCE) [5](http://x)'
    assert.deepEqual(broken('README.md', text), ['#another', 'LICENCE', 'http://x'])
  })
})

describe('nothing is left for later', () => {
  // Not spelt out, or this file would be found.
  const later = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`)
  const files = ['src', 'test', 'examples', 'scripts', '.ci']
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
        join(folder, path),
      ),
    )
    .filter((path) => /\.(ts|js)$|run$/.test(path))
    .concat('README.md', 'CHANGELOG.md', 'SECURITY.md', 'docs/guarantees.md')

  it('in the code and in the papers', () => {
    assert.equal(files.length > 60, true)
    assert.deepEqual(
      files.filter((path) => later.test(read(path))),
      [],
    )
  })
})
