/** `npm run demo` as a user runs it: another process, from the repository. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { expectedVerdicts } from './support/wire-verdicts.js'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const TIMEOUT = { timeout: 300_000 }

async function runDemo(
  env: Record<string, string> = {},
  files: readonly string[] = [],
): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/demo/demo.ts', ...files], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, out, errors }
}

test(
  'the demo shows every recorded forcesave and a live run, and ends with 0',
  TIMEOUT,
  async () => {
    const { code, out, errors } = await runDemo()
    assert.equal(code, 0, out + errors)
    assert.equal(errors, '')
    for (const { situation } of expectedVerdicts) {
      if (!situation.startsWith('info')) assert.ok(out.includes(situation), situation)
    }
    assert.match(out, /^63 forcesaves$/m)
    assert.match(out, /koa-docs-callback +0 false confirmations, 0 hangs/)
    assert.match(out, /by hand +14 false confirmations, 4 hangs/)
    assert.match(out, /\| 1 ann Dear Ben,\n +\| 2 ann the demo works\./)
    const long = out.split('\n').filter((line) => line.length > 120)
    assert.deepEqual(long, [], 'it fits 120 columns')
  },
)

test(
  'the demo ends with 1 and says what is wrong when a verdict is another one',
  TIMEOUT,
  async () => {
    // With a shorter grace period some verdicts are others, as the table's `quick` column says.
    const { code, out } = await runDemo({ GRACE: '200' })
    assert.equal(code, 1, out)
    const wrong = expectedVerdicts.filter(({ quick }) => quick !== undefined).length
    assert.equal(out.match(/WRONG: expected is/g)?.length, wrong)
    assert.match(out, new RegExp(`^${wrong} verdicts are not those of`, 'm'))
  },
)

test('a recording that is given is played, and each verdict printed', TIMEOUT, async () => {
  const { code, out, errors } = await runDemo({}, ['test/wire/conversion-fails.jsonl'])
  assert.equal(code, 0, out + errors)
  assert.match(out, /^conversion-fails: status 7 for a forcesave/)
  assert.equal(out.match(/CONVERSION_FAILED +(10.1|8.5)$/gm)?.length, 2, out)
})
