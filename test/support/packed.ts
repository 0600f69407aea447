/** The packed tarball, as `npm publish` would send it, and programs that look at it. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { environment } from './first-example.js'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The guides, the facts and the reference; no pictures, which only the repository shows. */
const DOCS = [
  ...['api/README', 'api/koa-docs-callback', 'api/koa-docs-callback/testing', 'docs-server'],
  ...['getting-started', 'guarantees', 'reference', 'running-in-production', 'settlement'],
  ...['testing-your-application', 'tools', 'what-the-docs-server-does'],
]
export const FILES = [
  ...['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md'],
  ...DOCS.map((name) => `docs/${name}.md`),
  'package.json',
]

/** Runs a program to its end; what it has printed is in the error when it fails. */
export async function run(
  folder: string,
  program: string,
  args: readonly string[],
  variables: NodeJS.ProcessEnv = {},
): Promise<string> {
  const options = { cwd: folder, env: { ...environment(), ...variables }, maxBuffer: 2 ** 26 }
  const { stdout } = await promisify(execFile)(program, args, options).catch((error: unknown) => {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${program} ${args.join(' ')}:\n${stdout}${stderr}`, { cause: error })
  })
  return stdout
}

export interface Packed extends AsyncDisposable {
  /** An empty folder that is deleted at the end, for what a test installs. */
  folder: string
  tarball: string
}

export async function pack(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'package-'))
  // A copy: its build must not get into the way of another one's.
  const copy = join(folder, 'copy')
  await mkdir(copy)
  for (const name of [...FILES, 'src', 'tsconfig.json', 'tsconfig.build.json']) {
    await cp(join(ROOT, name), join(copy, name), { recursive: true })
  }
  await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'), 'dir')
  await run(copy, 'npm', ['pack', '--pack-destination', folder])
  const [name = ''] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'))
  return {
    folder,
    tarball: join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** An application's folder with these libraries, by what npm calls them. */
export async function installInto(home: string, libraries: readonly string[]): Promise<void> {
  await mkdir(home)
  await writeFile(join(home, 'package.json'), '{ "private": true }')
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund']
  await run(home, 'npm', ['install', '--no-save', ...quiet, ...libraries])
}
