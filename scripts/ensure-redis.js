/** The tests start a redis-server of their own; this installs the program where it is missing. */
import { spawnSync } from 'node:child_process'

/** @param {string} command @param {string[]} words */
const works = (command, ...words) => spawnSync(command, words, { stdio: 'ignore' }).status === 0

/** @param {string[]} words */
function asRoot(...words) {
  const [command = '', ...rest] = process.getuid?.() === 0 ? words : ['sudo', '-n', ...words]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync(command, rest, { stdio: 'inherit', env }).status === 0
}

/** Debian and Ubuntu, as root or with sudo; elsewhere it says what to run. */
export function ensureRedis() {
  if (works('redis-server', '--version')) return
  if (works('apt-get', '--version')) {
    console.log('redis-server is missing: installing it')
    const install = () =>
      asRoot('apt-get', 'install', '-y', '--no-install-recommends', 'redis-server')
    if (install() || (asRoot('apt-get', 'update') && install())) return
  }
  console.error(
    'The tests need redis-server on the PATH. Install it first, with `brew install redis` for example.',
  )
  process.exit(1)
}
