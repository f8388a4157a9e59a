import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dayNumber, dayText } from '../../src/domain/calendar-day.js'
import {
  answeredAfter,
  daysByHand,
  dueDays,
  scheduleDays,
  scheduleSpan,
  type ScheduleRule,
} from '../../src/domain/schedule-rule.js'

const SEASON = { startsOn: '2024-01-15', midOn: '2024-03-10', endsOn: '2024-06-30' }
const rule = (change: Partial<ScheduleRule>): ScheduleRule => ({
  repeat: 'on_date',
  everyDays: null,
  monthDay: 31,
  firstBase: 'start',
  firstOffsetDays: 0,
  lastOffsetDays: 0,
  atTime: '00:00:00',
  ...change,
})
const through = (doneThrough: string | null) => ({ doneThrough, answeredDays: [] })

describe('days', () => {
  test('the 31st is the last day of each month, 29 February of a leap year too', () => {
    expect(scheduleDays(rule({}), SEASON)).toEqual([
      '2024-01-31',
      '2024-02-29',
      '2024-03-31',
      '2024-04-30',
      '2024-05-31',
      '2024-06-30',
    ])
    const plain = { startsOn: '2023-02-01', midOn: '2023-02-20', endsOn: '2023-03-30' }
    expect(scheduleDays(rule({ monthDay: 30 }), plain)).toEqual(['2023-02-28', '2023-03-30'])
  })

  test('cyclic ones count from their first day, over the end of a year', () => {
    const winter = { startsOn: '2023-12-30', midOn: '2024-01-01', endsOn: '2024-01-10' }
    expect(scheduleDays(rule({ repeat: 'cyclic', everyDays: 5, monthDay: null }), winter)).toEqual([
      '2023-12-30',
      '2024-01-04',
      '2024-01-09',
    ])
  })

  test('offsets move the first day from start, middle or end, and the last from the end', () => {
    const once = rule({ repeat: 'once', monthDay: null, firstBase: 'mid', firstOffsetDays: -10 })
    expect(scheduleDays(once, SEASON)).toEqual(['2024-02-29'])
    expect(scheduleSpan(rule({ firstBase: 'end', lastOffsetDays: 30 }), SEASON)).toEqual({
      first: '2024-06-30',
      last: '2024-07-30',
    })
    expect(
      scheduleDays(rule({ repeat: 'once', monthDay: null, firstBase: 'end', firstOffsetDays: 1 }), SEASON),
    ).toEqual([])
  })

  test('what runs on products has no days of its own', () => {
    expect(scheduleDays(rule({ repeat: 'on_product', monthDay: null }), SEASON)).toEqual([])
  })

  test('whatever the rule, days ascend, lie within the span, and monthly ones are one a month', () => {
    const day = fc.integer({ min: dayNumber('1999-01-01'), max: dayNumber('2101-01-01') })
    fc.assert(
      fc.property(
        day,
        fc.nat(500),
        fc.integer({ min: 1, max: 31 }),
        fc.nat(90),
        (start, length, monthDay, late) => {
          const season = {
            startsOn: dayText(start),
            midOn: dayText(start + 1),
            endsOn: dayText(start + 2 + length),
          }
          const of = rule({ monthDay, lastOffsetDays: late })
          const days = scheduleDays(of, season)
          const { first, last } = scheduleSpan(of, season)
          expect(days).toEqual([...days].sort())
          expect(days.every((each) => first <= each && each <= last)).toBe(true)
          const months = days.map((each) => each.slice(0, 7))
          expect(new Set(months).size).toBe(months.length)
          // No month that lies within the span as a whole is left out.
          for (const each of days) {
            const number = Number(each.slice(8))
            expect(number === monthDay || dayText(dayNumber(each) + 1).endsWith('-01')).toBe(true)
          }
        },
      ),
    )
  })
})

describe('what is due', () => {
  test('all days since the last answer up to the time of day, then the next', () => {
    const of = rule({ atTime: '02:30:00' })
    expect(dueDays(of, SEASON, through(null), '2024-03-31 02:29:59')).toEqual({
      due: ['2024-01-31', '2024-02-29'],
      next: '2024-03-31',
    })
    expect(dueDays(of, SEASON, through('2024-02-29'), '2024-03-31 02:30:00')).toEqual({
      due: ['2024-03-31'],
      next: '2024-04-30',
    })
    expect(dueDays(of, SEASON, through('2024-06-30'), '2025-01-01 00:00:00')).toEqual({ due: [], next: null })
  })

  test('days are answered in any order: those that wait stay due, and none is answered twice', () => {
    const of = rule({})
    const now = '2024-12-31 00:00:00'
    fc.assert(
      fc.property(fc.array(fc.subarray(scheduleDays(of, SEASON)), { maxLength: 8 }), (runs) => {
        let answered: ReturnType<typeof answeredAfter> = through(null)
        const ran = new Set<string>()
        for (const wanted of runs) {
          const { due } = dueDays(of, SEASON, answered, now)
          const ready = wanted.filter((day) => due.includes(day))
          answered = answeredAfter(answered, due, ready)
          for (const day of ready) ran.add(day)
          const left = scheduleDays(of, SEASON).filter((day) => !ran.has(day))
          expect(dueDays(of, SEASON, answered, now).due).toEqual(left)
          // As the table asks for.
          for (const day of answered.answeredDays)
            expect(dayNumber(day)).toBeGreaterThan(dayNumber(answered.doneThrough ?? '1970-01-01'))
        }
      }),
    )
    expect(answeredAfter(through(null), ['2024-01-31', '2024-02-29'], ['2024-02-29'])).toEqual({
      ...{ doneThrough: null, answeredDays: ['2024-02-29'] },
    })
    expect(
      answeredAfter({ doneThrough: null, answeredDays: ['2024-02-29'] }, ['2024-01-31'], ['2024-01-31']),
    ).toEqual(through('2024-02-29'))
  })

  test('by hand it is for the days that are due, else for the latest, else for the first', () => {
    const by = (doneThrough: string | null, now: string) =>
      daysByHand(rule({}), SEASON, through(doneThrough), `${now} 12:00:00`)
    expect(by(null, '2024-03-10')).toEqual(['2024-01-31', '2024-02-29'])
    expect(by('2024-02-29', '2024-03-10')).toEqual(['2024-02-29'])
    expect(by(null, '2023-12-01')).toEqual(['2024-01-31'])
    expect(daysByHand(rule({ repeat: 'on_product' }), SEASON, through(null), '2024-03-10 12:00:00')).toEqual(
      [],
    )
  })

  test('a time that the change of clocks leaves out is due after it; one that comes twice runs once', () => {
    const of = rule({ repeat: 'cyclic', everyDays: 1, monthDay: null, atTime: '02:30:00' })
    const spring = { startsOn: '2024-03-31', midOn: '2024-04-01', endsOn: '2024-04-02' }
    // In Paris 02:00 is followed by 03:00.
    expect(dueDays(of, spring, through(null), '2024-03-31 01:59:59').due).toEqual([])
    expect(dueDays(of, spring, through(null), '2024-03-31 03:00:00').due).toEqual(['2024-03-31'])
    const autumn = { startsOn: '2024-10-27', midOn: '2024-10-28', endsOn: '2024-10-29' }
    expect(dueDays(of, autumn, through(null), '2024-10-27 02:30:00').due).toEqual(['2024-10-27'])
    expect(dueDays(of, autumn, through('2024-10-27'), '2024-10-27 02:30:00').due).toEqual([])
  })
})
