import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { virtualClock } from '../src/testing/index.js'

test('timers run by due time, then by creation, each at its own time', async () => {
  const clock = virtualClock(1000)
  const ran: string[] = []
  const note = (name: string) => () => void ran.push(`${name} at ${clock.now()}`)
  clock.after(30, note('c'))
  clock.after(10, note('a'))
  clock.after(30, note('d'))
  clock.after(20, note('b'))
  clock.after(31, note('too late'))
  assert.equal(clock.pending, 5)

  await clock.advance(30)
  assert.deepEqual(ran, ['a at 1010', 'b at 1020', 'c at 1030', 'd at 1030'])
  assert.equal(clock.now(), 1030)
  assert.equal(clock.pending, 1)
})

test('a timer that a timer sets runs within the same advance when it falls due in it', async () => {
  const clock = virtualClock(0)
  const ran: number[] = []
  const again = (): void => {
    ran.push(clock.now())
    clock.after(10, again)
  }
  clock.after(10, again)
  await clock.advance(35)
  assert.deepEqual(ran, [10, 20, 30])
  assert.equal(clock.now(), 35)
})

test('no time passes while what a timer set off is on its way for real', async () => {
  let underWay = 0
  const settled = async (): Promise<void> => {
    do await new Promise((resolve) => setTimeout(resolve, 1))
    while (underWay > 0)
  }
  const clock = virtualClock(0, settled)
  const ended: number[] = []
  const work = async (): Promise<void> => {
    underWay += 1
    await new Promise((resolve) => setTimeout(resolve, 20))
    underWay -= 1
    ended.push(clock.now())
  }
  clock.after(10, () => void work())
  clock.after(11, () => void work())
  await clock.advance(30)
  assert.deepEqual(ended, [10, 11])
  clock.after(10, () => void work())
  clock.after(11, () => void work())
  await clock.runUntil(() => ended.length === 4, 1000)
  assert.deepEqual(ended, [10, 11, 40, 41])
})

test('promise chains and immediates are done before the next timer', async () => {
  const clock = virtualClock()
  const ran: string[] = []
  clock.after(1, () => {
    void (async () => {
      for (let step = 1; step <= 3; step++) await Promise.resolve()
      ran.push('chain')
    })()
    setImmediate(() => void ran.push('immediate'))
  })
  clock.after(1, () => void ran.push('timer'))
  void Promise.resolve().then(() => clock.after(0, () => ran.push('set before the first')))
  await clock.advance(1)
  assert.deepEqual(ran, ['set before the first', 'chain', 'immediate', 'timer'])
})

test('a cancelled timer does not run and does not count; cancelling twice changes nothing', async () => {
  const clock = virtualClock()
  let ran = 0
  const cancels = [3, 1, 2].map((ms) => clock.after(ms, () => ran++))
  cancels[1]!()
  cancels[1]!()
  assert.equal(clock.pending, 2)
  await clock.advance(10)
  cancels[0]!()
  assert.equal(ran, 2)
  assert.equal(clock.pending, 0)
})

test('a wait of Infinity never ends and leaves no timer; a negative one ends at once', async () => {
  const clock = virtualClock()
  let ran = 0
  clock.after(Infinity, () => assert.fail('never'))
  clock.after(-5, () => ran++)
  assert.equal(clock.pending, 1)
  await clock.advance(0)
  assert.equal(ran, 1)
})

test('many timers in random order run in order', async () => {
  const clock = virtualClock(0)
  let seed = 1
  const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647
  const ran: number[] = []
  const cancelled = new Set<number>()
  for (let index = 0; index < 2000; index++) {
    const due = Math.floor(random() * 500)
    const cancel = clock.after(due, () => {
      assert.equal(clock.now(), due)
      assert.equal(cancelled.has(index), false)
      ran.push(due)
    })
    if (random() < 0.3) {
      cancel()
      cancelled.add(index)
    }
  }
  await clock.advance(500)
  assert.equal(ran.length, 2000 - cancelled.size)
  assert.deepEqual(
    ran,
    ran.toSorted((a, b) => a - b),
  )
  assert.equal(clock.pending, 0)
})

test('runUntil stops as soon as the condition holds', async () => {
  const clock = virtualClock(0)
  let done = false
  clock.after(10, () => {})
  clock.after(20, () => void (done = true))
  clock.after(30, () => assert.fail('too far'))
  assert.equal(await clock.runUntil(() => done, 1000), true)
  assert.equal(clock.now(), 20)
})

test('runUntil gives up at the limit of virtual time', async () => {
  const clock = virtualClock(0)
  const tick = (): void => void clock.after(10, tick)
  tick()
  clock.after(101, () => assert.fail('too far'))
  const stop = clock.after(1000, () => {})
  assert.equal(await clock.runUntil(() => false, 100), false)
  assert.equal(clock.now(), 100)
  stop()
})

test('runUntil waits for sockets, with no timer and, when told so, before each timer', async () => {
  const server = createServer((_request, response) => response.end('there'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    for (const deadline of [false, true]) {
      const clock = virtualClock(0)
      let answer: string | undefined
      if (deadline) clock.after(50, () => assert.fail('the deadline came before the answer'))
      const asked = fetch(url).then(async (response) => void (answer = await response.text()))
      assert.equal(await clock.runUntil(() => answer === 'there', 100, 5000), true)
      await asked
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
