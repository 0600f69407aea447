/** The contract of the port `Ledger` (`src/ledger/ledger.ts`), the same for every backend. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { describe, type TestContext } from 'node:test'
import type { Clock } from '../../src/clock.js'
import { isDocsError } from '../../src/errors.js'
import type { Ledger, Perform } from '../../src/ledger/ledger.js'
import type { Effect, LedgerEvent, Verdict } from '../../src/settlement/event.js'
import type { Rules } from '../../src/settlement/state.js'
import { virtualClock, type VirtualClock } from '../../src/testing/clock.js'
import { contractOf, type Exemptions } from './contract.js'
import { arrivalOf, inWords, RULES, runOf } from './story.js'

export interface LedgerBackend {
  name: string
  /** A ledger with nothing in it. */
  create: (parts: { clock: Clock; rules: Rules; perform: Perform }) => Ledger | Promise<Ledger>
  /** Real milliseconds that its input and output may take before time moves on; 0 without any. */
  ioMs: number
  /** Keys of the test with many. */
  manyKeys: number
  exempt?: Exemptions
}

interface Bench {
  ledger: Ledger
  clock: VirtualClock
  /** What was performed, in order. */
  performed: { key: string; effect: Effect }[]
  /** Time passes until this holds, within a day. */
  until: (condition: () => boolean) => Promise<void>
  register: (key: string, id: string, timeout?: number) => Promise<void>
  answer: (key: string, id: string, error: number) => Promise<void>
  arrive: (key: string, name: string, id?: string) => Promise<void>
  store: (key: string, name: string) => Promise<void>
  fail: (key: string, name: string, permanent: boolean) => Promise<void>
  /** The callback that the first editor has come, and that the last one has left. */
  join: (key: string) => Promise<void>
  leave: (key: string) => Promise<void>
  /** The keys that are listed as open, in their order. */
  listed: () => Promise<string[]>
}

const DAY = 86_400_000
const words = (verdict: Verdict | undefined): string =>
  verdict === undefined ? 'unknown' : inWords(verdict)

