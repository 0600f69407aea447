/**
 * `npm run check:static`: every check that runs no test. All of them run, also after one has failed,
 * and each says in a line how it ended.
 */
import { spawnSync } from 'node:child_process'

const CHECKS = ['format', 'lint', 'types', 'build']

const results = CHECKS.map((check) => {
  const { status } = spawnSync('npm', ['run', '--silent', check], { stdio: 'inherit' })
  return { check, passed: status === 0 }
})
for (const { check, passed } of results) {
  console.log(`check ${check}: ${passed ? 'passed' : 'failed'}`)
}
process.exitCode = results.every(({ passed }) => passed) ? 0 : 1
