/**
 * Single stories outside of the random schedules. In none of them a result is certain while an edit made
 * before the call is in no stored file, and none loses an acknowledged final save.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { badDay, type BadDay, type Fate } from './support/bad-day.js'

const LIMIT = { timeout: 300_000 }
const HOUR = 3_600_000

/** Lets the call end, and all that was under way. */
async function finish(day: BadDay, call: Promise<unknown>): Promise<void> {
  await day.clock.advance(120_000)
  await call
  await day.settle()
}

describe('no false confirmation', LIMIT, () => {
  it('after a restart in memory over a forcesave that converts, when somebody else joins', async (t) => {
    const day = badDay(t, { options: { otherSaves: false } })
    day.core.conversion.delay = 8_000
    const editor = await day.open('a')
    await day.clock.advance(1_000)
    editor.type('x')
    void day.call()
    await day.clock.advance(500)
    day.crash()
    day.start()
    await day.clock.advance(200)
    await day.open('b')
    await day.clock.advance(500)
    const call = day.call()
    await finish(day, call)
  })

  it('when the join is lost and a whole short session unseen, while the final save converts', async (t) => {
    let lose = false
    const day = badDay(t, { fate: ({ status }) => ({ lost: lose && status === 1 }) })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    first.type('x')
    await day.clock.advance(1_000)
    void first.close()
    await day.clock.advance(3_000)
    lose = true
    // Just after a final save the document is for viewing only.
    await day.clock.advance(400_000)
    const second = await day.open('a')
    await day.clock.advance(1_000)
    second.type('y')
    await day.clock.advance(1_000)
    day.core.conversion.delay = 8_000
    void second.close()
    await day.clock.advance(200)
    const call = day.call()
    await finish(day, call)
  })

  it('when the final save of the session before comes 70 s late', async (t) => {
    let delay = 1
    const day = badDay(t, { fate: ({ status }) => ({ delay: status === 2 ? delay : 1 }) })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    first.type('x')
    await day.clock.advance(1_000)
    delay = 70_000
    void first.close()
    await day.clock.advance(2_000)
    const second = await day.open('a')
    await day.clock.advance(64_000)
    second.type('y')
    await day.clock.advance(1_000)
    day.core.conversion.delay = 20_000
    const call = day.call()
    await finish(day, call)
  })

  it('when the close of the session before comes late in a session of over a minute', async (t) => {
    let delay = 1
    const day = badDay(t, { fate: ({ status }) => ({ delay: status === 4 ? delay : 1 }) })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    delay = 70_000
    void first.close()
    await day.clock.advance(1_000)
    const second = await day.open('b')
    await day.clock.advance(67_000)
    second.type('y')
    day.core.conversion.delay = 9_000
    const call = day.call()
    await finish(day, call)
  })

  it('when a replay is given up by its sender and taken 2 s later', async (t) => {
    let isGhost = false
    let slow = 1
    let attempts = 0
    const day = badDay(t, {
      options: { otherSaves: false, retries: 0 },
      fate: ({ status, encrypted }): Fate =>
        isGhost && status === 6 && encrypted === false ? { ghost: 2_000 } : {},
      responseDelay: () => slow,
      storing() {
        attempts += 1
        if (attempts === 1) throw new Error('storage is down')
      },
    })
    const editor = await day.open('a')
    await day.clock.advance(1_000)
    editor.type('x')
    void day.call()
    await day.clock.advance(2_000)
    isGhost = true
    void day.call()
    await day.clock.advance(1_500)
    editor.type('y')
    slow = 1_000
    day.core.conversion.delay = 20_000
    const call = day.call()
    await finish(day, call)
  })

  for (const lastsave of [undefined, '', 'soon', '2126-01-01T00:00:00.000Z', '2026-01-01']) {
    it(`when lastsave is ${lastsave ?? 'missing'} and an older conversion ends last`, async (t) => {
      const day = badDay(t, {
        options: { otherSaves: false },
        fate: () => ({ change: (body) => void (body['lastsave'] = lastsave) }),
      })
      const editor = await day.open('a')
      await day.clock.advance(1_000)
      editor.type('x')
      day.core.conversion.delay = 3_000
      void day.call()
      await day.clock.advance(1_500)
      editor.type('y')
      void day.call()
      await day.clock.advance(0)
      day.core.conversion.delay = 100
      await day.clock.advance(10_000)
      const call = day.call()
      await finish(day, call)
    })
  }

  it('when a final save of session N comes in session N+2, for a call of N+1', async (t) => {
    let delay = 1
    const day = badDay(t, { fate: ({ status }) => ({ delay: status === 2 ? delay : 1 }) })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    first.type('x')
    await day.clock.advance(500)
    delay = 4_000
    void first.close()
    await day.clock.advance(300)
    const second = await day.open('b')
    await day.clock.advance(600)
    second.type('y')
    await day.clock.advance(600)
    day.core.conversion.delay = 8_000
    void second.close()
    await day.clock.advance(100)
    const call = day.call()
    await day.clock.advance(900)
    await day.open('a')
    await finish(day, call)
  })

  for (const otherSaves of [true, false]) {
    it(`when the Docs server restarts over an unsaved edit, and nobody types (otherSaves ${otherSaves})`, async (t) => {
      const day = badDay(t, { options: { otherSaves } })
      const first = await day.open('a')
      await day.clock.advance(1_000)
      first.type('x')
      void day.call()
      await day.clock.advance(2_000)
      first.type('y')
      day.core.restart()
      await day.clock.advance(5_000)
      const again = await day.open('a')
      await day.clock.advance(1_000)
      const call = day.call()
      await day.clock.advance(120_000)
      const result = await call
      assert.ok(!('certain' in result) || !result.certain)
      // Time does not end the doubt.
      await day.clock.advance(3 * HOUR)
      const later = day.call()
      await day.clock.advance(120_000)
      await later
      void again.close()
      await day.settle()
    })
  }

  it('when the retention time passes in an open document whose forcesave was never answered for', async (t) => {
    const day = badDay(t, {
      options: { otherSaves: false, retention: 900_000 },
      fate: ({ status }) => ({ lost: status === 6 }),
    })
    const editor = await day.open('a')
    await day.clock.advance(1_000)
    editor.type('x')
    day.core.encrypted.add('k')
    const first = day.call()
    await day.clock.advance(61_000)
    await first
    day.core.encrypted.delete('k')
    await day.clock.advance(3 * HOUR)
    const call = day.call()
    await finish(day, call)
  })
})

