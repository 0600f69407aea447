/** The document keys that `docs.open()` makes. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isKey } from '../src/protocol/key.js'
import { createOwnKeys } from '../src/protocol/own-key.js'
import { sha256 } from '../src/protocol/sha256.js'

const SECRET = 's3cret-s3cret-s3cret-s3cret-s3cret'
const keys = createOwnKeys([SECRET], 'docs')

const REFS = [
  ...['report.docx', 'a', '0', '_x-1.2', 'b3f1c2d4-0000-4000-8000-0123456789ab'],
  ...['folder/report.docx', 'Größe', 'with spaces', '.', '..', '=', '-', '', 'x\0y', '😀'],
  ...['a'.repeat(99), 'ü'.repeat(36)],
]

describe('a key that open() makes', () => {
  for (const ref of REFS) {
    it(`is one that the Docs server takes, and holds its ref: ${JSON.stringify(ref).slice(0, 40)}`, () => {
      const key = keys.make(ref)
      assert.ok(isKey(key), key)
      assert.deepEqual(keys.read(key), { ref })
    })
  }
  it('can be read by people where the ref can', () => {
    assert.match(keys.make('report.docx'), /^report\.docx\.[\w-]{11}\.[\w-]{16}$/)
  })
  for (const ref of ['a'.repeat(100), 'ü'.repeat(40), 'x'.repeat(1024)]) {
    it(`holds a hash of a ref that is too long for a key: ${ref.length} characters`, () => {
      const key = keys.make(ref)
      assert.ok(isKey(key), key)
      assert.deepEqual(keys.read(key), { hash: sha256(ref) })
    })
  }
  it('is never the same twice', () => {
    assert.equal(new Set(Array.from({ length: 1000 }, () => keys.make('f'))).size, 1000)
  })
})

describe('a key that open() has not made', () => {
  const key = keys.make('report.docx')
  const foreign: [what: string, key: string][] = [
    ['a key of the application', 'report.docx-17'],
    ['one of the same form', 'report.docx.AAAAAAAAAAA.AAAAAAAAAAAAAAAA'],
    ['of another file', key.replace('report', 'budget')],
    ['of another session', key.replace(/\.([\w-]{11})\./, '.AAAAAAAAAAA.')],
    ['by another secret', createOwnKeys(['x'.repeat(32)], 'docs').make('report.docx')],
    ['by another prefix', createOwnKeys([SECRET], 'other').make('report.docx')],
    ['where tokens are off', createOwnKeys(null, 'docs').make('report.docx')],
    ['with something behind', `${key}x`],
    ['without a file', key.slice('report.docx'.length)],
    ['empty', ''],
  ]
  for (const [what, given] of foreign) {
    it(`is not taken for ours: ${what}`, () => assert.equal(keys.read(given), undefined))
  }
})

it('a key is known while the secret is being changed', () => {
  const rotating = createOwnKeys(['n'.repeat(32), SECRET], 'docs')
  assert.deepEqual(rotating.read(keys.make('f')), { ref: 'f' })
  assert.equal(keys.read(rotating.make('f')), undefined, 'the new secret makes the new keys')
})
