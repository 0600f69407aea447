/** A folder as an application has it: this package's source, and the libraries that are installed there. */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const MODULES = join(ROOT, 'node_modules')

export interface Installed extends AsyncDisposable {
  /** Runs a module there and gives what it printed; it has to end by itself. */
  run: (code: string) => Promise<string>
}

/** By name: a copy of that one of this repository, a mere `package.json` of this version, or nothing. */
export type Libraries = Record<string, string | { version: string } | null>

/** All libraries of this repository are there, but for `libraries`. */
export async function install(libraries: Libraries): Promise<Installed> {
  const folder = await mkdtemp(join(tmpdir(), 'docs-installed-'))
  const modules = join(folder, 'node_modules')
  await mkdir(modules)
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const name of ['src', 'test/support', 'test/faulty-server.ts', 'tsconfig.json']) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true })
  }
  for (const name of await readdir(MODULES)) {
    if (!(name in libraries)) await symlink(join(MODULES, name), join(modules, name), 'dir')
  }
  for (const [name, library] of Object.entries(libraries)) {
    const target = join(modules, name)
    // A copy, not a link: what it imports itself is looked up here as well.
    if (typeof library === 'string') await cp(join(MODULES, library), target, { recursive: true })
    else if (library !== null) {
      await mkdir(target)
      await writeFile(join(target, 'package.json'), JSON.stringify({ name, ...library }))
      await writeFile(join(target, 'index.js'), '')
    }
  }
  const tsx = pathToFileURL(join(MODULES, 'tsx', 'dist', 'loader.mjs')).href
  return {
    run(code) {
      const args = ['--import', tsx, '--input-type=module', '--eval', code]
      return new Promise((resolve, reject) => {
        execFile(process.execPath, args, { cwd: folder, timeout: 90_000 }, (error, out, err) => {
          if (error === null) resolve(out.trim())
          else reject(new Error(`it did not end well: ${err.slice(-1000)}`, { cause: error }))
        })
      })
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
