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

const anchorsIn = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchor(heading))

function broken(path: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)
  return links.filter((link) => {
    if (/^https:\/\//.test(link)) return false
    const [place = '', part] = link.split('#')
    const target = join(dirname(path), place)
    if (place !== '' && !existsSync(join(ROOT, target))) return true
    return part !== undefined && !anchorsIn(place === '' ? text : read(target)).includes(part)
  })
}

const PAPERS = [
  ...[
    'README.md',
    'CHANGELOG.md',
    'SECURITY.md',
    'examples/README.md',
    'examples/storage-app/README.md',
  ],
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

describe('links', () => {
  for (const path of PAPERS) {
    it(`of ${path} lead somewhere`, () => assert.deepEqual(broken(path, read(path)), []))
  }
  it('that lead nowhere would be found', () => {
    const text =
      '## A heading\n[1](#a-heading) [2](#another) [3](LICENSE) [4](LICENCE) [5](http://x) [6](SECURITY.md#no)'
    assert.deepEqual(broken('README.md', text), [
      '#another',
      'LICENCE',
      'http://x',
      'SECURITY.md#no',
    ])
  })
})

it('every example is in the table of examples/README.md', () => {
  const table = read('examples/README.md')
  const folders = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `\`${name}/\``)
  assert.deepEqual(
    folders.filter((name) => !table.includes(name)),
    [],
  )
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
    .concat(PAPERS)

  it('in the code and in the papers', () => {
    assert.equal(files.length > 60, true)
    assert.deepEqual(
      files.filter((path) => later.test(read(path))),
      [],
    )
  })
})
