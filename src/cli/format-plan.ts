import type { PlanRow, SitePlan } from '../scheduler/plan/read-plan.js'
import { formatSeconds, formatTable } from './queue-options.js'

/** A plan as text: what would run, what is under way already, and the totals. */
export function formatPlan(
  plan: SitePlan,
  { site, processor, limit }: { readonly site: string; readonly processor: string; readonly limit: number },
): string {
  const [thing, things] = processor === 'l2a' ? ['ACQUISITION', 'acquisitions'] : ['PRODUCT', 'products']
  const header = [
    'ORDER',
    'SITE',
    'TILE',
    'START',
    'END',
    'THREADS',
    'CPU',
    '',
    'MEMORY',
    '',
    'DISK',
    '',
    thing,
  ]
  const more = plan.rows.length - limit
  return [
    formatTable(header, plan.rows.slice(0, limit).map(cellsOf)),
    more > 0 ? `and ${more} more\n` : '',
    underWay(plan, limit),
    `\n${plan.rows.length} steps to run among ${plan.queued} in the queue; ${plan.skipped.length} ${things} need none${others(plan, site)}\n`,
    `ends in ${time(plan.endS)}, ${time(plan.aloneS)} with nothing else in the queue, on ${plan.capacity.slots} slots within all caps; ` +
      `CPU ${time(plan.cpuS)}; at most ${plan.peakMemoryMb} of ${plan.capacity.memoryMb} MiB memory; disk ${size(plan.bytes)}\n`,
    assumed(plan.rows),
  ].join('')
}

const time = (seconds: number | null): string => (seconds === null ? '?' : formatSeconds(seconds))
const size = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`

function cellsOf(row: PlanRow): string[] {
  const { place, site, tile, startS, endS, threads, cpuS, cpuFrom, memoryMb, memoryFrom } = row
  const id = row.acquisitionId === null ? '' : `${row.acquisitionId} `
  return [
    ...[String(place), site ?? '-', tile, time(startS), time(endS), String(threads ?? '?')],
    // What was learned tells the numbers behind a colon; here its first word is enough.
    ...[time(cpuS), cpuFrom, `${memoryMb} MiB`, memoryFrom.split(':', 1).join()],
    ...[size(row.bytes), row.bytesFrom, `${id}${row.name}${row.reason === null ? '' : ` (${row.reason})`}`],
  ]
}

function underWay({ underWay: steps, skipped }: SitePlan, limit: number): string {
  if (steps.length === 0) return ''
  const rows = steps.slice(0, limit).map(({ step, site, tile, state, executor, node, startS, endS }) => [
    ...[String(step), site ?? '-', tile ?? '-', state],
    ...[startS === null ? '' : time(startS), endS === null ? '' : time(endS), node ?? executor],
    // It may make it with other parameters.
    skipped.find((one) => one.step === step)?.reason ?? '',
  ])
  const more = steps.length - limit
  return (
    '\nmade already by steps in the queue:\n' +
    formatTable(['STEP', 'SITE', 'TILE', 'STATE', 'START', 'END', 'ON', 'WHY'], rows) +
    (more > 0 ? `and ${more} more\n` : '')
  )
}

/** For which other sites what needs no step is or was made. */
function others({ skipped, underWay: steps }: SitePlan, site: string): string {
  const counts = new Map<string, number>()
  for (const { site: owner, step } of skipped) {
    const of = owner ?? steps.find((one) => one.step === step)?.site ?? null
    if (of !== null && of !== site) counts.set(of, (counts.get(of) ?? 0) + 1)
  }
  const said = [...counts].map(([slug, count]) => `${count} for site ${slug}`)
  return said.length === 0 ? '' : `, of them made elsewhere: ${said.join(', ')}`
}

function assumed(rows: readonly PlanRow[]): string {
  const unknown = rows.filter(({ cpuFrom }) => cpuFrom === 'assumed')
  if (unknown.length === 0) return ''
  return `${unknown.length} of the times are assumed, ${time(unknown[0]?.cpuS ?? null)} of CPU each: no step of this processor has succeeded yet\n`
}
