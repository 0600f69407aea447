/** The house: imports go one way, files are small, a library has one user. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'node:test'
import ts from 'typescript'

const src = fileURLToPath(new URL('../src/', import.meta.url))

interface Import {
  /** A file of src/, or the name of a library. */
  to: string
  typeOnly: boolean
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => path.split(sep).join('/'))
  .sort()
const text = new Map(files.map((path) => [path, readFileSync(join(src, path), 'utf8')]))
const imports = new Map(files.map((path) => [path, importsOf(path)]))

function importsOf(path: string): Import[] {
  const found: Import[] = []
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    assert.ok(specifier && ts.isStringLiteral(specifier), `${path}: an import of an expression`)
    found.push({ to: target(path, specifier.text), typeOnly })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      const elements =
        node.exportClause && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : []
      const each = elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly)
      add(node.moduleSpecifier, node.isTypeOnly || each)
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      // The module that an operator names by `--options`.
      if (path !== 'shell/settings.ts') add(node.arguments[0], false)
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true)
    }
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text.get(path)!, ts.ScriptTarget.Latest, true))
  return found
}

function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const { name, namedBindings } = clause
  if (name !== undefined || namedBindings === undefined) return false
  return (
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  )
}

function target(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier
  assert.ok(specifier.endsWith('.js'), `${from} imports ${specifier} without .js`)
  return posix.join(dirname(from), specifier).replace(/\.js$/, '.ts')
}

const own = (path: string): Import[] => imports.get(path)!.filter(({ to }) => to.endsWith('.ts'))

/**
 * From the bottom to the top. A file may import what stands in a layer below its own, and files of
 * its own layer; what `token.ts` and `errors.ts` say to each other is the one knot of the ground floor.
 */
const LAYERS: [name: string, files: RegExp][] = [
  [
    'ground',
    /^(clock|abort|histogram|pages|check.*|call-options|errors|harmless|here|protocol\/.*)\.ts$/,
  ],
  ['settlement', /^settlement\/.*\.ts$/],
  ['facts', /^(events|safe-logger|stats|channels|inspector\/(?!koa).*)\.ts$/],
  ['client and ledgers', /^(client|ledger|keys)\/.*\.ts$/],
  ['saves', /^saves\/.*\.ts$/],
  ['receiver and recovery', /^(receiver\/.*|recovery\/.*|inspector\/koa)\.ts$/],
  ['backends', /^backends\/.*\.ts$/],
  [
    'calls',
    /^(options|client-options|results|arguments|target|editor-config|api|call-deadlines|calls|sessions\/.*|opening\/.*)\.ts$/,
  ],
  ['docs', /^docs\.ts$/],
  ['shell', /^(shell|doctor)\/.*\.ts$/],
  ['index', /^index\.ts$/],
]
const layerOf = (path: string): number => LAYERS.findIndex(([, pattern]) => pattern.test(path))
const isTesting = (path: string): boolean => path.startsWith('testing/')
const edges = files.flatMap((from) => own(from).map(({ to, typeOnly }) => ({ from, to, typeOnly })))

