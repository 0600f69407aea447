/** What the compiler says of code that is written in a paper. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** What a reader of a later block knows from the ones before, and what only their application has. */
const KNOWN = `
  declare const app: import('koa')
  declare const docs: import('koa-docs-callback').Docs
  declare const options: import('koa-docs-callback').DocsOptions
  declare function isDeleted(ref: string): Promise<boolean>
  declare function upload(ref: string, stream: unknown, about: object): Promise<{ version: number }>
  declare function alert(what: string, details: object): void
  declare function backup(): Promise<void>`

/** Compiles all of them in one program, each as a module of its own: the problems of each. */
export function compile(codes: readonly string[]): string[][] {
  const known = join(ROOT, 'test/block-known.d.ts')
  const paths = codes.map((_code, index) => join(ROOT, `test/block-${index}.ts`))
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
