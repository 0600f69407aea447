/** What is installed beside this package, as it would itself load it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const require = createRequire(import.meta.url)

interface Manifest {
  name: string
  version: string
  engines: { node: string }
  peerDependencies: Record<string, string>
}

/** Of this package; two folders up from here in its sources and in its build. */
export const manifest = require('../../package.json') as Manifest

/** Where a library begins; undefined: it is not installed. */
export function resolve(name: string): string | undefined {
  try {
    return require.resolve(name)
  } catch {
    return undefined
  }
}

/** Its version; undefined: it is not installed. */
export function versionOf(name: string): string | undefined {
  const entry = resolve(name)
  if (entry === undefined) return undefined
  // Not all libraries let their package.json be asked for.
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (!existsSync(file)) continue
    const found = JSON.parse(readFileSync(file, 'utf8')) as Partial<Manifest>
    if (found.name === name) return found.version
  }
  return undefined
}

/** Of ranges `>=a` and `>=a <b`, the only forms that this package's own package.json has. */
export function isWithin(version: string, range: string): boolean {
  return range.split(' ').every((part) => {
    const difference = compare(version, part.replace(/^[<>=]+/, ''))
    return part.startsWith('<') ? difference < 0 : difference >= 0
  })
}

function compare(one: string, other: string): number {
  const [a, b] = [one, other].map((text) => text.replace(/^v/, '').split(/[.-]/).map(Number))
  for (let part = 0; part < 3; part += 1) {
    const difference = (a?.[part] ?? 0) - (b?.[part] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
