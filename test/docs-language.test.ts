/** What is written for readers: its links lead somewhere, and nothing is left for later. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import GithubSlugger from 'github-slugger'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** Without code, in which nothing is a heading or a link. */
const prose = (text: string): string =>
  text
    .replace(/^( *)(`{3,})[^\n]*\n.*?^\1\2$/gms, '')
    .replace(/`[^`\n]*`/g, (code) => `\`${'-'.repeat(code.length - 2)}\``)

/** The anchors of a paper: its headings', as the usual sites make them, with a number for one that comes again, and its own. */
function anchorsIn(text: string): string[] {
  const slugger = new GithubSlugger()
  const headings = text.replace(/^( *)(`{3,})[^\n]*\n.*?^\1\2$/gms, '').matchAll(/^#{1,6} (.+)$/gm)
  const named = text.matchAll(/<a id="([^"]+)"><\/a>/g)
  return [
    ...[...headings].map(([, heading = '']) => slugger.slug(plain(heading))),
    ...[...named].map(([, name = '']) => name),
  ]
}

/** A heading without its marks: of a link its words, of code and emphasis what is in it. */
const plain = (heading: string): string =>
  heading.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replace(/[`*]|\\(?=\W)/g, '')

/** Where links, pictures and definitions (`[name]: place`) lead to. */
function linksIn(text: string): string[] {
  const inline = prose(text).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)
  const definitions = prose(text).matchAll(/^ {0,3}\[[^\]]+\]: +<?([^\s>]+)>?/gm)
  const html = prose(text).matchAll(/<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)="([^"]+)"/g)
  return [...inline, ...definitions, ...html].map(([, link = '']) => link)
}

/** `[words][name]` and `[name][]` of which there is no definition. */
function undefinedIn(text: string): string[] {
  const defined = [...prose(text).matchAll(/^ {0,3}\[([^\]]+)\]: /gm)].map(([, name = '']) =>
    name.toLowerCase(),
  )
  return [...prose(text).matchAll(/\[([^\][]+)\]\[([^\][]*)\]/g)]
    .map(([, words = '', name = '']) => name || words)
    .filter((name) => !defined.includes(name.toLowerCase()))
}

function broken(path: string, text: string): string[] {
  const lost = linksIn(text).filter((link) => {
    if (/^https:\/\//.test(link)) return false
    const [place = '', part] = link.split('#')
    const target = join(dirname(path), place)
    if (place !== '' && !existsSync(join(ROOT, target))) return true
    return part !== undefined && !anchorsIn(place === '' ? text : read(target)).includes(part)
  })
  return [...lost, ...undefinedIn(text)]
}

/** The papers in a folder and the folders below it. */
const papersIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md') && !path.includes('node_modules'))
    .map((path) => join(folder, path))

const PAPERS = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...['docs', 'examples', 'bench'].flatMap(papersIn),
]

describe('links', () => {
  for (const path of PAPERS) {
    it(`of ${path} lead somewhere`, () => assert.deepEqual(broken(path, read(path)), []))
  }
  it('that lead nowhere would be found', () => {
    const text = [
      '## A heading, and *more* of `it`\n## Twice\n## Twice\n```sh\n# no heading\n[8](nowhere)\n```',
      '[1](#a-heading-and-more-of-it) [2](#another) [3](LICENSE) [4](LICENCE) [5](http://x) [6](SECURITY.md#no)',
      '[7](#twice-1) [8](#no-heading) `[9](code)` [10][here] [here][] [11][nowhere]',
      '![picture](docs/none.png) <img src="docs/neither.png" alt=""> [12](<SECURITY.md> "a title")',
      '[here]: LICENSE\n[there]: LICENCE',
    ].join('\n')
    assert.deepEqual(broken('README.md', text), [
      ...['#another', 'LICENCE', 'http://x', 'SECURITY.md#no', '#no-heading', 'docs/none.png'],
      ...['LICENCE', 'docs/neither.png', 'nowhere'],
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
