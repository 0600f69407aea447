/** The time line of one document as SVG: three lanes, a row for each item, bars beside the lanes. */
import { axisOf } from './inspector-time.js'
import { MARKS } from './inspector-story.js'
import { duration, exactly } from './inspector-words.js'

/**
 * @typedef {import('./inspector-story.js').Story} Story
 * @typedef {import('./inspector-story.js').Item} Item
 * @typedef {import('./inspector-story.js').Bar} Bar
 * @typedef {import('./inspector-story.js').Lane} Lane
 */

/** px */
const LEAST = 660
const HEAD = 44
const TOP = 26
const BAR = 9
const TIP = 7
/** Calls that are drawn side by side; what is more goes onto the last. */
const COLUMNS = 4

/** @type {Record<Lane, string>} */
export const NAMES = {
  application: 'Application',
  package: 'koa-docs-callback',
  server: 'Docs server',
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} [attributes]
 * @param {(Node | string)[]} children
 */
export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [attribute, value] of Object.entries(attributes)) {
    element.setAttribute(attribute, String(value))
  }
  element.append(...children)
  return element
}

/**
 * @param {Story} story
 * @param {readonly Item[]} items those to be drawn, in order
 * @param {{ width: number, chosen: number | undefined }} view `chosen`: the number of an entry
 */
export function draw(story, items, { width: room, chosen }) {
  const width = Math.max(LEAST, room)
  /** @type {Record<Lane, number>} */
  const x = { application: 170, package: 170 + (width - 250) * 0.46, server: width - 80 }
  const { ys, breaks, height } = axisOf(
    items.map(({ at }) => at),
    TOP,
  )
  const y = new Map(items.map(({ n }, index) => [n, ys[index] ?? TOP]))
  const bottom = height + 4

  const scenery = svg('g', { 'aria-hidden': 'true' })
  const heads = svg('svg', { width, height: HEAD, class: 'heads', 'aria-hidden': 'true' })
  for (const lane of /** @type {Lane[]} */ (['application', 'package', 'server'])) {
    scenery.append(svg('line', { class: 'lane', x1: x[lane], x2: x[lane], y1: 0, y2: bottom }))
    heads.append(
      svg('rect', { class: 'head-back', x: x[lane] - 70, y: 9, width: 140, height: 26, rx: 6 }),
      svg('text', { class: 'head', x: x[lane], y: 27, 'text-anchor': 'middle' }, NAMES[lane]),
    )
  }
  for (const { y: at, ms } of breaks) scenery.append(pause(at, ms, width))

  const rows = items.map((item, index) => {
    const selected = item.n === chosen || (chosen === undefined && index === items.length - 1)
    return row(item, { x, y: y.get(item.n) ?? TOP, width, selected, chosen: item.n === chosen })
  })
  const bars = svg('g', { 'aria-hidden': 'true' }, ...barsOf(story, { x, y, bottom }))
  const line = svg(
    'svg',
    {
      ...{ width, height: bottom, viewBox: `0 0 ${width} ${bottom}`, role: 'listbox' },
      'aria-label': `Time line of ${story.key === '' ? 'what belongs to no document' : story.key}`,
    },
    scenery,
    ...rows,
    bars,
  )
  return { heads, line }
}

/**
 * @param {number} at
 * @param {number} ms
 * @param {number} width
 */
function pause(at, ms, width) {
  return svg(
    'g',
    { class: 'pause' },
    svg('rect', { x: -2, y: at - 11, width: width + 4, height: 22 }),
    svg('text', { x: width / 2, y: at + 4, 'text-anchor': 'middle' }, `${duration(ms)} later`),
  )
}

/**
 * @param {Item} item
 * @param {{ x: Record<Lane, number>, y: number, width: number, selected: boolean, chosen: boolean }} place
 */
function row(item, { x, y, width, selected, chosen }) {
  const { from, to, label, tone, refused, at, n } = item
  const within = from === to
  const way = within ? NAMES[from] : `${NAMES[from]} to ${NAMES[to]}`
  const start = x[from] + side(x[to] - x[from]) * 2
  const end = within ? start : x[to] - side(x[to] - x[from]) * (refused ? 26 : 3)
  const left = within ? start + 14 : Math.min(x[from], x[to]) + 20
  const space = within ? x.server - left : Math.abs(x[to] - x[from]) - 30
  return svg(
    'g',
    {
      ...{ role: 'option', class: tone, 'data-n': n, tabindex: selected ? 0 : -1 },
      'aria-selected': String(chosen),
      'aria-label': `${exactly(at)} ${label}, ${way}`,
    },
    svg('rect', { class: 'back', x: 4, y: y - 19, width: width - 8, height: 27, rx: 6 }),
    svg('text', { class: 'time', x: 12, y: y + 1 }, exactly(at)),
    ...(within ? [dot(start, y)] : arrow(start, end, y, refused)),
    // Its name is what is seen in it, with a space between.
    ' ',
    // A frame of its own cuts off what is too long.
    svg(
      'svg',
      { x: left, y: within ? y - 12 : y - 22, width: space, height: 22 },
      svg('text', { class: 'label', y: 16 }, label),
    ),
  )
}

const side = (/** @type {number} */ distance) => (distance < 0 ? -1 : 1)

const dot = (/** @type {number} */ x, /** @type {number} */ y) =>
  svg('circle', { class: 'tip', cx: x, cy: y, r: 5 })

/**
 * @param {number} start
 * @param {number} end
 * @param {number} y
 * @param {boolean} refused
 */
function arrow(start, end, y, refused) {
  const back = -side(end - start) * TIP
  const line = svg('line', { class: 'arrow', x1: start, x2: end, y1: y, y2: y })
  if (refused) {
    const cross = `M${end - 5} ${y - 5}l10 10m0 -10l-10 10`
    return [line, svg('path', { class: 'cross', d: cross })]
  }
  const tip = `M${end} ${y}l${back} -4.5v9z`
  return [line, svg('path', { class: 'tip', d: tip })]
}

/**
 * Calls to the left of the application's lane, runs of `onSave` upon it.
 * @param {Story} story
 * @param {{ x: Record<Lane, number>, y: Map<number, number>, bottom: number }} place
 */
function barsOf(story, { x, y, bottom }) {
  /** @type {number[]} until where each column is taken */
  const columns = []
  /** @type {Node[]} */
  const drawn = []
  for (const bar of story.bars) {
    const begin = y.get(bar.begin)
    const end = bar.end === undefined ? bottom - 8 : y.get(bar.end)
    // One whose begin is not drawn any more begins at the top.
    if (end === undefined) continue
    const top = begin ?? 0
    let left = x.application - BAR / 2
    if (bar.kind === 'call') {
      const free = columns.findIndex((taken) => taken < top)
      const column = Math.min(free < 0 ? columns.length : free, COLUMNS - 1)
      columns[column] = end
      left = x.application - 18 - column * (BAR + 4)
    }
    const kind = bar.end === undefined ? 'running' : bar.tone
    drawn.push(
      svg('rect', {
        ...{ class: `bar ${kind}`, x: left, y: top, width: BAR, height: Math.max(4, end - top) },
        rx: 3,
      }),
    )
    if (bar.kind === 'call' && bar.end !== undefined && bar.tone !== 'plain') {
      drawn.push(mark(left + BAR / 2, end + 13, MARKS[bar.tone]))
    }
  }
  return drawn
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} sign
 */
const mark = (x, y, sign) => svg('text', { x, y, 'text-anchor': 'middle' }, sign)
