/** `docs.history()`: what `refreshHistory` and `setHistoryData` of the editor want, from stored versions. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import jwt from 'jsonwebtoken'
import { createDocs, isDocsError, type Docs, type StoredVersion } from '../src/index.js'
import { SECRET } from './support/app.js'

const user = { id: 'ann', name: 'Ann' }
const changes = [{ created: '2026-11-22 09:29:00', user, documentSha256: 'x' }]
const first: StoredVersion = {
  ...{ version: 1, key: 's1', created: new Date('2026-11-22T09:30:00.123Z'), fileType: 'docx' },
  ...{ url: 'https://files/1', changesUrl: 'https://files/1.zip' },
}
const second: StoredVersion = {
  ...{ version: 2, key: 's2', created: 'today', fileType: 'docx', url: 'https://files/2' },
  ...{ changesUrl: 'https://files/2.zip', history: { serverVersion: '9.1.0', changes } },
}

function start(t: TestContext, secret: string | null = SECRET): Docs {
  const docs = createDocs({ server: 'http://docs.internal', secret, onSave: () => {} })
  t.after(() => docs.close())
  return docs
}

describe('docs.history()', () => {
  it('lists the versions in order, each with its author and changes', (t) => {
    const { list } = start(t).history([second, first])
    assert.deepEqual(list, {
      currentVersion: 2,
      history: [
        { version: 1, key: 's1', created: '2026-11-22 09:30:00' },
        { version: 2, key: 's2', created: 'today', user, changes, serverVersion: '9.1.0' },
      ],
    })
    assert.deepEqual(start(t).history([]).list, { currentVersion: 0, history: [] })
  })

  it('gives the signed data of a version, with the changes against the one before', (t) => {
    const { token, ...data } = start(t).history([first, second]).data(2)
    assert.deepEqual(data, {
      ...{ version: 2, key: 's2', fileType: 'docx', url: 'https://files/2' },
      changesUrl: 'https://files/2.zip',
      previous: { key: 's1', fileType: 'docx', url: 'https://files/1' },
    })
    const claims = jwt.verify(String(token), SECRET) as jwt.JwtPayload
    for (const [name, value] of Object.entries(data)) assert.deepEqual(claims[name], value)
    // There is nothing before it that its changes could be marked against.
    assert.deepEqual(start(t, null).history([first, second]).data(1), {
      ...{ version: 1, key: 's1', fileType: 'docx', url: 'https://files/1' },
    })
  })

  it('refuses what the editor would mix up, and a version that is not there', (t) => {
    const docs = start(t)
    const refuses = (work: () => unknown, message: RegExp): void =>
      assert.throws(
        work,
        (error) => isDocsError(error, 'BAD_OPTION') && message.test(error.message),
      )
    refuses(() => docs.history([first, { ...second, key: 's1' }]), /^versions\.key: .*save\.id/)
    refuses(() => docs.history([first, { ...second, version: 1 }]), /^versions\.version: got 1/)
    refuses(() => docs.history([{ ...first, key: 'a b' }]), /^versions\.key: /)
    refuses(() => docs.history([first]).data(2), /^version: got 2; /)
  })
})
