import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { finiteNumber, numberIn, positiveInteger, wholeNumber, wholeNumberIn } from '../../src/cli/numbers.js'
import { programRoot, tilth } from '../support/cli.js'

test('each takes what it says, both ends included, and names what it found', () => {
  expect(['-1.5', '1e3'].map(finiteNumber)).toEqual([-1.5, 1000])
  expect(['-3', '0'].map(wholeNumber)).toEqual([-3, 0])
  expect(['1', '200'].map(positiveInteger)).toEqual([1, 200])
  expect(['0', '2'].map(numberIn(0, 2))).toEqual([0, 2])
  expect(['1', '256'].map(wholeNumberIn(1, 256))).toEqual([1, 256])
  for (const parse of [finiteNumber, wholeNumber, positiveInteger, numberIn(0, 2, 'm'), wholeNumberIn(0, 2)])
    for (const text of ['', ' ', 'x', 'NaN', 'Infinity', '1,5'])
      expect(() => parse(text)).toThrow(`found '${text}'`)
  for (const text of ['-0.1', '2.1']) expect(() => numberIn(0, 2, 'm')(text)).toThrow('from 0 to 2 m')
  for (const text of ['0', '257', '1.5']) expect(() => wholeNumberIn(1, 256)(text)).toThrow('from 1 to 256')
  for (const text of ['0', '-1', '1.5', '1e3']) expect(() => positiveInteger(text)).toThrow('from 1')
  expect(() => wholeNumber('1.5')).toThrow('whole number')
})

test('options that are numbers are parsed by these and by nothing else', () => {
  const folder = join(programRoot, 'src', 'cli')
  const own = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && name !== 'numbers.ts',
  )
  // A bare `Number` takes text for NaN; `Number.isFinite` beside it is another parser.
  for (const name of own)
    expect(readFileSync(join(folder, name), 'utf8'), name).not.toMatch(
      /,\s*Number,|Number\.is(Finite|Integer)\(/,
    )
})

test.each([
  ['status', '--interval', 'soon'],
  ['nodes', '--interval', '0'],
  ['bench', 'l2a', '--rounds', 'many'],
  ['bench', 'chaos', '--steps', '1.5'],
  ['simulate', '--aot', 'thick', '--tile', '31TCJ', '--date', '2025-05-10', '--out', 'x'],
  ['import-l2a', 'x', '--out', 'y', '--threads', '257'],
])('%s %s %s %s is refused as usage', async (...args) => {
  const { exitCode, stderr } = await tilth(args)
  expect([exitCode, stderr]).toEqual([64, expect.stringMatching(/--\w+.*expected a .*number/)])
})
