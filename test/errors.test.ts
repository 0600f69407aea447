/** The errors: a code, what they are about, and the way through other copies and processes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  badOption,
  commandRejected,
  DocsError,
  fromPlainError,
  isDocsError,
  toPlainError,
  type DocsErrorCode,
} from '../src/errors.js'
import type * as Errors from '../src/errors.js'
import { COMMAND_ERRORS, commandErrorName } from '../src/protocol/command.js'

const CODES: Record<DocsErrorCode, { retryable: boolean }> = {
  TIMEOUT: { retryable: true },
  COMMAND_REJECTED: { retryable: false },
  UNREACHABLE: { retryable: true },
  CONVERSION_FAILED: { retryable: true },
  STORAGE_FAILED: { retryable: true },
  EDITS_HELD: { retryable: true },
  SESSION_OPEN: { retryable: true },
  NOT_OPENED: { retryable: false },
  CLOSED: { retryable: false },
  BAD_OPTION: { retryable: false },
  BAD_RESPONSE: { retryable: true },
  BAD_RECORD: { retryable: false },
}

/** Another copy of the module, as a second installed version of the package is one. */
async function anotherCopy(): Promise<typeof Errors> {
  const url = new URL('../src/errors.ts?copy', import.meta.url)
  return (await import(url.href)) as typeof Errors
}

describe('DocsError', () => {
  for (const [code, { retryable }] of Object.entries(CODES) as [
    DocsErrorCode,
    { retryable: boolean },
  ][]) {
    it(`${code}: ${retryable ? 'worth another try' : 'not worth another try'}, unless it says otherwise`, () => {
      const error = new DocsError(code, 'what happened')
      assert.ok(error instanceof Error)
      assert.equal(error.name, 'DocsError')
      assert.equal(error.code, code)
      assert.equal(error.message, 'what happened')
      assert.equal(error.retryable, retryable)
      assert.equal(error.key, undefined)
      assert.equal(error.error, undefined)
      assert.equal('cause' in error, false)
      assert.equal(new DocsError(code, '', { retryable: !retryable }).retryable, !retryable)
    })
  }

  it('tells key, the Docs server`s error and the cause, whatever that is', () => {
    for (const cause of [new Error('inner'), 'text', null, undefined, 0]) {
      const error = new DocsError('COMMAND_REJECTED', 'm', { key: 'k1', error: 3, cause })
      assert.deepEqual([error.key, error.error, error.cause], ['k1', 3, cause])
    }
  })
})

describe('isDocsError', () => {
  it('knows a DocsError, and its code', () => {
    const error = new DocsError('TIMEOUT', 'm')
    assert.equal(isDocsError(error), true)
    assert.equal(isDocsError(error, 'TIMEOUT'), true)
    assert.equal(isDocsError(error, 'CLOSED'), false)
  })
  it('knows those of another copy of the package, where instanceof does not', async () => {
    const copy = await anotherCopy()
    const theirs = new copy.DocsError('TIMEOUT', 'm')
    assert.equal(theirs instanceof DocsError, false)
    assert.equal(isDocsError(theirs, 'TIMEOUT'), true)
    assert.equal(copy.isDocsError(new DocsError('CLOSED', 'm'), 'CLOSED'), true)
  })
  it('knows nothing else, and throws on nothing', () => {
    const lookalike = { name: 'DocsError', code: 'TIMEOUT', message: 'm', retryable: true }
    for (const value of [lookalike, new Error('m'), null, undefined, 'TIMEOUT', 5, () => {}]) {
      assert.equal(isDocsError(value), false)
    }
  })
})

describe('as plain data', () => {
  const full = new DocsError('COMMAND_REJECTED', 'm', {
    key: 'k1',
    error: 6,
    retryable: true,
    cause: new TypeError('inner'),
  })
  for (const error of [full, ...Object.keys(CODES).map(bare)]) {
    it(`${error.code}${error === full ? ' with all its fields' : ''} comes back the same through JSON`, () => {
      const plain = JSON.parse(JSON.stringify(toPlainError(error))) as Errors.PlainError
      assert.deepEqual(plain, toPlainError(error), 'it is JSON already')
      const back = fromPlainError(plain)
      assert.equal(isDocsError(back, error.code), true)
      const { code, message, key, retryable, error: number } = error
      assert.deepEqual(
        [back.code, back.message, back.key, back.retryable, back.error],
        [code, message, key, retryable, number],
      )
      assert.equal(back.cause === undefined, error.cause === undefined)
    })
  }
  it('keeps name and message of a cause, and a thrown text', () => {
    const cause = (thrown: unknown) =>
      fromPlainError(toPlainError(new DocsError('STORAGE_FAILED', 'm', { cause: thrown }))).cause
    const error = cause(new RangeError('too large')) as Error
    assert.deepEqual([error.name, error.message], ['RangeError', 'too large'])
    assert.equal((cause('a text') as Error).message, 'a text')
    assert.ok(cause({ secret: 'x' }) instanceof Error)
    assert.doesNotMatch((cause({ secret: 'x' }) as Error).message, /x/)
    assert.ok(cause(null) instanceof Error)
  })
  function bare(code: string): DocsError {
    return new DocsError(code as DocsErrorCode, `${code} it was`)
  }
})

describe('the errors of the Docs server', () => {
  it('are these', () => {
    assert.deepEqual(COMMAND_ERRORS, {
      0: 'none',
      1: 'unknown key',
      2: 'callback URL not correct',
      3: 'internal error',
      4: 'nothing to save',
      5: 'unknown command',
      6: 'bad token',
      7: 'expired token',
    })
  })
  for (const error of [1, 2, 3, 4, 5, 6, 7, 99]) {
    it(`${error}: a COMMAND_REJECTED that tells the number, its name, the command and the key`, () => {
      const rejected = commandRejected(error, 'forcesave', 'k1')
      assert.ok(isDocsError(rejected, 'COMMAND_REJECTED'))
      assert.deepEqual([rejected.error, rejected.key], [error, 'k1'])
      assert.ok(
        rejected.message.includes(`forcesave with error ${error}, ${commandErrorName(error)}`),
      )
      assert.equal(rejected.retryable, error === 3)
      assert.equal(/secret.*clocks/.test(rejected.message), error === 6 || error === 7)
    })
  }
  it('a number nobody knows has a name nevertheless', () => {
    assert.equal(commandErrorName(99), 'an error this version does not know')
    assert.equal(commandErrorName(-1), 'an error this version does not know')
  })
})

describe('BAD_OPTION', () => {
  const given: [unknown, string][] = [
    ['short', '"short"'],
    ['x'.repeat(41), 'a text of 41 characters'],
    [5, '5'],
    [Number.NaN, 'NaN'],
    [5n, '5'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [[1, 2], 'an array of 2'],
    [{ a: 1 }, 'an object'],
    [() => {}, 'a function'],
    [Symbol('s'), 'a symbol'],
  ]
  for (const [value, shown] of given) {
    it(`says what was given, in few words: ${shown}`, () => {
      const error = badOption('name', value, 'allowed is another one')
      assert.equal(error.message, `name: got ${shown}; allowed is another one`)
      assert.ok(isDocsError(error, 'BAD_OPTION') && !error.retryable)
    })
  }
})