export function testLedger(backend: LedgerBackend): void {
  async function open(
    t: TestContext,
    options: { rules?: Partial<Rules>; perform?: (bench: Bench) => Perform } = {},
  ): Promise<Bench> {
    const clock = virtualClock()
    const performed: Bench['performed'] = []
    let perform: Perform = () => {}
    const ledger = await backend.create({
      clock,
      rules: { ...RULES, ...options.rules },
      perform(key, effect) {
        performed.push({ key, effect })
        perform(key, effect)
      },
    })
    const apply = (key: string, event: LedgerEvent): Promise<void> => ledger.apply(key, event)
    const bench: Bench = {
      ledger,
      clock,
      performed,
      async until(condition) {
        assert.ok(await clock.runUntil(condition, DAY, backend.ioMs), 'it never happened')
      },
      register: (key, id, timeout = 60_000) =>
        apply(key, { type: 'registered', id, kind: 'forcesave', deadline: clock.now() + timeout }),
      answer: (key, id, error) => apply(key, { type: 'answered', id, answer: { error } }),
      arrive(key, name, id) {
        const save = arrivalOf(name, clock.now(), id === undefined ? {} : { for: id })
        return apply(key, { type: 'arrived', save })
      },
      async store(key, name) {
        const run = runOf(await ledger.read(key), name)
        await apply(key, { type: 'stored', ...run, stored: { file: name } })
      },
      async fail(key, name, permanent) {
        const error = { code: 'STORAGE_FAILED', message: 'no', retryable: !permanent } as const
        const run = runOf(await ledger.read(key), name)
        await apply(key, { type: 'failed', ...run, error, permanent })
      },
      join: (key) =>
        apply(key, { type: 'presence', status: 1, users: ['u'], joined: ['u'], left: [] }),
      leave: (key) =>
        apply(key, { type: 'presence', status: 4, users: [], joined: [], left: ['u'] }),
      async listed() {
        const keys: string[] = []
        for await (const { key } of (await ledger.open()).documents) keys.push(key)
        return keys.sort()
      },
    }
    perform = options.perform?.(bench) ?? perform
    t.after(async () => {
      await ledger.close()
      assert.equal(clock.pending, 0, 'a timer stayed behind')
    })
    return bench
  }

  const settlesOf = ({ performed }: Bench): string[] =>
    performed.flatMap(({ effect }) => (effect.type === 'settle' ? [effect.id] : []))

  describe(`ledger contract: ${backend.name}`, () => {
    const { it, end } = contractOf(backend.exempt)

    it('applies the events of one key one after the other, none is lost', async (t) => {
      const bench = await open(t)
      const ids = Array.from({ length: 200 }, (_, index) => `c${index}`)
      await Promise.all(ids.map((id) => bench.register('k', id)))
      const { turn, commands } = await bench.ledger.read('k')
      assert.equal(turn, 200)
      assert.deepEqual(
        commands.map(({ id }) => id),
        ids,
      )
    })

    it('keys have nothing to do with each other', async (t) => {
      const bench = await open(t)
      for (const key of ['k', 'k.', '__proto__', 'constructor', '123']) {
        await bench.register(key, 'a')
        await bench.answer(key, 'a', 0)
      }
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      assert.equal(words(await bench.ledger.settled('k', 'a')), 'saved A')
      for (const key of ['k.', '__proto__', 'constructor', '123']) {
        const { commands, saves } = await bench.ledger.read(key)
        assert.deepEqual([commands.length, commands[0]?.settled, saves], [1, undefined, []], key)
      }
    })

    it('the state of a key of which nothing is known is the empty one', async (t) => {
      const { ledger } = await open(t)
      const { turn, commands, saves, users } = await ledger.read('k')
      assert.deepEqual([turn, commands, saves, users], [0, [], [], null])
    })

    it('performs an effect only when the state that led to it is kept', async (t) => {
      const kept: Promise<boolean>[] = []
      const bench = await open(t, {
        perform:
          ({ ledger }) =>
          (key, effect) => {
            kept.push(
              ledger.read(key).then(({ saves, commands }) => {
                if (effect.type === 'run')
                  return saves.some(({ name }) => name === effect.save.name)
                if (effect.type !== 'settle') return true
                return commands.some(({ id, settled }) => id === effect.id && settled !== undefined)
              }),
            )
          },
      })
      await bench.register('k', 'a')
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      await bench.until(() => kept.length === 2)
      assert.deepEqual(await Promise.all(kept), [true, true])
    })

    it('performs the effects in their order', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      await bench.arrive('k', 'A', 'a')
      await bench.arrive('k', 'B')
      await bench.register('k', 'b')
      await bench.answer('k', 'b', 6)
      await bench.store('k', 'A')
      await bench.until(() => settlesOf(bench).length === 2)
      assert.deepEqual(
        bench.performed.map(({ effect }) => {
          if (effect.type === 'run') return effect.save.name
          return effect.type === 'settle' ? effect.id : effect.type
        }),
        ['A', 'b', 'B', 'a'],
      )
    })

    it('an effect may apply an event at once', async (t) => {
      const bench = await open(t, {
        perform: (b) => (key, effect) => {
          if (effect.type === 'run') void b.store(key, effect.save.name)
        },
      })
      await bench.register('k', 'a')
      await bench.arrive('k', 'A', 'a')
      await bench.arrive('k', 'B')
      assert.equal(words(await bench.ledger.settled('k', 'a')), 'saved A')
      assert.deepEqual(await bench.ledger.finished('k', 'B'), { phase: 'stored', ref: 'file-1' })
    })

    it('gives the verdict to who waited for it, and to who asks later', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      const waits = [bench.ledger.settled('k', 'a'), bench.ledger.settled('k', 'a')]
      await bench.answer('k', 'a', 0)
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      const [first, second] = await Promise.all(waits)
      assert.equal(words(first), 'saved A')
      assert.deepEqual(second, first)
      assert.deepEqual(await bench.ledger.settled('k', 'a'), first)
    })

    it('the first verdict stands', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a', 5_000)
      await bench.answer('k', 'a', 0)
      await bench.until(() => settlesOf(bench).includes('a'))
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      assert.equal(words(await bench.ledger.settled('k', 'a')), 'TIMEOUT')
      assert.deepEqual(settlesOf(bench), ['a'])
    })

    it('a verdict outlives the command in the state of a busy key', async (t) => {
      const bench = await open(t)
      for (let n = 0; n < 300; n += 1) {
        await bench.register('k', `c${n}`)
        await bench.answer('k', `c${n}`, 6)
      }
      assert.equal((await bench.ledger.read('k')).commands[0]?.id === 'c0', false)
      assert.equal(words(await bench.ledger.settled('k', 'c0')), 'COMMAND_REJECTED 6, for good')
    })

    it('a deadline passes without anyone asking', async (t) => {
      const bench = await open(t)
      const start = bench.clock.now()
      await bench.register('k', 'a', 5_000)
      await bench.until(() => settlesOf(bench).includes('a'))
      assert.equal(bench.clock.now() - start, 5_000)
    })

    it('what is due by time alone happens without anyone asking', async (t) => {
      const bench = await open(t)
      const start = bench.clock.now()
      await bench.register('k', 'a')
      await bench.answer('k', 'a', 0)
      await bench.until(() => bench.performed.some(({ effect }) => effect.type === 'ask'))
      assert.equal(bench.clock.now() - start, RULES.nudgeAfter)
    })

    it('each of several keys is due at its own time', async (t) => {
      const bench = await open(t)
      for (const [key, timeout] of Object.entries({ k1: 9_000, k2: 3_000, k3: 6_000 })) {
        await bench.register(key, key, timeout)
      }
      await bench.until(() => settlesOf(bench).length === 3)
      assert.deepEqual(settlesOf(bench), ['k2', 'k3', 'k1'])
    })

    it('tells how a save ends: stored', async (t) => {
      const bench = await open(t)
      await bench.arrive('k', 'A')
      const waiting = bench.ledger.finished('k', 'A')
      await bench.store('k', 'A')
      assert.deepEqual(await waiting, { phase: 'stored', ref: 'file-1' })
      assert.deepEqual(await bench.ledger.finished('k', 'A'), { phase: 'stored', ref: 'file-1' })
    })

    it('tells how a save ends: failed, and whether that is for good', async (t) => {
      const bench = await open(t)
      for (const permanent of [false, true]) {
        await bench.arrive('k', 'A')
        const waiting = bench.ledger.finished('k', 'A')
        await bench.fail('k', 'A', permanent)
        const outcome = await waiting
        assert.ok(outcome?.phase === 'failed')
        assert.equal(outcome.permanent, permanent)
        assert.equal(outcome.error?.code, 'STORAGE_FAILED')
      }
    })

    it('tells which file a save belongs to, and stores it nowhere else (rule 18)', async (t) => {
      const bench = await open(t)
      await bench.arrive('k', 'A')
      const elsewhere = arrivalOf('B', bench.clock.now())
      const payload = { ...elsewhere.payload, ref: 'file-2' }
      await bench.ledger.apply('k', { type: 'arrived', save: { ...elsewhere, payload } })
      const outcome = await bench.ledger.finished('k', 'B')
      assert.deepEqual([outcome?.phase, outcome?.ref], ['failed', 'file-1'])
      assert.equal((await bench.ledger.read('k')).ref, 'file-1')
      const runs = bench.performed.filter(({ effect }) => effect.type === 'run')
      assert.equal(runs.length, 1)
    })

    it('a save that failed and is there again is waited for again', async (t) => {
      const bench = await open(t)
      await bench.arrive('k', 'A')
      await bench.fail('k', 'A', false)
      await bench.arrive('k', 'A')
      const waiting = bench.ledger.finished('k', 'A')
      await bench.store('k', 'A')
      assert.deepEqual(await waiting, { phase: 'stored', ref: 'file-1' })
    })

    it('what is unknown is undefined, at once', async (t) => {
      const bench = await open(t)
      assert.equal(await bench.ledger.settled('k', 'a'), undefined)
      assert.equal(await bench.ledger.finished('k', 'A'), undefined)
      await bench.register('k', 'a')
      assert.equal(await bench.ledger.settled('k', 'b'), undefined)
      assert.equal(await bench.ledger.finished('k', 'A'), undefined)
      assert.equal(await bench.ledger.settled('other', 'a'), undefined)
    })

    it("a wait ends with its signal's reason, whatever that is, and with nothing else", async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      await bench.arrive('k', 'A')
      for (const reason of [new TypeError('mine'), 'a text', 7]) {
        const mine = new AbortController()
        const waits = [
          bench.ledger.settled('k', 'a', mine.signal),
          bench.ledger.finished('k', 'A', mine.signal),
        ]
        mine.abort(reason)
        for (const wait of waits) {
          assert.equal(await wait.catch((error: unknown) => error), reason)
        }
        const late = bench.ledger.settled('k', 'a', mine.signal)
        assert.equal(await late.catch((error: unknown) => error), reason, 'aborted before')
      }
      await bench.answer('k', 'a', 6)
      assert.equal(words(await bench.ledger.settled('k', 'a')), 'COMMAND_REJECTED 6, for good')
    })

    it('waits end with CLOSED, and so does everything after', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      await bench.arrive('k', 'A')
      const waits = [bench.ledger.settled('k', 'a'), bench.ledger.finished('k', 'A')].map((wait) =>
        wait.catch((error: unknown) => error),
      )
      await bench.ledger.close()
      waits.push(bench.ledger.settled('k', 'a').catch((error: unknown) => error))
      waits.push(bench.ledger.finished('k', 'A').catch((error: unknown) => error))
      for (const wait of waits) assert.ok(isDocsError(await wait, 'CLOSED'))
      await assert.rejects(bench.register('k', 'b'), (error) => isDocsError(error, 'CLOSED'))
      await bench.ledger.close()
    })

    it('after close() nothing is due any more', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a', 5_000)
      await bench.ledger.close()
      await bench.clock.advance(DAY)
      assert.deepEqual(bench.performed, [])
    })

    it('one signal serves 10,000 waits, without a warning and with nothing left on it', async (t) => {
      const bench = await open(t)
      const warnings: Error[] = []
      const onWarning = (warning: Error): void => void warnings.push(warning)
      process.on('warning', onWarning)
      t.after(() => process.off('warning', onWarning))
      const mine = new AbortController()
      await bench.register('k', 'a')
      await bench.register('k', 'b')
      const settled = Array.from({ length: 5_000 }, () =>
        bench.ledger.settled('k', 'b', mine.signal),
      )
      const aborted = Array.from({ length: 5_000 }, () =>
        bench.ledger.settled('k', 'a', mine.signal).catch((error: unknown) => error),
      )
      await bench.answer('k', 'b', 6)
      for (const verdict of await Promise.all(settled)) assert.equal(verdict?.outcome, 'failed')
      const reason = new Error('enough')
      mine.abort(reason)
      for (const end of await Promise.all(aborted)) assert.equal(end, reason)
      await new Promise(setImmediate)
      assert.deepEqual(warnings, [])
      assert.equal(getEventListeners(mine.signal, 'abort').length, 0)
    })

    it('after the retention time nothing is known any more', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      await bench.clock.advance(2 * RULES.retention + 1)
      assert.equal(await bench.ledger.settled('k', 'a'), undefined)
      assert.equal(await bench.ledger.finished('k', 'A'), undefined)
      assert.equal((await bench.ledger.read('k')).turn, 0)
    })

    it('on a key that stays busy, old verdicts expire all the same', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a')
      await bench.answer('k', 'a', 6)
      for (let minute = 0; minute < 65; minute += 5) {
        await bench.clock.advance(300_000)
        await bench.register('k', `c${minute}`)
      }
      assert.equal(await bench.ledger.settled('k', 'a'), undefined)
    })

    it('what is unfinished does not expire', async (t) => {
      const bench = await open(t)
      await bench.register('k', 'a', 5 * RULES.retention)
      await bench.arrive('k', 'A')
      const waiting = bench.ledger.settled('k', 'a')
      await bench.clock.advance(4 * RULES.retention)
      assert.deepEqual(
        await bench.ledger.finished('k', 'A', AbortSignal.abort('open')).catch(String),
        'open',
      )
      await bench.answer('k', 'a', 6)
      assert.equal(words(await waiting), 'COMMAND_REJECTED 6, for good')
    })

    it('the sequence grows also after the state has expired', async (t) => {
      const bench = await open(t)
      for (const name of ['A', 'B', 'C']) {
        await bench.arrive('k', name)
        await bench.store('k', name)
      }
      await bench.clock.advance(2 * RULES.retention + 1)
      await bench.arrive('k', 'D')
      await bench.until(() => bench.performed.filter((e) => e.effect.type === 'run').length === 4)
      const sequences = bench.performed.flatMap(({ effect }) =>
        effect.type === 'run' ? [effect.save.sequence] : [],
      )
      assert.ok(sequences[3]! > sequences[2]!, `then ${sequences[3]}, after ${sequences[2]}`)
    })

    it('lists the documents that are open, with their state, whatever their keys', async (t) => {
      const bench = await open(t)
      const keys = ['k', 'k.', '__proto__', 'constructor', '123', '-', '+', '(k']
      for (const key of keys) await bench.join(key)
      await bench.register('other', 'a')
      assert.deepEqual(await bench.listed(), keys.sort())
      const { count, documents } = await bench.ledger.open()
      assert.equal(count, keys.length)
      for await (const { key, state, now } of documents) {
        assert.deepEqual([state.users, state.turn], [['u'], 1], key)
        assert.equal(Math.abs(now - bench.clock.now()) < 60_000, true)
      }
    })

    it('lists a document from its opening to its close, and when it opens again', async (t) => {
      const bench = await open(t)
      const after: string[][] = []
      const steps = [bench.join, bench.join, bench.leave, bench.leave, bench.join, bench.join]
      for (const step of steps) {
        await bench.clock.advance(60_000)
        await step('k')
        after.push(await bench.listed())
      }
      assert.deepEqual(after, [['k'], ['k'], [], [], ['k'], ['k']])
    })

    it('lists a document until its final save is stored', async (t) => {
      const bench = await open(t)
      await bench.join('k')
      const save = arrivalOf('A', bench.clock.now(), { status: 2 })
      await bench.ledger.apply('k', { type: 'arrived', save })
      assert.deepEqual(await bench.listed(), ['k'])
      await bench.store('k', 'A')
      assert.deepEqual(await bench.listed(), [])
    })

    it('lists a document that was open for days without a word, and for 7 at the most', async (t) => {
      const bench = await open(t)
      await bench.join('k')
      await bench.clock.advance(7 * DAY - 60_000)
      assert.deepEqual(await bench.listed(), ['k'])
      assert.equal((await bench.ledger.read('k')).users?.length, 1)
      await bench.clock.advance(60_000 + 2 * RULES.retention)
      assert.deepEqual(await bench.listed(), [])
      assert.equal((await bench.ledger.read('k')).turn, 0)
    })

    it('lists a document for as long as there is a word of it every few days', async (t) => {
      const bench = await open(t)
      await bench.join('k')
      for (let days = 0; days < 60; days += 6) {
        await bench.clock.advance(6 * DAY)
        await bench.join('k')
        assert.deepEqual(await bench.listed(), ['k'], `after ${days + 6} days`)
      }
      await bench.clock.advance(60_000)
      await bench.leave('k')
      assert.deepEqual(await bench.listed(), [])
    })

    it('a document that stays open remembers no longer than others, but for its newest file', async (t) => {
      const bench = await open(t)
      await bench.join('k')
      await bench.register('k', 'a')
      await bench.arrive('k', 'A', 'a')
      await bench.store('k', 'A')
      await bench.arrive('k', 'B')
      await bench.store('k', 'B')
      await bench.clock.advance(2 * RULES.retention + 1)
      assert.equal(await bench.ledger.settled('k', 'a'), undefined)
      assert.equal(await bench.ledger.finished('k', 'A'), undefined)
      const { commands, saves, users } = await bench.ledger.read('k')
      assert.deepEqual([commands, users], [[], ['u']])
      assert.deepEqual(
        saves.map(({ name }) => name),
        ['B'],
        'the order of the next one goes by it',
      )
    })

    it('lists each document once, whatever happens to it meanwhile', async (t) => {
      const bench = await open(t)
      const keys = Array.from({ length: 250 }, (_, index) => `k${1000 + index}`)
      await Promise.all(keys.map((key) => bench.join(key)))
      await bench.clock.advance(60_000)
      const seen: string[] = []
      for await (const { key } of (await bench.ledger.open()).documents) {
        seen.push(key)
        await bench.join(key)
        if (seen.length === 125) await Promise.all(keys.slice(200).map(bench.leave))
      }
      assert.deepEqual(seen.sort(), keys.slice(0, 200))
      assert.deepEqual(await bench.listed(), keys.slice(0, 200))
    })

    it('after close() the list is CLOSED', async (t) => {
      const bench = await open(t)
      for (const key of ['k1', 'k2']) await bench.join(key)
      const { documents } = await bench.ledger.open()
      const isClosed = (error: unknown): boolean => isDocsError(error, 'CLOSED')
      const iterator = documents[Symbol.asyncIterator]()
      assert.equal((await iterator.next()).done, false)
      await bench.ledger.close()
      await assert.rejects(iterator.next(), isClosed)
      await assert.rejects(bench.ledger.open(), isClosed)
    })

    it(`serves ${backend.manyKeys} keys at once`, async (t) => {
      const bench = await open(t)
      const keys = Array.from({ length: backend.manyKeys }, (_, index) => `k${index}`)
      await Promise.all(keys.map((key) => bench.register(key, `c-${key}`)))
      const waits = keys.map((key) => bench.ledger.settled(key, `c-${key}`))
      await Promise.all(
        keys.map(async (key, index) => {
          if (index % 2 === 0) return bench.answer(key, `c-${key}`, 6)
          await bench.arrive(key, `S-${key}`, `c-${key}`)
          await bench.store(key, `S-${key}`)
        }),
      )
      for (const [index, verdict] of (await Promise.all(waits)).entries()) {
        const stored = `saved S-k${index}`
        assert.equal(words(verdict), index % 2 === 0 ? 'COMMAND_REJECTED 6, for good' : stored)
      }
    })

    end()
  })
}
