/** The page of the simulated Docs server: it shows and sets what `testing/controls.ts` holds. */

/** @typedef {{ delay: number, failing: string, forgotten: string[] }} State */

/** @param {string} id */
const element = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (element(id))

/** How often the list of forgotten files is looked at, ms. */
const EVERY = 2_000

/** @param {object} [change] @returns {Promise<State>} */
async function ask(change) {
  const response = await fetch(
    '/simulator/state',
    change && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change),
    },
  )
  if (!response.ok) throw new Error('refused')
  return /** @type {Promise<State>} */ (response.json())
}

/** @param {State} state */
function showForgotten({ forgotten }) {
  const items = forgotten.length > 0 ? forgotten : ['None']
  element('forgotten').replaceChildren(
    ...items.map((key) => Object.assign(document.createElement('li'), { textContent: key })),
  )
}

/** @param {State} state */
function show(state) {
  field('delay').value = String(state.delay / 1000)
  field('failing').value = state.failing
  showForgotten(state)
}

/** @param {string} form @param {() => object} change @param {string} words */
function onSubmit(form, change, words) {
  element(form).addEventListener('submit', (event) => {
    event.preventDefault()
    ask(change()).then(
      (state) => {
        show(state)
        element('said').textContent = words
      },
      () => (element('said').textContent = 'The simulated Docs server did not take it.'),
    )
  })
}

/** @param {string} id */
const milliseconds = (id) => Math.round(Number(field(id).value) * 1000)

onSubmit(
  'settings',
  () => ({ delay: milliseconds('delay'), failing: field('failing').value }),
  'Set.',
)
onSubmit('restart', () => ({ down: milliseconds('down') }), 'It restarts.')
// While it is away there is nothing to show.
const look = () => ask().then(showForgotten, () => {})
setInterval(() => void look(), EVERY)
show(await ask())
