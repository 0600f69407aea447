/**
 * The frame of the simulated Docs server: a plain text editor. What is typed goes to the server at once as
 * one change, and what comes back is the text as everybody has it.
 */

/**
 * @typedef {{ at: number, remove: number, insert: string }} Change
 * @typedef {{ revision: number, users: string[], warnings: number, text: string, theirs: Change[], error?: number }} Reply
 */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
const area = /** @type {HTMLTextAreaElement} */ (element('text'))
const saveButton = /** @type {HTMLButtonElement} */ (element('save'))

const ERRORS = new Map([
  [-1, 'The connection to the Docs server is lost. Reload the page to go on.'],
  [-4, 'The document could not be loaded from the storage application.'],
  [-20, 'The document security token is not correctly formed.'],
  [-21, 'The document security token has expired.'],
  [-4006, 'The document security token lacks document.permissions or editorConfig.mode.'],
])

/** What an exchange that fails comes to. */
const LOST = /** @type {Reply & { session: string }} */ ({ error: -1 })

let session = ''
/** The number of the last edit that this editor has seen, and the text as it was by then. */
let revision = 0
let shared = ''
let warnings = 0
let again = false
/** @type {Promise<void> | undefined} */
let syncing

/** @param {string} event @param {unknown} [detail] */
function tell(event, detail) {
  // Nothing of the document is in it, and whose page this is, is not known before it answers.
  window.parent.postMessage({ event, detail }, '*')
}

/** @param {string} action @param {object} body @returns {Promise<Reply & { session: string }>} */
async function post(action, body) {
  const response = await fetch(action, { method: 'POST', body: JSON.stringify(body) })
  return /** @type {Promise<Reply & { session: string }>} */ (response.json())
}

/** @param {number} error */
function fail(error) {
  const words = ERRORS.get(error) ?? `Error ${error}.`
  // Only this is worth being read out: the rest changes with each letter.
  element('state').role = 'alert'
  element('state').textContent = words
  area.readOnly = saveButton.disabled = true
  tell('onError', { errorCode: error, errorDescription: words })
}

/** @param {{ users: string[], warnings: number }} state */
function show(state) {
  element('users').replaceChildren(
    ...state.users.map((name) =>
      Object.assign(document.createElement('li'), { textContent: name }),
    ),
  )
  if (state.warnings > warnings) {
    const words = 'The storage application does not answer. What is typed stays on the Docs server.'
    tell('onWarning', { warningCode: -3, warningDescription: words })
  }
  warnings = state.warnings
}

/**
 * One change that makes `after` of `before`; none where they are the same. Where the same letters make
 * it ambiguous, it is the one that ends at the caret.
 *
 * @param {string} before @param {string} after @param {number} caret @returns {Change | undefined}
 */
function difference(before, after, caret) {
  if (before === after) return undefined
  const most = Math.min(before.length, after.length)
  let end = 0
  while (end < Math.min(most, after.length - caret) && before.at(-1 - end) === after.at(-1 - end)) {
    end++
  }
  let at = 0
  while (at < most - end && before[at] === after[at]) at++
  // Moved text, say: what is equal behind the caret is not all there is.
  while (end < most - at && before.at(-1 - end) === after.at(-1 - end)) end++
  return { at, remove: before.length - end - at, insert: after.slice(at, after.length - end) }
}

/**
 * Where a place of the text is after changes by others.
 *
 * @param {number} place @param {Change[]} theirs
 */
function moved(place, theirs) {
  return theirs.reduce(
    (now, { at, remove, insert }) => (now <= at ? now : Math.max(now - remove, at) + insert.length),
    place,
  )
}

/** Sends what was typed and takes what others typed, one exchange at a time. */
function sync() {
  again = true
  syncing ??= exchange().finally(() => {
    syncing = undefined
  })
  return syncing
}

async function exchange() {
  while (again) {
    again = false
    const sent = area.value
    const change = difference(shared, sent, area.selectionEnd)
    const reply = await post('sync', { session, revision, change }).catch(() => LOST)
    if (reply.error !== undefined) return fail(reply.error)
    adopt(sent, reply)
  }
  element('state').textContent = 'All changes are on the Docs server.'
  tell('onDocumentStateChange', false)
}

/** @param {string} sent @param {Reply} reply */
function adopt(sent, reply) {
  const { selectionStart, selectionEnd, scrollTop, value } = area
  const { theirs, text } = reply
  const mine = difference(sent, value, selectionEnd)
  revision = reply.revision
  shared = text
  show(reply)
  if (mine !== undefined) again = true
  if (theirs.length === 0) return
  if (mine === undefined) {
    area.value = text
    area.setSelectionRange(moved(selectionStart, theirs), moved(selectionEnd, theirs))
  } else {
    // Typed meanwhile: it goes where it was meant, and takes nothing of theirs away.
    const at = moved(mine.at, theirs)
    const end = moved(mine.at + mine.remove, theirs)
    const isWhole = end - at === mine.remove
    area.value = text.slice(0, at) + mine.insert + text.slice(isWhole ? end : at)
    area.setSelectionRange(at + mine.insert.length, at + mine.insert.length)
  }
  area.scrollTop = scrollTop
}

async function save() {
  await sync()
  await post('save', { session })
  element('state').textContent = 'The Docs server was asked to save.'
}

/** @param {object} config @param {boolean} canClose */
async function open(config, canClose) {
  const opened = await post('open', config).catch(() => LOST)
  if (opened.error !== undefined) return fail(opened.error)
  session = opened.session
  revision = opened.revision
  shared = area.value = opened.text
  show(opened)
  const events = new EventSource(`events?session=${session}`)
  events.addEventListener('message', (/** @type {MessageEvent<string>} */ { data }) => {
    const state = /** @type {Reply} */ (JSON.parse(data))
    show(state)
    if (state.revision > revision) void sync()
  })
  events.addEventListener('error', () => {
    // It would come back as somebody the server does not know.
    events.close()
    fail(-1)
  })
  // The connection's end would tell as well, a moment later.
  window.addEventListener('pagehide', () => {
    navigator.sendBeacon('close', JSON.stringify({ session }))
  })
  area.readOnly = false
  element('close').hidden = !canClose
  element('state').textContent = 'Type here; others see it at once.'
  tell('onDocumentReady')
}

area.addEventListener('input', () => {
  element('state').textContent = 'Sending…'
  tell('onDocumentStateChange', true)
  void sync()
})
saveButton.addEventListener('click', () => void save())
element('close').addEventListener('click', () => void sync().then(() => tell('onRequestClose')))
window.addEventListener('message', ({ source, data }) => {
  if (source !== window.parent || session !== '') return
  const { config, canClose } = /** @type {{ config: object, canClose: boolean }} */ (data)
  void open(config, canClose)
})
tell('onAppReady')
