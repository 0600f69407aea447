/** What `onSave` returns types the `stored` of results and events. The compiler checks most of this file. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createDocs,
  type AsJson,
  type Docs,
  type DocsOptions,
  type ForcesaveAllItem,
  type ForcesaveResult,
} from '../src/index.js'
import { startDocsServer } from '../src/testing/index.js'
import { SECRET, startApp } from './support/app.js'

type Same<Left, Right> = [Left] extends [Right] ? ([Right] extends [Left] ? [] : [never]) : [never]
/** Compiles only where the two are one type. */
function same<Left, Right>(..._proof: Same<Left, Right>): void {}
/** The same of a value. */
const is =
  <Expected>() =>
  <Given>(_given: Given, ..._proof: Same<Given, Expected>): void => {}

type StoredOf<Result> = Extract<Result, { outcome: 'saved' }> extends { stored: infer S } ? S : 0

const OPTIONS = { server: 'http://127.0.0.1:1', secret: null } as const

test('calls and events have the type of what onSave returns', async () => {
  await using docs = createDocs({
    ...OPTIONS,
    async onSave(save) {
      return { path: save.ref, ...(await save.downloadTo(save.ref)) }
    },
  })
  type Stored = { path: string; size: number; sha256: string }
  type Of<Name extends 'forcesave' | 'outcome'> = Awaited<ReturnType<(typeof docs)[Name]>>
  same<StoredOf<Of<'forcesave'>>, Stored>()
  same<StoredOf<Of<'outcome'>>, Stored>()
  type Item = Awaited<ReturnType<ReturnType<(typeof docs)['forcesaveAll']>['next']>>['value']
  same<Item, ForcesaveAllItem<Stored>>()
  docs.on('saved', ({ stored }) => is<Stored>()(stored))
  // What takes any Docs takes this one.
  const any: Docs = docs
  assert.equal(any, docs)
})

test('without an await, and with a type argument', async () => {
  await using plain = createDocs({ ...OPTIONS, onSave: ({ ref }) => ref.length })
  is<Docs<number>>()(plain)
  await using given = createDocs<{ id: string }>({ ...OPTIONS, onSave: ({ ref }) => ({ id: ref }) })
  is<Docs<{ id: string }>>()(given)
})

test('options of no type give results of no type', async () => {
  const options: DocsOptions = { ...OPTIONS, onSave: () => 1 }
  await using docs = createDocs(options)
  is<Docs>()(docs)
  same<StoredOf<ForcesaveResult>, unknown>()
})

test('the types are those of what JSON gives back', async () => {
  interface File {
    at: Date
    names?: string[]
    pair: [Date, number]
  }
  same<AsJson<File>, { at: string; names?: string[]; pair: [string, number] }>()
  same<AsJson<void>, null>()
  same<AsJson<File | undefined>, AsJson<File> | null>()
  same<AsJson<unknown>, unknown>()

  const at = new Date(0)
  const onSave = (): File => ({ at, pair: [at, 1] })
  await using server = await startDocsServer({ secret: SECRET })
  await using app = await startApp({ server: server.url, onSave })
  const callbackUrl = app.docs.callbackUrl('letter')
  const editor = await server.open('key-1', { user: 'ann', callbackUrl })
  editor.type('hello')
  const result = await app.docs.forcesave('key-1')
  assert.equal(result.outcome, 'saved')
  assert.deepEqual(result.stored, { at: at.toJSON(), pair: [at.toJSON(), 1] })
})
