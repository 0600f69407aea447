/** The words of the wire: keys, callbacks, userdata, refs and the names of saves. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseCallback } from '../src/protocol/callback.js'
import { isKey } from '../src/protocol/key.js'
import { createRefSigner } from '../src/protocol/ref.js'
import { saveName } from '../src/protocol/save-name.js'
import { newId } from '../src/protocol/new-id.js'
import { isId, packUserdata, unpackUserdata } from '../src/protocol/userdata.js'

type Fields = Record<string, unknown>
const parse = (fields: Fields) =>
  parseCallback({ key: 'k1', status: 6, ...fields }, 'docs') as unknown as Fields

describe('a document key', () => {
  it('has 1 to 128 characters of the alphabet, and is not . or ..', () => {
    const good = ['k', '0', '9', 'A', 'Z', 'a', 'z', '_', '=', '-', '...', '.k', 'k.', '__proto__']
    for (const key of [...good, 'k'.repeat(128)]) assert.equal(isKey(key), true, key)
    const bad = ['', '.', '..', 'a/b', 'a:b', 'a b', ' a', 'a ', 'a\n', '\na', 'ä', 'k'.repeat(129)]
    for (const key of [...bad, undefined, null, 5, ['k'], {}]) assert.equal(isKey(key), false)
  })
})

describe('a callback', () => {
  it('is an object of its own with a key and a status', () => {
    for (const value of [undefined, null, [], 'x', 5, {}, [{ key: 'k1', status: 2 }]])
      assert.equal(parseCallback(value, 'docs'), undefined)
    assert.equal(parseCallback(Object.create({ key: 'k1', status: 2 }), 'docs'), undefined)
    const bad: Fields[] = [
      { key: undefined },
      { key: '..' },
      ...[undefined, null, '2', 2.5, -1, Number.NaN, 1e21, true].map((status) => ({ status })),
    ]
    for (const fields of bad) assert.equal(parse(fields), undefined, JSON.stringify(fields))
  })

  it('is of the kind that its status says', () => {
    const kinds = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((status) => parse({ status })['kind'])
    assert.deepEqual(
      kinds.map((kind, status) => `${status} ${String(kind)}`),
      [
        ...['0 other', '1 presence', '2 save', '3 failure', '4 presence'],
        ...['5 other', '6 save', '7 failure', '8 other', '9 other'],
      ],
    )
    assert.equal(parse({ status: 8 })['status'], 8)
  })

  it('tells every field that is of its type', () => {
    const fields = {
      users: ['u1'],
      actions: [{ type: 2, userid: 'u1' }],
      userdata: { any: 'thing' },
      lastsave: '2026-01-01T00:00:01.000Z',
      forcesavetype: 1,
      notmodified: true,
      url: 'http://x/1',
      changesurl: 'http://x/2',
      formsdataurl: 'http://x/3',
      filetype: 'docx',
      history: { changes: [] },
      encrypted: false,
    }
    assert.deepEqual(parse({ ...fields, token: 'x', later: 1 }), {
      kind: 'save',
      status: 6,
      key: 'k1',
      users: ['u1'],
      actions: [{ type: 2, userid: 'u1' }],
      commandId: undefined,
      userdata: { any: 'thing' },
      lastSave: Date.UTC(2026, 0, 1, 0, 0, 1),
      forcesaveType: 1,
      notModified: true,
      url: 'http://x/1',
      changesUrl: 'http://x/2',
      formsDataUrl: 'http://x/3',
      filetype: 'docx',
      history: { changes: [] },
      markedReplay: true,
      body: { key: 'k1', status: 6, ...fields, later: 1 },
    })
  })

  it('takes a field of another type as absent, one of the prototype too', () => {
    const texts = ['url', 'changesurl', 'formsdataurl', 'filetype', 'lastsave']
    const wrong = Object.fromEntries(texts.map((name) => [name, 5]))
    const others = { users: 'u1', actions: { 0: { type: 1, userid: 'u' } }, notmodified: 'true' }
    const callback = parse({ ...wrong, ...others, forcesavetype: '1', encrypted: true })
    for (const name of [
      'url',
      'changesUrl',
      'formsDataUrl',
      'filetype',
      'lastSave',
      'forcesaveType',
    ])
      assert.equal(callback[name], undefined, name)
    assert.deepEqual([callback['users'], callback['actions']], [[], []])
    assert.deepEqual([callback['notModified'], callback['markedReplay']], [false, false])
    assert.equal(parse({ lastsave: 'x' })['lastSave'], undefined)
    assert.equal(parse({ forcesavetype: 1.5 })['forcesaveType'], undefined)
    assert.equal(parse({})['markedReplay'], false)
    const inherited = Object.assign(Object.create({ url: 'http://x', users: ['u'] }) as Fields, {
      ...{ key: 'k1', status: 2 },
    })
    const { url, users } = parseCallback(inherited, 'docs') as unknown as Fields
    assert.deepEqual([url, users], [undefined, []])
  })

  it('leaves out the entries of a list that are of another type', () => {
    const users = ['u1', true, null, {}, ['u2'], 'u3']
    const action = { type: 1, userid: 'u1' }
    const actions = [
      action,
      null,
      5,
      'x',
      {},
      { type: '1', userid: 'u' },
      { type: 1 },
      { ...action, x: 1 },
    ]
    const callback = parse({ status: 1, users, actions })
    assert.deepEqual(
      [callback['users'], callback['actions']],
      [
        ['u1', 'u3'],
        [action, action],
      ],
    )
  })

  it('tells the command of ours that has caused it, and what the application gave to that', () => {
    const id = newId()
    const userdata = packUserdata('docs', id, 'a:b')
    const own = parse({ userdata })
    assert.deepEqual([own['commandId'], own['userdata']], [id, 'a:b'])
    assert.deepEqual((own['body'] as Fields)['userdata'], userdata, 'the body is as it came')
    const foreign = parse({ userdata: packUserdata('others', id) })
    assert.deepEqual([foreign['commandId'], foreign['userdata']], [undefined, `others:${id}:`])
  })

  it('takes ids of users that are numbers as their text', () => {
    const actions = [
      { type: 1, userid: 1319 },
      { type: 0, userid: -7.5 },
      { type: 1, userid: '0' },
    ]
    const callback = parse({ status: 1, users: [1319, '1319', 0, Infinity, Number.NaN], actions })
    assert.deepEqual(callback['users'], ['1319', '1319', '0'])
    assert.deepEqual(
      callback['actions'],
      ['1319', '-7.5', '0'].map((userid, index) => ({ ...actions[index], userid })),
    )
  })

  it('is nested 1,000 levels at the most, at any place', () => {
    const nested = (levels: number): unknown =>
      Array.from({ length: levels }).reduce<unknown>((inner) => [inner], 1)
    assert.notEqual(parse({ later: nested(1_000) }), undefined)
    assert.equal(parse({ later: nested(1_001) }), undefined)
    assert.equal(parse({ history: { changes: [{}, nested(1_000)] } }), undefined)
  })
})

describe('userdata', () => {
  const id = newId()
  it('carries an id and the application`s own, and gives both back', () => {
    assert.equal(isId(id), true)
    assert.notEqual(newId(), id)
    for (const own of ['', 'x', ':', 'a:b', '\u{1f600}']) {
      const packed = packUserdata('docs', id, own)
      assert.equal(packed, `docs:${id}:${own}`)
      assert.deepEqual(unpackUserdata('docs', packed), { commandId: id, userdata: own })
    }
    assert.equal(packUserdata('docs', id), `docs:${id}:`)
  })
  it('of anybody else comes back as it came', () => {
    const texts = ['', 'x', 'docs', 'docs:', `docs:${id}`, `docs:${id}x:`, `docs:${id.slice(1)}:`]
    const more = [`other:${id}:`, `xdocs:${id}:`, `docsx${id}:`, ` docs:${id}:`, `docs::${id}:`]
    for (const userdata of [...texts, ...more, undefined, null, 5, {}, [`docs:${id}:`]])
      assert.deepEqual(unpackUserdata('docs', userdata), { commandId: undefined, userdata })
    for (const text of ['', 'A'.repeat(21), 'A'.repeat(23), `${'A'.repeat(21)}+`, `${id}\n`])
      assert.equal(isId(text), false)
  })
})

describe('a ref', () => {
  const signer = createRefSigner(['current', 'previous'], 'docs')
  const refs = ['a', '..', 'a/b c', 'Größe', '\u{1f600}', 'x'.repeat(1024), '']
  it('comes back by the signature of this secret, the previous one and this prefix only', () => {
    const previous = createRefSigner(['previous'], 'docs')
    for (const ref of refs) {
      assert.match(signer.sign(ref), /^[\w-]*\.[\w-]{43}$/)
      assert.equal(signer.verify(signer.sign(ref)), ref)
      assert.equal(signer.verify(previous.sign(ref)), ref)
      assert.equal(previous.verify(signer.sign(ref)), undefined)
      assert.equal(createRefSigner(['current'], 'other').verify(signer.sign(ref)), undefined)
    }
  })
  it('is none without its whole signature, and none with more', () => {
    const [text = '', mac = ''] = signer.sign('a').split('.')
    const other = signer.sign('b').split('.')[1]!
    const bad = ['', '.', '..', text, `${text}.`, `.${mac}`, `${text}.${other}`, `${text}.${mac}.`]
    for (const signed of [...bad, `${text}.${mac}.x`, `${text}.${mac.slice(1)}`, `x${text}.${mac}`])
      assert.equal(signer.verify(signed), undefined, signed)
  })
  it('is not signed where tokens are off, and survives a URL all the same', () => {
    const open = createRefSigner(null, 'docs')
    for (const ref of refs) {
      assert.match(open.sign(ref), /^[\w-]*$/)
      assert.equal(open.verify(open.sign(ref)), ref)
    }
  })
  it('cannot be signed without a secret', () => {
    assert.throws(() => createRefSigner([], 'docs').sign('a'), /no secret to sign a ref with/)
  })
})

describe('the name of a save', () => {
  const save = {
    key: 'k1',
    status: 6,
    url: 'http://docs/cache/k1_1234/output.docx?md5=a&expires=1',
    lastSave: 1,
    history: { changes: [1] },
    mark: 'm',
  }
  it('stays when it is sent again with another query or from another host', () => {
    const again = { ...save, url: 'http://other:8080/cache/k1_1234/output.docx?md5=b' }
    assert.equal(saveName(again), saveName(save))
    assert.match(saveName(save), /^s[\w-]{43}$/)
  })
  it('changes with each of its facts', () => {
    const changes = [
      { key: 'k2' },
      { status: 2 },
      { url: save.url.replace('1234', '5678') },
      { url: undefined },
      { url: 'no url' },
      { url: 'no url either' },
      { lastSave: 2 },
      { lastSave: undefined },
      { history: {} },
      { mark: undefined },
    ]
    const names = changes.map((change) => saveName({ ...save, ...change }))
    assert.equal(new Set([...names, saveName(save)]).size, changes.length + 1)
  })
})