describe('no lost final save', LIMIT, () => {
  it('when a leaving was not heard and the clock of the Docs server is set back by 10 s', async (t) => {
    let lose = false
    let shift = 0
    const day = badDay(t, {
      fate: ({ status }) => ({
        lost: lose && status === 1,
        change(body) {
          const { lastsave } = body
          if (typeof lastsave !== 'string') return
          body['lastsave'] = new Date(Date.parse(lastsave) + shift).toISOString()
        },
      }),
    })
    const [a, b] = [await day.open('a'), await day.open('b')]
    await day.clock.advance(1_000)
    lose = true
    void b.close()
    await day.clock.advance(500)
    lose = false
    a.type('x')
    const call = day.call()
    await day.clock.advance(2_000)
    await call
    shift = -10_000
    a.type('y')
    await day.clock.advance(1_000)
    void a.close()
    await day.clock.advance(20_000)
    assert.equal(day.stored(), 2)
  })

  it('when a save by button follows after the clock was set back', async (t) => {
    let shift = 0
    const day = badDay(t, {
      fate: () => ({
        change(body) {
          const { lastsave } = body
          if (typeof lastsave !== 'string') return
          body['lastsave'] = new Date(Date.parse(lastsave) + shift).toISOString()
        },
      }),
    })
    const a = await day.open('a')
    await day.clock.advance(1_000)
    a.type('x')
    a.saveButton()
    await day.clock.advance(2_000)
    shift = -60_000
    a.type('y')
    a.saveButton()
    await day.clock.advance(2_000)
    assert.equal(day.stored(), 2)
  })

  it('when a newer forgotten file takes the place of the one that is being recovered', async (t) => {
    let reachable = false
    const day = badDay(t, {
      options: { refOf: () => 'file' },
      fate: () => ({ lost: !reachable }),
      storing: (_save, clock) => new Promise<void>((resolve) => clock.after(20_000, resolve)),
    })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    first.type('x')
    await day.clock.advance(1_000)
    void first.close()
    await day.clock.advance(15_000)
    const recovering = day.docs().forgotten.recover()
    await day.clock.advance(3_000)
    const second = await day.open('a')
    await day.clock.advance(1_000)
    second.type('y')
    await day.clock.advance(500)
    void second.close()
    await day.clock.advance(60_000)
    await recovering
    reachable = true
    await day.settle()
  })

  it('when a final save of session N comes in N+2 of the same user, after that of N+1', async (t) => {
    let delay = 1
    const day = badDay(t, { fate: ({ status }) => ({ delay: status === 2 ? delay : 1 }) })
    const first = await day.open('b')
    await day.clock.advance(1_000)
    first.type('x')
    await day.clock.advance(500)
    delay = 4_000
    void first.close()
    await day.clock.advance(300)
    delay = 1
    const second = await day.open('a')
    await day.clock.advance(1_200)
    second.type('y')
    await day.clock.advance(300)
    void second.close()
    await day.clock.advance(600)
    const third = await day.open('b')
    await day.clock.advance(3_000)
    void third.close()
    await day.clock.advance(20_000)
    await finish(day, day.call())
    assert.equal(day.stored(), day.core.edits('k'))
  })

  for (const slow of [3_000, 5_000, 9_000]) {
    it(`when the older session's final save converts for ${slow} ms and a newer one is faster`, async (t) => {
      const day = badDay(t)
      const first = await day.open('a')
      await day.clock.advance(1_000)
      first.type('x')
      day.core.conversion.delay = slow
      void first.close()
      await day.clock.advance(1_000)
      day.core.conversion.delay = 20
      const second = await day.open('b')
      await day.clock.advance(300)
      second.type('y')
      const call = day.call()
      await day.clock.advance(500)
      void second.close()
      await finish(day, call)
      assert.equal(day.stored(), 2)
    })
  }

  it('when the front answers the final save 5xx, and the document is opened again without typing', async (t) => {
    let down = false
    const day = badDay(t, {
      options: { refOf: () => 'file' },
      fate: ({ status }) => ({ lost: down && status === 2 }),
    })
    const first = await day.open('a')
    await day.clock.advance(1_000)
    first.type('x')
    down = true
    void first.close()
    await day.clock.advance(20_000)
    down = false
    const call = day.call()
    await day.clock.advance(60_000)
    const result = await call
    assert.equal(result.outcome, 'saved')
    assert.equal(day.stored(), 1)
    await day.settle()
  })
})
