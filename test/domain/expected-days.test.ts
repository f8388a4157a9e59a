import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayText } from '../../src/domain/calendar-day.js'
import { unseenDays } from '../../src/domain/expected-days.js'

test('passes between two sightings are told, none before the first and after the last', () => {
  expect(unseenDays(['2024-02-09', '2024-03-10', '2024-03-20'], 10)).toEqual(['2024-02-19', '2024-02-29'])
  expect(unseenDays(['2024-02-09'], 10)).toEqual([])
  expect(unseenDays([], 16)).toEqual([])
})

test('a pass that fell on the other side of midnight is no gap, and hides none', () => {
  expect(unseenDays(['2024-01-01', '2024-01-10', '2024-01-21'], 10)).toEqual([])
  expect(unseenDays(['2024-01-01', '2024-01-20'], 10)).toEqual(['2024-01-11'])
})

test('whatever was left out of a regular series is what is found', () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: 2, maxLength: 40 }),
      fc.constantFrom(10, 16),
      (kept, cycle) => {
        const day = (i: number) => dayText(19_000 + i * cycle)
        const seen = kept.flatMap((isKept, i) => (isKept || i === 0 || i === kept.length - 1 ? [day(i)] : []))
        const left = kept.flatMap((_, i) => (seen.includes(day(i)) ? [] : [day(i)]))
        expect(unseenDays([...seen].reverse(), cycle)).toEqual(left)
      },
    ),
  )
})
