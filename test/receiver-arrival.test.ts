/** What of a callback the ledger is told: who caused the save, when it was made, and which one it is. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Arrival } from '../src/settlement/event.js'
import { parseCallback, type FailureCallback, type SaveCallback } from '../src/protocol/callback.js'
import { newId } from '../src/protocol/new-id.js'
import { packUserdata } from '../src/protocol/userdata.js'
import { arrivalOf } from '../src/receiver/arrival.js'

const NOW = Date.UTC(2026, 0, 1)
const DAY = 86_400_000
const LINK = 'http://docs.internal/cache/files/data/k_1/output.docx/output.docx'

/** A callback 6 with these fields instead, as the ledger is told of it. */
function told(change: Record<string, unknown> = {}): Arrival {
  const callback = parseCallback({ key: 'k', status: 6, url: `${LINK}?md5=a`, ...change }, 'docs')
  return arrivalOf(callback as SaveCallback | FailureCallback, {
    ref: 'file-1',
    now: NOW,
  })
}

it('a forced save says who caused it, and a final one is by the close, whatever it says', () => {
  const triggerOf = (status: number, forcesavetype?: unknown) =>
    told({ status, forcesavetype }).trigger
  const types = [0, 1, 2, 3, undefined, 9]
  const causes = ['command', 'button', 'timer', 'form', 'command', 'command']
  for (const status of [6, 7]) {
    assert.deepEqual(
      types.map((type) => triggerOf(status, type)),
      causes,
    )
  }
  for (const status of [2, 3]) assert.equal(triggerOf(status, 1), 'close')
})

it('a `lastsave` counts as it stands, but as absent where it is more than a day ahead', () => {
  const lastSave = (at: number) => told({ lastsave: new Date(at).toISOString() }).lastSave
  for (const at of [0, NOW - 2 * DAY, NOW, NOW + DAY]) assert.equal(lastSave(at), at)
  assert.equal(lastSave(NOW + DAY + 1_000), undefined)
  assert.equal(told().lastSave, undefined)
})

it('the same message is known again by its link, query and all, and by its mark', () => {
  const messages = [
    told(),
    told({ url: `${LINK}?md5=b` }),
    told({ url: `${LINK}0?md5=a` }),
    told({ encrypted: false }),
  ].map(({ message }) => message)
  assert.equal(new Set(messages).size, messages.length)
  // All else is in the save's name.
  assert.equal(told({ userdata: 'another', users: ['u9'] }).message, messages[0])
  // A document remembers many of them.
  for (const message of messages) assert.equal(message?.length, 16)
})

it('two saves have two names, and one that is sent again has its own', () => {
  const { name } = told()
  assert.equal(told({ url: `${LINK}?md5=b`, userdata: 'another' }).name, name)
  assert.notEqual(told({ url: `${LINK}0?md5=a` }).name, name)
  assert.notEqual(told({ history: { serverVersion: '9' } }).name, name)
})

it('two failed conversions are told apart by their commands, and are no message of a save', () => {
  const [one, other] = [newId(), newId()]
  const failed = (id: string) =>
    told({ status: 7, url: undefined, userdata: packUserdata('docs', id, 'mine') })
  assert.equal(failed(one).commandId, one)
  assert.equal(failed(one).name, failed(one).name)
  assert.notEqual(failed(one).name, failed(other).name)
  assert.equal(failed(one).message, undefined)
})
