/** The README and the reference keep their word: code compiles and runs, tables are those of the source. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { resolveOptions } from '../src/options.js'
import { SECRET } from './support/app.js'
import { environment, playFirstExample } from './support/first-example.js'
import { README, blocks, firstExample, namesIn, table, testingExample } from './support/readme.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const LIMIT = { timeout: 60_000 }

describe('code blocks', LIMIT, () => {
  /** What a reader of a later block knows from the ones before, and a library that is not here. */
  const KNOWN = `
    declare const app: import('koa')
    declare const docs: import('koa-docs-callback').Docs
    declare const options: import('koa-docs-callback').DocsOptions
    declare function isDeleted(ref: string): Promise<boolean>
    declare function upload(ref: string, stream: unknown, about: object): Promise<{ version: number }>
    declare module 'express' {
      interface Request {
        headers: import('node:http').IncomingHttpHeaders
        body: unknown
        params: Record<string, string>
      }
      interface Response {
        status(status: number): this
        json(body: unknown): this
      }
      type Handler = (request: Request, response: Response) => unknown
      function express(): { post(path: string, parser: object, handler: Handler): void }
      namespace express {
        function json(options: { limit: string }): object
      }
      export = express
    }`

  /** What must be found, or the checks are none. */
  const BAD = [
    "docs.forcesave('key', { timeuot: 1 })",
    "import { no } from 'koa-docs-callback'\nno()",
  ]

  /** All of them in one program: what the compiler says of each. */
  const problems = compile([...blocks, ...BAD])

  function compile(codes: readonly string[]): string[][] {
    const known = join(ROOT, 'test/readme-known.d.ts')
    const paths = codes.map((_code, index) => join(ROOT, `test/readme-block-${index}.ts`))
    const given = new Map([[known, KNOWN]])
    codes.forEach((code, index) => given.set(paths[index]!, `${code}\nexport {}\n`))
    const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) =>
      ts.sys.readFile(path),
    ) as { config: unknown }
    const options: ts.CompilerOptions = {
      ...ts.parseJsonConfigFileContent(config, ts.sys, ROOT).options,
      // What an example declares is for its reader to use.
      noUnusedLocals: false,
      paths: {
        'koa-docs-callback': [join(ROOT, 'src/index.ts')],
        'koa-docs-callback/testing': [join(ROOT, 'src/testing/index.ts')],
      },
    }
    const host = ts.createCompilerHost(options)
    const onDisk = { ...host }
    host.readFile = (path) => given.get(path) ?? onDisk.readFile(path)
    host.fileExists = (path) => given.has(path) || onDisk.fileExists(path)
    host.getSourceFile = (path, version) => {
      const source = host.readFile(path)
      return source === undefined ? undefined : ts.createSourceFile(path, source, version)
    }
    const program = ts.createProgram([known, ...paths], options, host)
    const tell = (path: string): string[] =>
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(path))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    assert.deepEqual(tell(known), [])
    return paths.map(tell)
  }

  blocks.forEach((code, index) => {
    const [first = ''] = code.split('\n')
    test(`block ${index + 1} compiles: ${first}`, () => assert.deepEqual(problems[index], []))
  })

  test('a block that does not compile would be found', () => {
    assert.equal(blocks.length >= 7, true)
    assert.deepEqual(
      problems.slice(blocks.length).map(({ length }) => length),
      [1, 1],
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

describe('examples', LIMIT, () => {
  /** A folder in which `koa-docs-callback` is the source, and everything else what is installed here. */
  async function folderWith(t: TestContext, name: string, code: string): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'readme-'))
    t.after(() => rm(folder, { recursive: true }))
    const own = join(folder, 'node_modules', 'koa-docs-callback')
    await mkdir(own, { recursive: true })
    await symlink(join(ROOT, 'src'), join(own, 'src'), 'dir')
    await symlink(join(ROOT, 'node_modules', 'koa'), join(folder, 'node_modules', 'koa'), 'dir')
    const exports = { '.': './src/index.ts', './testing': './src/testing/index.ts' }
    await writeFile(join(own, 'package.json'), JSON.stringify({ type: 'module', exports }))
    await writeFile(join(folder, name), code)
    return folder
  }
  const tsx = ['--import', pathToFileURL(join(ROOT, 'node_modules/tsx/dist/loader.mjs')).href]

  test('the first example ends in a confirmed save, and the file is what was typed', async (t) => {
    const folder = await folderWith(t, 'app.mjs', firstExample)
    assert.equal(await playFirstExample({ folder, args: [...tsx, 'app.mjs'] }), '')
  })

  test('the example of a test passes', async (t) => {
    const folder = await folderWith(t, 'letter.test.ts', testingExample)
    const child = spawn(process.execPath, [...tsx, '--test', 'letter.test.ts'], {
      ...{ cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'inherit'] },
    })
    const [out] = await Promise.all([text(child.stdout), once(child, 'close')])
    assert.equal(child.exitCode, 0, out)
    assert.match(out, /pass 1$/m)
  })
})

