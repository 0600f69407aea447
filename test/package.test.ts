/** The packed tarball: what is in it, what it promises to tools, and that it works where it is installed. */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { playFirstExample } from './support/first-example.js'
import { FILES, installInto, pack, ROOT, run, type Packed } from './support/packed.js'
import { asCommonJs, firstExample } from './support/readme.js'

const LIMIT = { timeout: 300_000 }
const OPTIONAL = ['bullmq', 'ioredis']

const tool = (name: string): string => join(ROOT, 'node_modules', '.bin', name)

describe('the package', LIMIT, () => {
  let product: Packed
  let folder: string
  let tarball: string
  let packed: string[]

  before(async () => {
    product = await pack()
    ;({ folder, tarball } = product)
    const list = await run(folder, 'tar', ['-tzf', tarball])
    packed = list.trim().split('\n').sort()
  })
  after(() => product[Symbol.asyncDispose]())

  test('holds the build and the papers, and nothing else', async () => {
    const others = packed.filter(
      (path) => !/^package\/dist\/([\w/-]+\.(js|d\.ts)|pages\/[\w-]+\.(html|css))$/.test(path),
    )
    assert.deepEqual(
      others,
      FILES.map((name) => `package/${name}`),
    )
    const sources = await readdir(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    const modules = sources.filter((path) => path.endsWith('.ts'))
    const pages = sources.filter((path) => /^pages.[\w-]+\.(js|html|css)$/.test(path))
    assert.equal(
      packed.length - FILES.length,
      2 * modules.length + pages.length,
      'of each module its code and its types, and what browsers get',
    )
  })

  test('publint finds nothing to say', async () => {
    assert.match(await run(folder, tool('publint'), ['run', tarball, '--strict']), /All good!/)
  })

  test('its types resolve wherever ES modules do', async () => {
    // Its exit code tells of problems. Left out: resolutions older than `exports`, and `require`, for
    // which it knows Nodes only that could not load ES modules; a test below does that for real.
    const args = [tarball, '--profile', 'esm-only', '--format', 'ascii']
    assert.match(await run(folder, tool('attw'), args), /node16 \(from ESM\): +🟢/)
  })

  describe('installed in an empty folder', () => {
    let home: string

    before(async () => {
      home = join(folder, 'home')
      await installInto(home, [tarball, 'koa'])
      installed = await readdir(join(home, 'node_modules'))
      // They are there from now on, and tell when they are loaded.
      for (const name of OPTIONAL) {
        await mkdir(join(home, 'node_modules', name))
        await writeFile(
          join(home, 'node_modules', name, 'index.js'),
          `console.log('${name} is loaded')`,
        )
      }
    })
    let installed: string[]

    test('it brings neither bullmq nor ioredis', () => {
      assert.equal(installed.includes('koa-docs-callback'), true)
      assert.deepEqual(
        OPTIONAL.filter((name) => installed.includes(name)),
        [],
      )
    })

    test('the first example works by import, and loads neither', async () => {
      await writeFile(join(home, 'app.mjs'), firstExample)
      assert.equal(await playFirstExample({ folder: home, args: ['app.mjs'] }), '')
    })

    test('the first example works by require, and loads neither', async () => {
      const program = asCommonJs(firstExample)
      assert.match(
        program,
        /^const \{ createDocs, isDocsError \} = require\('koa-docs-callback'\)$/m,
      )
      assert.doesNotMatch(program, /^import /m)
      await writeFile(join(home, 'app.cjs'), program)
      await rm(join(home, 'files'), { recursive: true, force: true })
      // Node 20 calls require() of an ES module experimental.
      const args = ['--disable-warning=ExperimentalWarning', 'app.cjs']
      assert.equal(await playFirstExample({ folder: home, args }), '')
    })

    test('koa-docs-callback/testing is there, and so is package.json', async () => {
      const program = `
        import { startDocsServer } from 'koa-docs-callback/testing'
        import manifest from 'koa-docs-callback/package.json' with { type: 'json' }
        const server = await startDocsServer()
        console.log(manifest.name, server.url.replace(/\\d+$/, ''))
        await server.close()
      `
      await writeFile(join(home, 'testing.mjs'), program)
      const args = ['--disable-warning=ExperimentalWarning', 'testing.mjs']
      assert.equal(await run(home, process.execPath, args), 'koa-docs-callback http://127.0.0.1:\n')
    })

    test('npx koa-docs-callback doctor is there, and needs neither', async () => {
      const npx = (...args: string[]) => run(home, 'npx', ['--no', 'koa-docs-callback', ...args])
      assert.match(await npx('doctor', '--help'), /^Usage: koa-docs-callback doctor /)
      // Nothing listens there: one problem, and the rest is looked at.
      const asked = npx('doctor', '--server', 'http://127.0.0.1:1')
      await assert.rejects(asked, (error: Error) => {
        assert.match(error.message, /✗ address .*refuses[^]*✓ installed [^]*\n1 problem, /)
        return !error.message.includes('is loaded')
      })
    })

    test('nothing but the named entries can be reached', async () => {
      const args = [
        '--input-type=module',
        '--eval',
        "await import('koa-docs-callback/dist/docs.js')",
      ]
      await assert.rejects(run(home, process.execPath, args), /ERR_PACKAGE_PATH_NOT_EXPORTED/)
    })
  })

  test('its version is the newest one of the changelog', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string
    }
    const changelog = await readFile(join(ROOT, 'CHANGELOG.md'), 'utf8')
    assert.equal(/^## \[(.+?)\] - \d{4}-\d\d-\d\d$/m.exec(changelog)?.[1], version)
  })
})
