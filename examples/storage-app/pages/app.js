/**
 * What the pages do: times in words, and on a document's page the editor, the two buttons, the verdict
 * and the list of versions.
 */

/**
 * @typedef {{ tone: string, text: string, at: string }} Words
 * @typedef {{ words: Words, download?: string, offer?: string }} Answer
 * @typedef {{ document: { key: string } }} Config
 * @typedef {{ data?: unknown }} DocsEvent
 * @typedef {{ destroyEditor(): void }} DocEditor
 * @typedef {{ DocEditor: new (id: string, config: object) => DocEditor }} DocsAPI
 */

/** Whether the verdict says that the application does not answer. */
let lost = false

/** How often the list of versions is looked at, in ms. */
const LOOK = 2000

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))

const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })
const date = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' })

/** @param {Date} time */
const clockTime = (time) =>
  (time.toDateString() === new Date().toDateString() ? clock : date).format(time)

/** @param {Date} time */
function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - time.getTime()) / 1000))
  if (seconds < 60) return `${seconds} s ago`
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `at ${clockTime(time)}`
}

/** Times come in UTC and are shown in the time zone of whoever looks. */
function showTimes(root = document.body) {
  for (const time of root.querySelectorAll('time')) {
    time.textContent = clockTime(new Date(time.dateTime))
  }
}

/**
 * Shows words with their time. A screen reader hears the time of day, once: "3 s ago" changes all the time.
 *
 * @param {Words} words @param {Node[]} more
 */
function say({ tone, text, at }, ...more) {
  const [before = '', kind, after = ''] = text.split(/\{(ago|clock)\}/)
  const line = document.createElement('p')
  const time = document.createElement('time')
  time.dateTime = at
  line.append(before)
  if (kind === 'clock') time.textContent = clockTime(new Date(at))
  if (kind === 'ago') {
    time.className = 'ago'
    time.textContent = ago(new Date(at))
    time.ariaHidden = 'true'
    const spoken = document.createElement('span')
    spoken.className = 'hidden'
    spoken.textContent = `at ${clockTime(new Date(at))}`
    line.append(spoken)
  }
  if (kind !== undefined) line.append(time)
  line.append(after)
  element('verdict').dataset['tone'] = tone
  element('verdict').replaceChildren(line, ...more)
}

/** @param {string} tone @param {string} text */
const sayPlainly = (tone, text) => say({ tone, text, at: '' })

/** @param {string} href @param {string} text */
function downloadLink(href, text) {
  const link = document.createElement('a')
  link.href = href
  link.download = ''
  link.textContent = text
  return link
}

/** @param {string} path @param {boolean} thenDownload */
async function save(path, thenDownload) {
  const verdict = element('verdict')
  if (verdict.dataset['tone'] === 'busy') return
  lost = false
  sayPlainly('busy', 'Asking the Docs server for what was typed…')
  const answer = await fetch(`${path}/save`, { method: 'POST' })
    .then((response) => /** @type {Promise<Answer>} */ (response.json()))
    .catch(() => undefined)
  if (answer === undefined) {
    lost = true
    sayPlainly(
      'bad',
      'Not saved: this application does not answer. What you typed stays with the Docs server; try again in a moment.',
    )
    return
  }
  const { words, download, offer } = answer
  if (offer !== undefined) say(words, downloadLink(offer, 'Download the last stored version'))
  else say(words)
  if (thenDownload && download !== undefined) downloadLink(download, '').click()
  void look()
}

/** Looks whether there are new versions, by the same page as it was first shown. */
async function look() {
  const page = await fetch(location.href)
    .then((response) => (response.ok ? response.text() : undefined))
    .catch(() => undefined)
  element('away').hidden = page !== undefined
  if (page === undefined) return
  if (lost) {
    lost = false
    sayPlainly(
      'unsure',
      'This application is back. What you typed may not be saved yet: save again.',
    )
  }
  const next = new DOMParser().parseFromString(page, 'text/html').getElementById('versions')
  const count = (/** @type {Element | null} */ list) => list?.querySelectorAll('[value]').length
  const shown = element('versions')
  // Only where there is something new: the focus may be on a link of the list.
  if (next === null || count(next) === count(shown)) return
  showTimes(next)
  shown.replaceWith(document.adoptNode(next))
}

/**
 * Once for each key: where the same one comes again, another reload would not help.
 *
 * @param {string} key
 */
function reloadOnce(key) {
  if (sessionStorage.getItem('outdated') !== key) {
    sessionStorage.setItem('outdated', key)
    location.reload()
    return
  }
  sayPlainly(
    'unsure',
    'The last session of this document has only just ended, and it cannot be edited yet. Reload the page in some minutes.',
  )
}

/** @param {string} path */
async function openEditor(path) {
  const { DocsAPI } = /** @type {{ DocsAPI?: DocsAPI }} */ (/** @type {unknown} */ (window))
  if (DocsAPI === undefined) {
    sayPlainly(
      'bad',
      'The editor could not be loaded: the Docs server does not answer. Reload the page to try again.',
    )
    return
  }
  const answer = await fetch(`${path}/config`)
    .then((response) => /** @type {Promise<Config | Answer>} */ (response.json()))
    .catch(() => undefined)
  if (answer === undefined) {
    sayPlainly('bad', 'Not opened: this application does not answer. Reload the page to try again.')
    return
  }
  if ('words' in answer) {
    say(answer.words)
    return
  }
  const config = answer
  const reopen = () => reloadOnce(config.document.key)
  const editor = new DocsAPI.DocEditor('placeholder', {
    ...config,
    events: {
      onDocumentReady: () => (element('file').dataset['ready'] = ''),
      /** @param {DocsEvent} event */
      onDocumentStateChange: ({ data }) => (element('file').dataset['typing'] = String(data)),
      /** @param {{ data?: { errorDescription?: string } }} event */
      onError: ({ data }) =>
        sayPlainly('bad', `The editor reports: ${data?.errorDescription ?? 'an error'}`),
      /** @param {{ data?: { warningDescription?: string } }} event */
      onWarning: ({ data }) =>
        sayPlainly('unsure', `The editor reports: ${data?.warningDescription ?? 'a problem'}`),
      onRequestClose: () => {
        editor.destroyEditor()
        location.assign('/')
      },
      // The session of this key is over. A new config mostly has another key.
      onOutdatedVersion: reopen,
      onRequestRefreshFile: reopen,
    },
  })
}

showTimes()
const id = document.getElementById('file')?.dataset['id']
if (id !== undefined) {
  const path = `/files/${id}`
  element('save').addEventListener('click', () => void save(path, false))
  element('download').addEventListener('click', () => void save(path, true))
  void openEditor(path)
  setInterval(() => void look(), LOOK)
  setInterval(() => {
    for (const time of element('verdict').querySelectorAll('time.ago')) {
      time.textContent = ago(new Date(/** @type {HTMLTimeElement} */ (time).dateTime))
    }
  }, 1000)
  // Brought back as it was left, while the editor in it has left for good.
  window.addEventListener('pageshow', ({ persisted }) => {
    if (persisted) location.reload()
  })
}