describe('tables', () => {
  /** The members of an interface, or the texts of a union, with what stands behind them. */
  async function members(file: string, type: string): Promise<Map<string, string[]>> {
    const code = await readFile(new URL(`../src/${file}`, import.meta.url), 'utf8')
    const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)
    const named = (member: ts.TypeElement): string => {
      const { name, questionToken } = member
      assert.ok(name !== undefined && (ts.isIdentifier(name) || ts.isStringLiteral(name)))
      return name.text + (questionToken === undefined ? '' : '?')
    }
    for (const statement of source.statements) {
      if (ts.isInterfaceDeclaration(statement) && statement.name.text === type) {
        return new Map(
          statement.members.map((member) => [
            named(member).replace('?', ''),
            ts.isPropertySignature(member) && member.type && ts.isTypeLiteralNode(member.type)
              ? member.type.members.map(named)
              : [],
          ]),
        )
      }
      if (ts.isTypeAliasDeclaration(statement) && statement.name.text === type) {
        assert.ok(ts.isUnionTypeNode(statement.type))
        return new Map(statement.type.types.map((one) => [one.getText().slice(1, -1), []]))
      }
    }
    return assert.fail(`no ${type} in ${file}`)
  }
  const namesOf = async (file: string, type: string): Promise<string[]> => [
    ...(await members(file, type)).keys(),
  ]
  const firstNames = (heading: string): string[] =>
    table(heading).flatMap(([cell]) => namesIn(cell))
  const sorted = (names: string[]): string[] => [...new Set(names)].sort()

  test('every option is in it, and no other', async () => {
    const options = await namesOf('options.ts', 'DocsOptions')
    assert.deepEqual(sorted(firstNames('Options')), sorted(options))
  })

  test('the defaults of the options are those of the code', () => {
    const resolved: Record<string, unknown> = {
      ...resolveOptions({ server: 'http://docs.internal', secret: SECRET, onSave: () => null }),
      allowWeakSecret: false,
    }
    const written = ['required', 'none', 'silent']
    for (const [name, given = ''] of table('Options')) {
      const [option = ''] = namesIn(name)
      if (written.includes(given)) continue
      const value = resolved[option]
      assert.equal(given, `\`${inspect(value)}\``, option)
    }
  })

  test('every error code is in it, and no other', async () => {
    const codes = await namesOf('errors.ts', 'DocsErrorCode')
    assert.deepEqual(sorted(firstNames('Errors')), sorted(codes))
  })

  test('every event is in it with all that it tells, and no other', async () => {
    const written = table('Events').map(([name, , fields]) => [
      namesIn(name)[0],
      namesIn(fields)[0]?.split(', '),
    ])
    assert.deepEqual(written, [...(await members('events.ts', 'DocsEvents'))])
  })

  test('every call is there, and no other', async () => {
    const named = await namesOf('api.ts', 'Docs')
    const calls = firstNames('Calls').map((call) => call.replace(/[.(].*$/s, ''))
    const others = ['callbackUrl', 'editorConfig', 'on', 'stats', 'routes', 'callback', 'receive']
    assert.deepEqual(sorted([...calls, ...others]), sorted(named))
  })

  test('everything in `save` is named', async () => {
    const named = await namesOf('saves/save.ts', 'Save')
    const [, section = ''] = README.split('\n`save` has ')
    const [paragraph = ''] = section.split('\n\n')
    for (const name of named) assert.match(paragraph, new RegExp(`\`${name}[\`(]`))
  })
})

/** A value as it is written in the README. */
function inspect(value: unknown): string {
  // The one option with a function as its default.
  if (typeof value === 'function') return `() => ${inspect((value as () => unknown)())}`
  if (Array.isArray(value)) return `[${value.map(inspect).join(', ')}]`
  if (typeof value === 'string') return `'${value}'`
  if (typeof value !== 'object' || value === null) return String(value)
  const fields = Object.entries(value).map(([name, field]) => `${name}: ${inspect(field)}`)
  return `{ ${fields.join(', ')} }`
}
