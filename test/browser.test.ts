/** The browser of the tests: it is there, and what a page complains about is seen. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { closeBrowser, openWindow } from './support/browser.js'

describe('the browser of the tests', { timeout: 300_000 }, () => {
  after(closeBrowser)

  test('shows a page', async (t) => {
    const { page } = await openWindow(t)
    await page.setContent('<h1>Here</h1>')
    assert.equal(await page.getByRole('heading').textContent(), 'Here')
  })

  test('tells what a page complains about', async (t) => {
    const { page, complaints } = await openWindow(t)
    await page.setContent('<script>console.error("logged"); throw new Error("thrown")</script>')
    assert.deepEqual(complaints.splice(0), ['logged', 'Error: thrown'])
  })
})
