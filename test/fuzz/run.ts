/**
 * Any number of inputs from the command line:
 *   npm run fuzz -- 200000              that many, from a random first seed
 *   npm run fuzz -- 1 --seed 123        input 123, what it sends and what it gets
 *   npm run fuzz -- 1000 --seed 1       a thousand, from seed 1
 */
import { parseArgs } from 'node:util'
import { closingLine, fuzz } from './fuzz.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' } },
})
const count = Number(positionals[0] ?? 20_000)
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const report = await fuzz(first, count)
for (const violation of report.violations.slice(0, 50)) console.log(violation)
console.log(closingLine(first, report))
if (report.violations.length > 0) process.exitCode = 1
