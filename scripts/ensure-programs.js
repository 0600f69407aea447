/** The tests start Redis servers and a browser; this installs the programs where they are missing. */
import { spawnSync } from 'node:child_process'

/** @param {string} command @param {string[]} words */
const works = (command, ...words) => spawnSync(command, words, { stdio: 'ignore' }).status === 0

/** @param {string[]} words */
function asRoot(...words) {
  const [command = '', ...rest] = process.getuid?.() === 0 ? words : ['sudo', '-n', ...words]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, rest, { stdio: 'inherit', env }).status === 0
}

/**
 * Debian, and Ubuntu for what it has as a package; as root or with sudo. Elsewhere it says what to do.
 *
 * @param {string} program as it is called
 * @param {string} name of Debian's package
 * @param {string} advice what to do where it cannot be installed from here
 */
function ensure(program, name, advice) {
  if (works(program, '--version')) return
  if (works('apt-get', '--version')) {
    console.log(`${name} is missing: installing it`)
    const install = () => asRoot('apt-get', 'install', '-y', '--no-install-recommends', name)
    if ((install() || (asRoot('apt-get', 'update') && install())) && works(program, '--version')) {
      return
    }
  }
  console.error(advice)
  process.exit(1)
}

export function ensurePrograms() {
  ensure(
    'redis-server',
    'redis-server',
    'The tests need redis-server on the PATH. Install it first, with `brew install redis` for example.',
  )
  ensure(
    process.env['CHROMIUM_PATH'] ?? 'chromium',
    'chromium',
    'The tests need Chromium: on the PATH as `chromium`, or where the variable CHROMIUM_PATH says.',
  )
}
