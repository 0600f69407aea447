/** Node, and the libraries that the application installs beside this package. */
import { fail, ok, skipped, type Check, type Finding } from '../finding.js'
import { isWithin, manifest, versionOf } from '../packages.js'

export const installed: Check = {
  name: 'installed',
  asks: 'nobody else',
  run: ({ settings }) => {
    const { koa = '', ...optional } = manifest.peerDependencies
    const findings = [
      judge(
        'node',
        process.versions.node,
        manifest.engines.node,
        'npm cannot change it: install another one',
      ),
      library('koa', koa, 'receive() does without Koa, and routes() does not'),
    ]
    for (const [name, range] of Object.entries(optional)) {
      const need =
        settings.redis === undefined ? 'only createDocs() with redis needs it' : undefined
      findings.push(library(name, range, need))
    }
    return Promise.resolve(findings)
  },
}

/** `without`: why it may be missing. */
function library(name: string, range: string, without: string | undefined): Finding {
  const version = versionOf(name)
  const fix = `npm install "${name}@${range}"`
  if (version !== undefined) return judge(name, version, range, fix)
  if (without !== undefined)
    return skipped(`${name}-missing`, `${name} is not installed: ${without}`)
  return fail(
    `${name}-missing`,
    `${name} is not installed`,
    'createDocs() needs it for the option redis.',
    fix,
  )
}

function judge(name: string, version: string, range: string, fix: string): Finding {
  if (isWithin(version, range)) return ok(name, `${name} ${version}`)
  const why = 'With others this package was not tested, or does not work.'
  return fail(
    `${name}-version`,
    `${name} ${version} is installed, and ${range} is needed`,
    why,
    fix,
  )
}
