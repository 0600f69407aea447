/**
 * The wire proof: every recorded conversation of a real Docs server, played against the real
 * middleware over real HTTP (`support/player.ts`), ends in the verdicts, replies and stored files
 * that are written down in `support/wire-verdicts.ts` and `support/wire-replies.ts`.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { DocsOptions } from '../src/options.js'
import { virtualClock } from '../src/testing/index.js'
import { startApp, SECRET } from './support/app.js'
import { playOurs, type PlayedByUs } from './support/ours.js'
import { editsHeld, recordings, type Recording } from './support/recording.js'
import { commandId, isFalse, verdictOf } from './support/verdicts-of.js'
import { expectedStorage, leftOut, otherReplies } from './support/wire-replies.js'
import { expectedVerdicts, type ExpectedVerdict } from './support/wire-verdicts.js'

const TIMEOUT = { timeout: 300_000 }

type Way = 'verdict' | 'quick' | 'alone'
const WAYS: readonly { way: Way; name: string; options: Partial<DocsOptions> }[] = [
  { way: 'verdict', name: 'default options', options: {} },
  { way: 'quick', name: 'grace: 200', options: { grace: 200 } },
  {
    ...{ way: 'alone', name: 'otherSaves: false, grace: 200' },
    options: { otherSaves: false, grace: 200 },
  },
]

for (const { way, name, options } of WAYS) {
  for (const recording of recordings) {
    test(`${recording.name} ends in the right verdicts (${name})`, TIMEOUT, async () => {
      const played = await playOurs(recording, options)
      checkVerdicts(recording, played, way)
      checkReplies(recording, played)
      checkStorage(recording, played)
      checkCommands(recording, played)
      assert.equal(played.timersLeft, 0, 'timers were left behind')
    })
  }
}

function checkVerdicts(recording: Recording, played: PlayedByUs, way: Way): void {
  const asked = played.commands.filter(({ recorded: { c } }) => c === 'forcesave' || c === 'info')
  const expected = expectedVerdicts.filter((row) => row.recording === recording.name)
  assert.deepEqual(
    asked.map(({ id }) => id),
    expected.map(({ command }) => command),
    'the table names every forcesave and info that is sent',
  )
  for (const [index, command] of asked.entries()) {
    assert.equal(verdictOf(command, played), wanted(expected[index]!, way), `command ${command.id}`)
    assert.ok(!isFalse(command), `command ${command.id} was confirmed before its edits were stored`)
  }
}

function wanted({ verdict, quick = verdict, alone = quick }: ExpectedVerdict, way: Way): string {
  return { verdict, quick, alone }[way]
}

function checkReplies(recording: Recording, played: PlayedByUs): void {
  for (const { id, recorded, reply } of played.callbacks) {
    const other = otherReplies.find(
      (row) => row.recording === recording.name && row.callback === id,
    )
    assert.deepEqual(reply, other?.ours ?? recorded, `the reply to callback ${id}; ${other?.why}`)
    if (other !== undefined) {
      assert.notDeepEqual(reply, recorded, `callback ${id} no longer differs: strike it off`)
    }
  }
  const callbacks = recording.entries.filter(({ type }) => type === 'callback')
  assert.equal(played.callbacks.length, callbacks.length, 'every callback was sent and dealt with')
}

function checkStorage(recording: Recording, played: PlayedByUs): void {
  assert.deepEqual(
    played.storage.map(({ conversion, end }) => `${conversion} ${end}`),
    expectedStorage[recording.name],
    'what onSave got: each save until it was stored, and then never again',
  )
  const held = editsHeld(recording)
  assert.deepEqual(
    played.texts,
    played.storage
      .filter(({ end }) => end === 'stored')
      .map(({ conversion }) =>
        conversion === 'none'
          ? 'forgotten file with 1 edits'
          : `conversion ${conversion} with ${held.get(conversion)} edits`,
      ),
    'the stored bytes are those behind the links',
  )
}

/** What we sent is what was recorded, but for the id in userdata; and nothing else was sent. */
function checkCommands(recording: Recording, played: PlayedByUs): void {
  const ids = new Set<string>()
  for (const { recorded, sent } of played.commands) {
    const { userdata: given, ...fields } = recorded
    const { userdata, ...sentFields } = sent.body
    assert.deepEqual(sentFields, fields)
    const key = recorded.key === undefined ? '' : `?shardkey=${recorded.key}`
    assert.equal(sent.path, `/command${key}`)
    if (recorded.c !== 'forcesave' && recorded.c !== 'info') continue
    const id = commandId(userdata)
    // `info` has no userdata of the application's, and ours is always a text.
    const own = recorded.c === 'forcesave' && typeof given === 'string' ? given : ''
    assert.equal(userdata, `docs:${id}:${own}`)
    assert.ok(!ids.has(id), 'an id was used twice')
    ids.add(id)
  }
  const reasons = leftOut[recording.name] ?? {}
  assert.deepEqual(played.leftOut, Object.keys(reasons).map(Number))
  // It may ask by itself (8), and look for a forgotten file (13).
  for (const { c } of played.unasked) {
    assert.match(c, /^(info|forcesave|getForgotten|deleteForgotten)$/)
  }
}