describe('imports', () => {
  it('are found by this test at all', () => {
    assert.ok(files.length > 40 && edges.length > 100)
    assert.ok(edges.some(({ from, to }) => from === 'index.ts' && to === 'docs.ts'))
    assert.ok(edges.some(({ from, typeOnly }) => from === 'api.ts' && typeOnly))
    assert.ok(edges.every(({ to }) => text.has(to)))
  })

  it('every file has its place', () => {
    assert.deepEqual(
      files.filter((path) => !isTesting(path) && layerOf(path) < 0),
      [],
    )
  })

  it('go one way: never to a layer above', () => {
    const wrong = edges
      .filter(({ from, to }) => !isTesting(from) && layerOf(to) > layerOf(from))
      .map(({ from, to }) => `${from} -> ${to}`)
    assert.deepEqual(wrong, [])
  })

  it('the state machine imports the words of protocol and errors, and nothing that acts', () => {
    const machine = files.filter((path) => path.startsWith('settlement/'))
    const wrong = machine.flatMap((path) =>
      imports
        .get(path)!
        .filter(({ to }) => !/^(settlement|protocol)\/|^errors\.ts$/.test(to))
        .map(({ to }) => `${path} -> ${to}`),
    )
    assert.deepEqual(wrong, [])
  })

  it('make no cycle, not even of types', () => {
    const done = new Set<string>()
    const follow = (path: string, way: string[]): void => {
      assert.ok(!way.includes(path), `a cycle: ${[...way, path].join(' -> ')}`)
      if (done.has(path)) return
      for (const { to } of own(path)) follow(to, [...way, path])
      done.add(path)
    }
    for (const path of files) follow(path, [])
  })

  it('of src/testing from outside are types of protocol and clock, and pages.ts', () => {
    const wrong = edges
      .filter(({ from, to }) => isTesting(from) && !isTesting(to))
      .filter(
        ({ to, typeOnly }) =>
          to !== 'pages.ts' && (!typeOnly || !/^(protocol\/.*|clock)\.ts$/.test(to)),
      )
    assert.deepEqual(wrong, [])
  })

  it('nobody imports src/testing but shell/simulate.ts, and nobody index.ts', () => {
    const isInside = (path: string): boolean => isTesting(path) || path === 'shell/simulate.ts'
    const wrong = edges.filter(
      ({ from, to }) => (!isInside(from) && isTesting(to)) || to === 'index.ts',
    )
    assert.deepEqual(wrong, [])
  })
})

describe('libraries', () => {
  const usersOf = (library: string, { types }: { types: boolean }): string[] =>
    files.filter((path) =>
      imports.get(path)!.some(({ to, typeOnly }) => to === library && (types || !typeOnly)),
    )

  it('jsonwebtoken is used by protocol/token.ts, and by the simulated server apart from it', () => {
    const [outside, testing] = [false, true].map((side) =>
      usersOf('jsonwebtoken', { types: true }).filter((path) => isTesting(path) === side),
    )
    assert.deepEqual(outside, ['protocol/token.ts'])
    assert.deepEqual(testing, ['testing/tokens.ts'])
  })
  it('undici is used by client/http.ts', () => {
    assert.deepEqual(usersOf('undici', { types: true }), ['client/http.ts'])
  })
  it('ipaddr.js is used by client/address.ts', () => {
    assert.deepEqual(usersOf('ipaddr.js', { types: true }), ['client/address.ts'])
  })
  it('koa is nobody`s at run time, @koa/router and koa-bodyparser are receiver/koa.ts`s', () => {
    assert.deepEqual(usersOf('koa', { types: false }), [])
    assert.deepEqual(usersOf('koa', { types: true }), [
      'api.ts',
      'inspector/koa.ts',
      'receiver/koa.ts',
    ])
    assert.deepEqual(usersOf('@koa/router', { types: true }), ['receiver/koa.ts'])
    assert.deepEqual(usersOf('koa-bodyparser', { types: true }), ['receiver/koa.ts'])
  })
  it('diagnostics_channel is used by channels.ts, and no library of metrics, traces or logs by anybody', () => {
    assert.deepEqual(usersOf('node:diagnostics_channel', { types: true }), ['channels.ts'])
    const others = ['prom-client', 'pino', '@opentelemetry/api', '@opentelemetry/sdk-trace-node']
    assert.deepEqual(
      others.filter((library) => usersOf(library, { types: true }).length > 0),
      [],
    )
  })
  it('every one of them is a dependency or a peer, and node`s own are named node:', () => {
    const manifest = JSON.parse(
      readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
    ) as { dependencies: object; peerDependencies: object }
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
    const undeclared = [...imports.values()]
      .flat()
      .filter(({ to }) => !to.endsWith('.ts') && !to.startsWith('node:'))
      .filter(({ to }) => !Object.hasOwn(declared, to))
    assert.deepEqual(undeclared, [])
  })
})

describe('files', () => {
  it('of src have 300 lines at the most', () => {
    const long = files.filter((path) => text.get(path)!.split('\n').length - 1 > 300)
    assert.deepEqual(long, [])
  })
  it('say in a comment what they are for', () => {
    const silent = files.filter((path) => !text.get(path)!.includes('/**'))
    assert.deepEqual(silent, [])
  })
})
