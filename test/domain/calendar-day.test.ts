import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dayNumber, dayText, isCalendarDay } from '../../src/domain/calendar-day.js'

const two = (n: number) => String(n).padStart(2, '0')

test('a day exists where a Date gives its text back', () => {
  const parts = fc.tuple(fc.integer({ min: 0, max: 9999 }), fc.nat(14), fc.nat(33))
  fc.assert(
    fc.property(parts, ([year, month, day]) => {
      const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`
      const time = new Date(`${text}T00:00:00Z`)
      const exists = !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
      expect(isCalendarDay(text)).toBe(exists)
      if (exists) expect(dayText(dayNumber(text))).toBe(text)
      else expect(() => dayNumber(text)).toThrow(text)
    }),
    { numRuns: 2000 },
  )
})

test.each(['2025-02-29', '2100-02-29', '2025-04-31', '2025-13-01', '2025-1-01', '2025-01-01T00', ''])(
  'no day: %j',
  (text) => {
    expect(isCalendarDay(text)).toBe(false)
  },
)

test.each(['2024-02-29', '2000-02-29', '0000-01-01', '9999-12-31'])('a day: %s', (text) => {
  expect(isCalendarDay(text)).toBe(true)
})