test('every recorded conversation is in the tables, and the tables name no other', () => {
  const names = recordings.map(({ name }) => name)
  assert.deepEqual(Object.keys(expectedStorage).sort(), names)
  for (const { recording } of [...expectedVerdicts, ...otherReplies]) {
    assert.ok(names.includes(recording), recording)
  }
})

test('an application that discards failed conversions gives the recorded replies to them', async () => {
  for (const name of ['conversion-fails', 'failed-final-save-acknowledged']) {
    const recording = recordings.find((one) => one.name === name)!
    const played = await playOurs(recording, { onConversionFailed: () => 'discard' })
    for (const { id, recorded, reply } of played.callbacks) {
      assert.deepEqual(reply, recorded, `${name}, callback ${id}`)
    }
    // Edits that are thrown away leave no failure that stands over what follows (10.4).
    const expected = name === 'conversion-fails' ? /^CONVERSION_FAILED/ : /^unchanged/
    for (const command of played.commands) {
      if (command.sent.body.c !== 'forcesave') continue
      assert.match(verdictOf(command, played), expected)
    }
  }
})

test('the player sees a false confirmation: a save that is acknowledged and not stored', async () => {
  const recording = recordings.find(({ name }) => name === 'forcesave-while-in-flight')!
  const played = await playOurs(recording, { onSave: () => ({ conversion: 'none' }) })
  assert.deepEqual(played.commands.map(isFalse), [true, true])
})

interface Vector {
  secret: string
  /** Seconds since the epoch. */
  validAt: number
  headers: Record<string, string>
  body: Record<string, unknown>
}

test('a callback of the real Docs server is accepted with its own tokens, while they are valid', async (t) => {
  const file = new URL('./wire/jwt-vector.json', import.meta.url)
  const { secret, validAt, headers, body } = JSON.parse(readFileSync(file, 'utf8')) as Vector
  assert.equal(secret, SECRET)
  const { token, ...plain } = body

  async function post(at: number, content: object, sent: object): Promise<unknown[]> {
    const saves: unknown[] = []
    const server = new URL(body['url'] as string).origin
    const clock = virtualClock(at * 1000)
    const onSave = ({ status, userdata, trigger }: Record<string, unknown>): void =>
      void saves.push({ status, userdata, trigger })
    await using app = await startApp({
      ...{ server, secret, clock },
      onSave: (save) => onSave({ ...save }),
    })
    const response = await fetch(app.docs.callbackUrl('file-1'), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...sent },
      body: JSON.stringify(content),
    })
    return [response.status, await response.json(), ...saves]
  }

  const accepted = [200, { error: 0 }, { status: 6, userdata: 'first', trigger: 'command' }]
  const refused = [403, { error: 1 }]
  const inBody = { ...plain, token }
  await t.test('both tokens', async () => {
    assert.deepEqual(await post(validAt, inBody, headers), accepted)
  })
  await t.test("the body's token alone", async () => {
    assert.deepEqual(await post(validAt, inBody, {}), accepted)
  })
  await t.test("the header's token alone", async () => {
    assert.deepEqual(await post(validAt, plain, headers), accepted)
  })
  await t.test('no token', async () => {
    assert.deepEqual(await post(validAt, plain, {}), refused)
  })
  await t.test('an hour later', async () => {
    assert.deepEqual(await post(validAt + 3600, inBody, headers), refused)
  })
})
