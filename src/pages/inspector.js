/** The page of `docs.inspector()`: listens, and shows the document that was chosen. */
import { describeItem, element, tableRow } from './inspector-details.js'
import { draw } from './inspector-lanes.js'
import { Stories } from './inspector-story.js'
import { clock, list } from './inspector-words.js'

/**
 * @typedef {import('../inspector/entry.js').Entry} Entry
 * @typedef {import('./inspector-story.js').Story} Story
 */

/** Rows that are drawn of one document; the page says so where there are more. */
const MOST = 400
/** When the answer was none to listen to, ms. */
const AGAIN = 3_000

/** @param {string} id */
function part(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no ${id}`)
  return found
}

let stories = new Stories()
/** @type {string | undefined} the key of the document that is shown */
let shown
/** Whether somebody has chosen it; else the newest is shown. */
let picked = false
/** @type {number | undefined} the number of the entry whose details are shown */
let chosen
let planned = false

/** @param {string} text @param {'live' | 'off' | ''} kind */
function tell(text, kind) {
  const state = part('state')
  if (state.textContent !== text) state.textContent = text
  state.className = kind
}

function listen() {
  const source = new EventSource('events')
  source.addEventListener('hello', (/** @type {MessageEvent<string>} */ { data }) => {
    const told = /** @type {unknown} */ (JSON.parse(data))
    const { fresh, gone } = /** @type {{ fresh: boolean, gone: number }} */ (told)
    if (fresh) stories = new Stories()
    showGone(gone)
    tell('Live', 'live')
    plan()
  })
  source.addEventListener('entries', (/** @type {MessageEvent<string>} */ { data }) => {
    const told = /** @type {unknown} */ (JSON.parse(data))
    const { entries, gone } = /** @type {{ entries: Entry[], gone: number }} */ (told)
    for (const entry of entries) stories.add(entry)
    showGone(gone)
    plan()
  })
  source.addEventListener('error', () => {
    tell('Disconnected. Trying again …', 'off')
    if (source.readyState !== EventSource.CLOSED) return
    setTimeout(listen, AGAIN)
  })
}

/** @param {number} gone how many of the oldest entries */
function showGone(gone) {
  const note = part('gone')
  note.hidden = gone === 0
  note.textContent = `The oldest ${gone.toLocaleString('en')} entries are gone from the memory of the process.`
}

/** Once a frame, however much comes. */
function plan() {
  if (planned) return
  planned = true
  requestAnimationFrame(() => {
    planned = false
    show()
  })
}

function show() {
  const newest = stories.newest()
  if (!picked || (shown !== undefined && !stories.all.has(shown))) shown = newest[0]?.key
  showDocuments(newest)
  const story = shown === undefined ? undefined : stories.all.get(shown)
  part('empty').hidden = story !== undefined
  part('document').hidden = story === undefined
  if (story !== undefined) showDocument(story)
}

/** @param {readonly Story[]} newest */
function showDocuments(newest) {
  const place = part('documents')
  const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset['key']
  const found = newest.filter(isFound)
  const told = found.length === newest.length ? '' : `${found.length} of ${newest.length} shown`
  if (part('found').textContent !== told) part('found').textContent = told
  place.replaceChildren(
    ...found.map((story) => {
      const { key, users } = story
      const trouble = story.items.at(-1)?.tone === 'bad'
      const button = element(
        'button',
        element('b', key === '' ? 'Other' : key),
        element('small', stateOf(story)),
      )
      button.dataset['key'] = key
      button.setAttribute('aria-current', String(key === shown))
      button.className = trouble ? 'trouble' : (users?.length ?? 0) > 0 ? 'open' : ''
      button.addEventListener('click', () => pick(key))
      return element('li', button)
    }),
  )
  if (focused === undefined) return
  for (const button of place.querySelectorAll('button')) {
    if (button.dataset['key'] === focused) button.focus()
  }
}

/** @param {Story} story */
function isFound({ key, ref, users = [], items }) {
  const { value } = /** @type {HTMLInputElement} */ (part('find'))
  const { checked } = /** @type {HTMLInputElement} */ (part('only-trouble'))
  if (checked && !items.some(({ tone }) => tone === 'bad')) return false
  const words = value.trim().toLowerCase()
  return [key, ref, ...users].some((text) => text.toLowerCase().includes(words))
}

/** @param {Story} story */
function stateOf({ key, users, waiting, last }) {
  const calls = waiting === 0 ? '' : ` · ${waiting} ${waiting === 1 ? 'call waits' : 'calls wait'}`
  const open =
    users === undefined
      ? 'not known to be open'
      : users.length > 0
        ? `open: ${list(users)}`
        : 'closed'
  return `${key === '' ? 'calls, and what was refused' : open}${calls} · ${clock(last)}`
}

/** @param {string} key */
function pick(key) {
  shown = key
  picked = true
  chosen = undefined
  part('details').replaceChildren(
    element('p', 'Choose a row: with the mouse, or with the arrow keys.'),
  )
  show()
}

/** @param {Story} story */
function showDocument(story) {
  const { key, ref } = story
  part('document-title').textContent = key === '' ? 'What belongs to no document' : key
  const file = ref === '' ? '' : `ref ${ref} · `
  const items = story.items.slice(-MOST)
  const hidden = story.items.length - items.length
  const older = hidden === 0 ? '' : ` · the ${hidden} oldest rows are in the download only`
  part('document-state').textContent = `${file}${stateOf(story)}${older}`
  const link = /** @type {HTMLAnchorElement} */ (part('document-download'))
  link.hidden = key === ''
  link.href = `record.jsonl?key=${encodeURIComponent(key)}`

  const place = part('lanes')
  const focused = place.contains(document.activeElement)
  const atEnd = place.scrollTop + place.clientHeight >= place.scrollHeight - 40
  const { heads, line } = draw(story, items, { width: place.clientWidth, chosen })
  place.replaceChildren(heads, line)
  if (atEnd) place.scrollTop = place.scrollHeight
  if (focused) /** @type {SVGElement | null} */ (line.querySelector('[tabindex="0"]'))?.focus()
  part('rows').replaceChildren(...items.map(tableRow))
}

/** @param {number} n */
function choose(n) {
  const story = shown === undefined ? undefined : stories.all.get(shown)
  const item = story?.items.find((one) => one.n === n)
  if (story === undefined || item === undefined) return
  chosen = n
  for (const row of part('lanes').querySelectorAll('[role=option]')) {
    const own = /** @type {SVGElement} */ (row).dataset['n'] === String(n)
    row.setAttribute('aria-selected', String(own))
    row.setAttribute('tabindex', own ? '0' : '-1')
  }
  part('details').replaceChildren(...describeItem(story, item))
}

/** @param {Event} event */
function rowOf({ target }) {
  const row = target instanceof Element ? target.closest('[role=option]') : null
  return row instanceof SVGElement ? row : undefined
}

part('lanes').addEventListener('click', (event) => {
  const row = rowOf(event)
  if (row === undefined) return
  choose(Number(row.dataset['n']))
  row.focus()
})
part('lanes').addEventListener('keydown', (event) => {
  const row = rowOf(event)
  if (row === undefined) return
  const rows = /** @type {SVGElement[]} */ ([...part('lanes').querySelectorAll('[role=option]')])
  const at = rows.indexOf(row)
  /** @type {Record<string, number>} */
  const moves = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: rows.length - 1,
    Enter: at,
    ' ': at,
  }
  const to = rows[moves[event.key] ?? -1]
  if (to === undefined) return
  event.preventDefault()
  to.focus()
  choose(Number(to.dataset['n']))
})
for (const id of ['find', 'only-trouble']) part(id).addEventListener('input', plan)
new ResizeObserver(plan).observe(part('lanes'))
listen()
