/** Many calls for one document at once: what one event costs must not grow with their square. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startPair } from './support/pair.js'

test('500 calls for one document at once end in a moment', { timeout: 300_000 }, async (t) => {
  const { docs, open, server } = await startPair(t)
  const editor = await open('k1')
  editor.type('x')
  server.conversion.delay = 300
  const results = await Promise.all(Array.from({ length: 500 }, () => docs.forcesave('k1')))
  assert.deepEqual(new Set(results.map(({ outcome }) => outcome)), new Set(['saved']))
  const infos = server.log.filter(
    (entry) => entry.type === 'command' && (entry as { body?: { c?: string } }).body?.c === 'info',
  )
  assert.equal(infos.length < 20, true, `${infos.length} infos were sent`)
})
