/** The pictures of the papers: they are drawn without a complaint, and show what was recorded. */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { closeBrowser, openWindow } from './support/browser.js'
import { messagesOf, recorded, recordingOf } from './support/diagram.js'

const PAPERS = ['docs/what-the-docs-server-does.md', 'CONTRIBUTING.md']

const diagrams = PAPERS.flatMap((paper) => {
  const text = readFileSync(new URL(`../${paper}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^```mermaid\n(.*?)^```$/gms)].map(([, code = ''], index) => ({
    name: `${paper}, ${recordingOf(code) ?? `picture ${index + 1}`}`,
    code,
  }))
})

describe('diagrams', { timeout: 120_000 }, () => {
  after(closeBrowser)

  test('are drawn by Mermaid', async (t) => {
    const { page } = await openWindow(t)
    await page.addScriptTag({
      path: createRequire(import.meta.url).resolve('mermaid/dist/mermaid.min.js'),
    })
    const problems = await page.evaluate(
      async (codes) => {
        // In the page, where the script above has put it.
        const { mermaid } = globalThis as unknown as {
          mermaid: {
            parse: (code: string) => Promise<unknown>
            render: (id: string, code: string) => Promise<{ svg: string }>
          }
        }
        return Promise.all(
          codes.map((code, index) =>
            mermaid.render(`picture${index}`, code).then(() => '', String),
          ),
        )
      },
      [...diagrams.map(({ code }) => code), 'sequenceDiagram\n  A->B->C'],
    )
    assert.notEqual(problems.pop(), '', 'a wrong one would be found')
    assert.deepEqual(
      problems.map((problem, index) => [diagrams[index]!.name, problem]),
      diagrams.map(({ name }) => [name, '']),
    )
  })

  for (const { name, code } of diagrams) {
    const recording = recordingOf(code)
    if (recording === undefined) continue
    test(`${name} was recorded like this`, () => {
      const shown = messagesOf(code)
      const all = recorded(recording)
      // It may begin later and end earlier, and leaves nothing out in between.
      const begin = all.findIndex((_message, index) =>
        shown.every((message, offset) => all[index + offset] === message),
      )
      assert.ok(
        shown.length > 3 && begin >= 0,
        `shown:\n${shown.join('\n')}\n\nrecorded:\n${all.join('\n')}`,
      )
    })
  }
})
