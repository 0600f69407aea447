/** `examples/logging`: what pino writes, and what it must not. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { createLogger, logEvents } from '../examples/logging/logging.js'
import { SECRET } from './support/app.js'
import { LIMIT, post, postSigned, setStage } from './support/callbacks.js'
import { failure, startPair } from './support/pair.js'

interface Line {
  level: number
  msg: string
  [field: string]: unknown
}

/** Where pino writes to. */
function sink(): { write: (line: string) => void; text: () => string; lines: () => Line[] } {
  const written: string[] = []
  return {
    write: (line) => void written.push(line),
    text: () => written.join(''),
    lines: () => written.map((line) => JSON.parse(line) as Line),
  }
}

const [INFO, WARN, ERROR] = [30, 40, 50]

it('a save and its verdict are a line each', LIMIT, async (t) => {
  const out = sink()
  const logger = createLogger(out)
  const { docs, open } = await startPair(t, { logger })
  t.after(logEvents(docs, logger))
  ;(await open('k1')).type('x')
  await docs.forcesave('k1', { userdata: 'USERDATA' })
  const about = out.lines().map(({ level, msg, key, ref, trigger, outcome }) => {
    return { level, msg, key, ref, trigger, outcome }
  })
  assert.deepEqual(about, [
    {
      ...{ level: INFO, msg: 'a command has its verdict', key: 'k1', outcome: 'saved' },
      ...{ ref: undefined, trigger: undefined },
    },
    {
      ...{ level: INFO, msg: 'stored', key: 'k1', ref: 'file of k1', trigger: 'command' },
      outcome: undefined,
    },
  ])
  assert.equal(out.text().includes('USERDATA'), false)
})

it(
  'whatever goes wrong is logged, with no secret, token, query or userdata in it',
  LIMIT,
  async (t) => {
    const out = sink()
    const logger = createLogger(out)
    logger.level = 'debug'
    const { app, url, callback, files } = await setStage(t, {
      ...{ logger, retries: 0, grace: 10 },
      onSave(save) {
        throw new Error(`the disk is full: ${save.ref}`)
      },
    })
    t.after(logEvents(app.docs, logger))
    await postSigned(url, callback({ userdata: 'USERDATA' }))
    await postSigned(url, callback({ key: 'k2', url: 'http://evil.example/x?md5=SECRETQUERY' }))
    await postSigned(url, callback({ key: 'k3', url: `${files.url.origin}9/x?md5=SECRETQUERY` }))
    await post(url, { token: 'eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.x' })
    await post(url, callback(), { authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJ4IjoxfQ.x' })
    await postSigned(`${app.url}/docs/callback/eyJxIjoxfQ.SECRETQUERY`, callback())
    await failure(app.docs.version(), 'BAD_RESPONSE')

    const told = out.lines().map(({ level, msg }) => [level, msg])
    const turnedAway = told.filter(([, msg]) => msg === 'a callback was turned away')
    assert.deepEqual(
      turnedAway,
      Array.from({ length: 3 }, () => [WARN, 'a callback was turned away']),
    )
    const full = out.lines().find(({ msg }) => msg.startsWith('onSave failed'))
    assert.equal(full?.level, ERROR)
    assert.equal((full['err'] as Error).message, 'the disk is full: file-1')
    const signature = url.split('.').at(-1)!
    for (const secret of [SECRET, 'USERDATA', 'SECRETQUERY', 'eyJ', 'md5=', signature]) {
      assert.equal(out.text().includes(secret), false, secret)
    }
  },
)
