/** The README and the guides keep their word: their code compiles, and ends in a confirmed save where it is run. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { compile } from './support/compile.js'
import { environment, playFirstExample } from './support/first-example.js'
import { blocksOf, firstBlock, firstExample, PAPERS } from './support/readme.js'
import { startRedis } from './support/redis.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIMIT = { timeout: 300_000 }

/** A block that is a test file of its own is run as one. */
const isTest = (code: string): boolean => code.includes("from 'node:test'")

const blocks = PAPERS.flatMap((paper) =>
  blocksOf(paper).map((code, index) => ({ paper, code, name: `${paper}, block ${index + 1}` })),
)

describe('code blocks', LIMIT, () => {
  /** What must be found, or the checks are none. */
  const BAD = [
    "docs.forcesave('key', { timeuot: 1 })",
    "import { no } from 'koa-docs-callback'\nno()",
  ]
  const problems = compile([...blocks.map(({ code }) => code), ...BAD])

  blocks.forEach(({ name, code }, index) => {
    const [first = ''] = code.split('\n')
    test(`${name} compiles: ${first}`, () => assert.deepEqual(problems[index], []))
  })

  test('one that does not compile would be found', () => {
    assert.deepEqual(
      problems.slice(blocks.length).map(({ length }) => length),
      [1, 1],
    )
  })

  test('every paper has some', () => {
    assert.deepEqual(
      PAPERS.filter((paper) => firstBlock(paper) === ''),
      [],
    )
  })

  test('the first example needs nothing that only TypeScript has', () => {
    const { outputText } = ts.transpileModule(firstExample, {
      compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
    })
    const words = (code: string): string => code.replace(/[\s;,]+/g, '')
    assert.equal(words(outputText), words(firstExample))
  })
})

describe('whole programs', { ...LIMIT, concurrency: 2 }, () => {
  /** A folder in which `koa-docs-callback` is the source, and everything else what is installed here. */
  async function folderWith(t: TestContext, name: string, code: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'guides-'))
    t.after(() => rm(folder, { recursive: true }))
    const libraries = join(folder, 'node_modules')
    const own = join(libraries, 'koa-docs-callback')
    await mkdir(own, { recursive: true })
    await symlink(join(ROOT, 'src'), join(own, 'src'), 'dir')
    await mkdir(join(libraries, '@koa'))
    for (const library of ['koa', '@koa/router', 'bullmq', 'ioredis', 'pino']) {
      await symlink(join(ROOT, 'node_modules', library), join(libraries, library), 'dir')
    }
    const exports = { '.': './src/index.ts', './testing': './src/testing/index.ts' }
    await writeFile(join(own, 'package.json'), JSON.stringify({ type: 'module', exports }))
    await writeFile(join(folder, name), code)
    return folder
  }
  const tsx = ['--import', pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href]
  const ofFile = { config: '/files/report.docx/config', save: '/files/report.docx/save' }

  test('of the README ends in a confirmed save, and the file is what was typed', async (t) => {
    const folder = await folderWith(t, 'app.mjs', firstExample)
    assert.equal(await playFirstExample({ folder, args: [...tsx, 'app.mjs'] }), '')
  })

  test('of "Getting started" does so for a file with versions', async (t) => {
    const folder = await folderWith(t, 'app.mts', firstBlock('docs/getting-started.md'))
    const paths = { ...ofFile, file: '/files/report.docx' }
    assert.equal(await playFirstExample({ folder, args: [...tsx, 'app.mts'], paths }), '')
  })

  test('of "Running in production" does so over Redis, and ends by itself', async (t) => {
    const folder = await folderWith(t, 'app.mts', firstBlock('docs/running-in-production.md'))
    await using redis = await startRedis()
    const env = { REDIS_URL: redis.url, FILES: 'files' }
    const paths = { ...ofFile, file: '/files/report.docx' }
    const program = { folder, args: [...tsx, 'app.mts'], env, paths, exitCode: 0 }
    const printed = await playFirstExample(program)
    // It logs as pino does: JSON lines, and none of them a warning.
    const levels = printed.split('\n').filter((line) => line !== '')
    assert.deepEqual(
      levels.filter((line) => (JSON.parse(line) as { level: number }).level > 30),
      [],
    )
  })

  for (const { name, code } of blocks.filter(({ code }) => isTest(code))) {
    test(`${name} is a test that passes`, async (t) => {
      const folder = await folderWith(t, 'some.test.ts', code)
      const child = spawn(process.execPath, [...tsx, '--test', 'some.test.ts'], {
        ...{ cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] },
      })
      const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
      assert.equal(child.exitCode, 0, out)
      assert.match(out, /pass [1-9]/)
    })
  }

  test('are the first block of every paper that is no reference', () => {
    const run = [
      ...['README.md', 'docs/getting-started.md', 'docs/running-in-production.md'],
      ...PAPERS.filter((paper) => isTest(firstBlock(paper))),
    ]
    assert.deepEqual(
      PAPERS.filter((paper) => !run.includes(paper)),
      ['docs/reference.md'],
    )
  })
})
