/**
 * `npm test`: every `test/*.test.ts`, or the files that are given; other arguments go to node's runner.
 * `npm run test:long`: those of `test/long`, which install what they need and take minutes.
 *
 *     npm test -- test/errors.test.ts --test-name-pattern=code
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ensurePrograms } from './ensure-programs.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const LONG = '--long'
const folder = process.argv.includes(LONG) ? 'test/long' : 'test'
const given = process.argv.slice(2).filter((argument) => argument !== LONG)
/** @param {string} argument */
const isFile = (argument) => !argument.startsWith('-') && existsSync(argument)
const flags = given.filter((argument) => !isFile(argument))
const chosen = given.filter(isFile)
const all = () =>
  readdirSync(new URL(`../${folder}/`, import.meta.url))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${folder}/${name}`)
const [cwd, files] = chosen.length > 0 ? [process.cwd(), chosen] : [root, all()]

ensurePrograms()

const child = spawn(
  process.execPath,
  ['--import', 'tsx', '--test', '--test-concurrency=2', ...flags, ...files],
  { cwd, stdio: 'inherit' },
)
// An interrupted runner ends its tests itself, so this process waits for it.
process.on('SIGINT', () => child.kill('SIGINT'))
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.once('error', (error) => {
  console.error(error.message)
  process.exitCode = 1
})
child.once('close', (code) => {
  process.exitCode = code ?? 1
})
