/** One item in full, and as a row of the table. */
import { NAMES } from './inspector-lanes.js'
import { duration, exactly, spoken } from './inspector-words.js'

/**
 * @typedef {import('./inspector-story.js').Story} Story
 * @typedef {import('./inspector-story.js').Item} Item
 */

/**
 * @param {string} name
 * @param {(Node | string)[]} children
 */
export function element(name, ...children) {
  const made = document.createElement(name)
  made.append(...children)
  return made
}

/** What is told in a sentence or the head already. */
const TOLD = new Set([
  'n',
  'at',
  'type',
  'why',
  'advice',
  'body',
  'failure',
  'call',
  'command',
  'own',
])

/**
 * @param {Story} story
 * @param {Item} item
 */
export function describeItem(story, item) {
  const { entry, label, from, to, at } = item
  const what = element('p', label)
  what.className = 'what'
  const facts = element('dl')
  /** @type {(name: string, value: string) => void} */
  const fact = (name, value) => facts.append(element('dt', name), element('dd', value))
  fact('time', exactly(at))
  fact('way', from === to ? NAMES[from] : `${NAMES[from]} → ${NAMES[to]}`)
  const bar = story.bars.find(({ end }) => end === entry.n)
  if (bar !== undefined) fact('took', duration(at - bar.at))
  for (const [name, value] of Object.entries(entry)) {
    if (!TOLD.has(name)) fact(name === 'id' ? 'command id' : name, String(value))
  }
  const body = 'body' in entry ? [element('pre', JSON.stringify(entry.body, null, 2))] : []
  return [what, ...sentences(entry), facts, ...body]
}

/** @param {Item['entry']} entry */
function sentences(entry) {
  const told =
    entry.type === 'verdict'
      ? spoken(entry.why)
      : entry.type === 'rejected'
        ? entry.advice
        : 'failure' in entry
          ? `${entry.failure.code}: ${entry.failure.message}`
          : entry.type === 'command' && entry.own
            ? 'The package has sent this by itself, to keep its promise (rules 6, 7, 8 and 14).'
            : undefined
  if (told === undefined) return []
  const why = element('p', told)
  why.className = 'why'
  return [why]
}

/** @param {Item} item */
export function tableRow({ at, from, to, label, entry }) {
  const why = entry.type === 'verdict' ? ` ${spoken(entry.why)}` : ''
  const advice = entry.type === 'rejected' ? ` ${entry.advice}` : ''
  return element(
    'tr',
    element('td', exactly(at)),
    element('td', NAMES[from]),
    element('td', NAMES[to]),
    element('td', `${label}.${why}${advice}`),
  )
}
