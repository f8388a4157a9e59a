import { dayNumber, dayText } from './calendar-day.js'

/** Days after which a satellite sees a place again along the same track. Sources: ESA Sentinel-2 User Handbook, 10 days; USGS Landsat 8 Data Users Handbook, 16 days. */
export const REPEAT_DAYS = { s2: 10, landsat: 16 } as const

/**
 * Days on which one platform came by on one track and nothing is known of it: by the repeat cycle, between the first and the last day on which it was
 * seen there, YYYY-MM-DD. Sightings that do not fit one cycle (a track near midnight, a manoeuvre) shift it from there on.
 */
export function unseenDays(seen: readonly string[], repeatDays: number): string[] {
  const days = [...new Set(seen)].map(dayNumber).sort((a, b) => a - b)
  return days.flatMap((day, i) => {
    const next = days[i + 1]
    if (next === undefined) return []
    // A day more or less is the same pass on the other side of midnight.
    const passes = Math.floor((next - day + 1) / repeatDays)
    return Array.from({ length: Math.max(0, passes - 1) }, (_, k) => dayText(day + (k + 1) * repeatDays))
  })
}
