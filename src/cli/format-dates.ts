import { basename } from 'node:path'
import type { CorrectedDates, DateOutcome } from '../runner/l2a/correct-dates.js'
import { formatSeconds, formatTable } from './queue-options.js'

/** A line a date, and how many became what. */
export function formatDates(result: CorrectedDates): string {
  const { dates, folder, made, existing, skipped, failed } = result
  const table = formatTable(
    ['DATE', 'TILE', 'OUTCOME', 'BEGAN', 'CLOUD', 'TIME', 'PRODUCT', 'WHY'],
    dates.map((date) => [
      date.day ?? '-',
      date.tile ?? '-',
      date.outcome,
      ...(date.outcome === 'made'
        ? [
            date.mode ?? '-',
            date.cloud_share === null ? '-' : `${(date.cloud_share * 100).toFixed(1)} %`,
            formatSeconds(date.wall_s),
          ]
        : ['-', '-', '-']),
      nameOf(date),
      'code' in date ? date.code : '',
    ]),
  )
  return `${table}${made} made, ${existing} there before, ${skipped} skipped, ${failed} failed, in ${folder}\n`
}

/** Of the L2A product where there is one, else of what it should be made of. */
function nameOf(date: DateOutcome): string {
  if (date.outcome === 'made') return date.name
  return basename(date.outcome === 'exists' ? date.folder : date.product)
}
