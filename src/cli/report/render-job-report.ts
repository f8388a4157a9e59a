import { secondText } from '../../domain/calendar-day.js'
import { renderGantt, type GanttBar, type GanttRow } from '../../products/gantt.js'
import { renderSummary } from '../../products/html-summary.js'
import type { JobReport } from '../../scheduler/job-report/read-job-report.js'
import type { Interval, StepTimeline } from '../../scheduler/job-report/timeline.js'
import { formatSeconds } from '../queue-options.js'

/** More steps than this share rows: a chart of ten thousand rows shows nothing. */
const MAX_ROWS = 300
/** Rows of the tables of waits and attempts, the longest first. */
const MAX_LISTED = 100

/** One page: facts, the chart, the longest waits with whom they waited for, the attempts. Pure. */
export function renderJobReport({ job, times, timeline }: JobReport): string {
  const isLarge = timeline.length > MAX_ROWS
  const started = (t: StepTimeline) => t.intervals.find(({ kind }) => kind === 'running')?.fromS ?? Infinity
  const ordered = [...timeline].sort((a, b) => started(a) - started(b) || a.step.id - b.step.id)
  const gains =
    times.speedUp === null
      ? []
      : ([
          ['Speed-up (CPU / wall)', times.speedUp.toFixed(2)],
          [
            `Efficiency on ${times.slots} slots`,
            times.efficiency === null ? '?' : `${Math.round(times.efficiency * 100)} %`,
          ],
        ] as const)
  return renderSummary({
    title: `Job ${job.id}`,
    lead:
      `${job.processor}${job.site === null ? '' : ` of site ${job.site}`}, made by ${job.created_by} on ` +
      `${secondText(job.created_at)} UTC: ${job.state}.`,
    facts: [
      [
        'Steps',
        Object.entries(job.steps)
          .map(([state, count]) => `${count} ${state}`)
          .join(', '),
      ],
      ['Since it was made', formatSeconds(times.elapsedS)],
      ['Wall time', times.wallS === null ? 'not started' : seconds(times.wallS)],
      ['CPU time', seconds(times.cpuS)],
      ...(times.lostCpuS > 0 ? [['CPU time lost in failed attempts', seconds(times.lostCpuS)] as const] : []),
      ...gains,
    ],
    figures: [
      {
        title: 'Who ran when',
        note: isLarge
          ? `${timeline.length} steps: attempts share rows, waiting is left out.`
          : 'One row a step, in the order of their first start. Thin: waiting; thick: an attempt. Point at a bar for its story.',
        svg: renderGantt(isLarge ? lanes(ordered) : ordered.map(rowOf), Math.max(times.elapsedS, 0.001)),
      },
    ],
    tables: [
      {
        title: 'Longest waits',
        note: 'Blocked: for predecessors to succeed; queued: for a place on the node; backoff: for the time of the next attempt.',
        columns: [
          { label: 'Step' },
          { label: 'Tile' },
          { label: 'Wait' },
          { label: 'Length', unit: 's', digits: 1 },
          { label: 'Waited for' },
        ],
        rows: timeline
          .flatMap((t) => t.intervals.filter(({ kind }) => kind !== 'running').map((i) => ({ t, i })))
          .sort((a, b) => length(b.i) - length(a.i) || a.t.step.id - b.t.step.id)
          .slice(0, MAX_LISTED)
          .map(({ t, i }) => [
            String(t.step.id),
            t.step.tile ?? '-',
            i.kind,
            length(i),
            i.waitedFor === null ? null : `step ${i.waitedFor}`,
          ]),
      },
      {
        title: 'Attempts',
        note: 'The longest first. CPU time and memory are those of the attempt that counted.',
        columns: [
          { label: 'Step' },
          { label: 'Tile' },
          { label: 'Attempt', digits: 0 },
          { label: 'Node' },
          { label: 'Threads at its start', digits: 0 },
          { label: 'Wall', unit: 's', digits: 1 },
          { label: 'CPU', unit: 's', digits: 1 },
          { label: 'Peak memory', unit: 'MiB', digits: 0 },
          { label: 'End' },
        ],
        rows: timeline
          .flatMap((t) => t.intervals.filter(({ kind }) => kind === 'running').map((i) => ({ t, i })))
          .sort((a, b) => length(b.i) - length(a.i) || a.t.step.id - b.t.step.id)
          .slice(0, MAX_LISTED)
          .map(({ t: { step }, i }) => {
            const used = i.attempt === step.attempt ? step.resources : {}
            return [
              String(step.id),
              step.tile ?? '-',
              i.attempt,
              i.node,
              i.threads,
              length(i),
              used.cpu_s ?? null,
              used.max_rss_kb === undefined ? null : used.max_rss_kb / 1024,
              i.code === null ? i.outcome : `${i.outcome ?? ''}: ${i.code}`,
            ]
          }),
      },
    ],
    footer:
      'Wall time runs from the first start to the last end. CPU time is user and system time of the attempts that counted. ' +
      'Speed-up is the one over the other; efficiency is speed-up over the slots of the nodes that took part.',
  })
}

const length = ({ fromS, toS }: Interval): number => toS - fromS
const seconds = (s: number): string => (s < 100 ? `${s.toFixed(1)} s` : formatSeconds(s))

function barOf({ step }: StepTimeline, i: Interval): GanttBar {
  const span = `${seconds(length(i))}, from ${seconds(i.fromS)} on`
  const name = `step ${step.id}${step.tile === null ? '' : ` (${step.tile})`}`
  if (i.kind === 'running') {
    const kind = i.outcome ?? 'runs'
    const code = i.code === null ? '' : ` ${i.code}`
    const title = `${name}: attempt ${i.attempt} on ${i.node ?? '?'}, ${kind}${code}: ${span}`
    return { kind, fromS: i.fromS, toS: i.toS, title }
  }
  const whom = i.waitedFor === null ? '' : ` for step ${i.waitedFor}`
  return { kind: i.kind, fromS: i.fromS, toS: i.toS, title: `${name}: ${i.kind}${whom}: ${span}` }
}

const rowOf = (timeline: StepTimeline): GanttRow => ({
  label: `${timeline.step.id} ${timeline.step.processor} ${timeline.step.tile ?? ''}`.trim(),
  bars: timeline.intervals.map((interval) => barOf(timeline, interval)),
})

/** Attempts of all steps in as few rows as they need side by side, node by node. */
function lanes(timelines: readonly StepTimeline[]): GanttRow[] {
  const bars = timelines
    .flatMap((t) =>
      t.intervals
        .filter(({ kind }) => kind === 'running')
        .map((i) => ({ node: i.node ?? '?', bar: barOf(t, i) })),
    )
    .sort((a, b) => a.bar.fromS - b.bar.fromS)
  const rows: { node: string; endS: number; bars: GanttBar[] }[] = []
  for (const { node, bar } of bars) {
    const free = rows.find((row) => row.node === node && row.endS <= bar.fromS + 1e-6)
    const row = free ?? { node, endS: 0, bars: [] }
    if (free === undefined) rows.push(row)
    row.bars.push(bar)
    row.endS = bar.toS
  }
  return rows
    .sort((a, b) => a.node.localeCompare(b.node))
    .map((row, i) => ({ label: `${row.node}, place ${i + 1}`, bars: row.bars }))
}
