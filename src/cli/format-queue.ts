import { secondText } from '../domain/calendar-day.js'
import { describeOrigin, type SettingOrigin } from '../config/resolve-settings.js'
import { definitionOf, formatSetting, isSettingKey, type SettingValue } from '../config/settings.js'
import type { JobWithDeadline } from '../scheduler/deadlines.js'
import type { QueueStatus, StepDetail, StepRow } from '../scheduler/queue-view.js'
import { formatFailures } from './format-failures.js'
import { formatSeconds, formatTable } from './queue-options.js'

const when = (date: Date | null): string => (date === null ? '-' : secondText(date))
const percent = (fraction: number): string => `${Math.floor(fraction * 100)} %`
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
const counts = (steps: Readonly<Record<string, number>>): string =>
  Object.entries(steps)
    .map(([state, n]) => `${n} ${state}`)
    .join(', ') || 'none'

export function formatJobs(jobs: readonly JobWithDeadline[]): string {
  return formatTable(
    [
      'JOB',
      'PROCESSOR',
      'SITE',
      'STATE',
      'STEPS',
      'WALL',
      'CPU',
      'CPU/WALL',
      'CREATED (UTC)',
      'DEADLINE (UTC)',
    ],
    jobs.map((job) => [
      String(job.id),
      job.processor,
      job.site ?? '-',
      `${job.state}${job.paused ? ', paused' : ''}${job.season_paused && job.state === 'active' ? ', its season paused' : ''}`,
      counts(job.steps),
      job.wall_s === null ? '-' : formatSeconds(job.wall_s),
      formatSeconds(job.cpu_s),
      job.wall_s === null || job.wall_s <= 0 ? '-' : (job.cpu_s / job.wall_s).toFixed(2),
      when(job.created_at),
      job.deadline === null ? '-' : `${when(job.deadline.at)}, ${job.deadline.standing}`,
    ]),
  )
}

export function formatSteps(steps: readonly StepRow[]): string {
  return formatTable(
    ['STEP', 'JOB', 'PROCESSOR', 'TILE', 'STATE', 'ATTEMPT', 'DONE', 'THREADS', 'WALL', 'CPU', 'NOTE'],
    steps.map((step) => [
      String(step.id),
      String(step.job_id),
      step.processor,
      step.tile ?? '-',
      step.cancel_requested && step.state === 'running'
        ? 'running, cancel asked'
        : `${step.state}${step.paused ? ', paused' : ''}`,
      String(step.attempt),
      percent(step.progress),
      step.threads === null ? '-' : String(step.threads),
      step.resources.wall_s === undefined ? '-' : formatSeconds(step.resources.wall_s),
      step.resources.cpu_s === undefined ? '-' : formatSeconds(step.resources.cpu_s),
      step.error_code === null
        ? (step.progress_note ?? '')
        : `${step.error_code}: ${step.error_message ?? ''}`,
    ]),
  )
}

/** What a step was admitted with beside what it declares: where the two differ, such steps were measured. */
const admitted = (granted: number | undefined, declared: number, unit: string): string =>
  granted === undefined
    ? `${declared}${unit} declared`
    : granted === declared
      ? `${granted}${unit} admitted (declared)`
      : `${granted}${unit} admitted (learned; ${declared}${unit} declared)`

export function formatStep({ step, waits, events, failures, products }: StepDetail): string {
  const { resources, granted } = step
  const fields: [string, string][] = [
    ['step', String(step.id)],
    ['job', String(step.job_id)],
    ['processor', step.processor],
    ['site', step.site ?? '-'],
    ['tile', step.tile ?? '-'],
    ['acquisition', step.product_uri ?? String(step.acquisition_id ?? '-')],
    ['state', step.state],
    ...waits.map((why): [string, string] => ['waits', why]),
    ['attempt', `${step.attempt} (${step.failures} failed)`],
    ['ready at', when(step.ready_at)],
    ['started', when(step.started_at)],
    ['ended', when(step.ended_at)],
    ['runs on', step.node === null ? '-' : `${step.node}${step.pid === null ? '' : `, pid ${step.pid}`}`],
    [
      'threads',
      `${step.threads ?? '-'}, ${granted.cpu === undefined ? `${step.cpu} declared` : `such steps make use of ${granted.cpu}, ${step.cpu} declared`}`,
    ],
    [
      'memory',
      [
        granted.memory_mb === undefined
          ? `${step.memory_mb} MiB declared`
          : `${granted.memory_mb} MiB admitted (${granted.memory_from ?? 'declared'})`,
        ...(resources.max_rss_kb === undefined
          ? []
          : [`${Math.round(resources.max_rss_kb / 1024)} MiB at peak`]),
        ...(step.block_shrink === 0 ? [] : [`blocks halved ${step.block_shrink} x`]),
      ].join(', '),
    ],
    [
      'disk',
      `${admitted(granted.disk_mb, step.scratch_mb, ' MiB')}${resources.disk_mb === undefined ? '' : `, ${resources.disk_mb} MiB at peak`}`,
    ],
    ['I/O weight', admitted(granted.io_weight, step.io_weight, '')],
    [
      'storage',
      resources.read_bytes === undefined
        ? '-'
        : `${megabytes(resources.read_bytes)} MB read, ${megabytes(resources.written_bytes ?? 0)} MB written, ${resources.io_wait_s == null ? 'wait not accounted by this kernel' : `${resources.io_wait_s} s waited`}`,
    ],
    [
      'time',
      resources.wall_s === undefined ? '-' : `${resources.wall_s} s wall, ${resources.cpu_s ?? '?'} s CPU`,
    ],
    ['progress', `${percent(step.progress)} ${step.progress_note ?? ''}`],
    [
      'error',
      step.error_code === null
        ? '-'
        : `${step.error_code} (${step.error_class ?? '?'}): ${step.error_message ?? ''}`,
    ],
    ['params', JSON.stringify(step.params)],
  ]
  const settings = Object.entries(
    step.settings as Record<string, { value: SettingValue | null; origin: SettingOrigin }>,
  )
  return [
    ...fields.map(([name, value]) => `${name.padEnd(12)} ${value}`),
    '',
    'settings at the claim',
    ...formatTable(
      ['  SETTING', 'VALUE', 'UNIT', 'ORIGIN'],
      settings.map(([key, { value, origin }]) => [
        `  ${key}`,
        value === null ? '-' : formatSetting(value),
        isSettingKey(key) ? definitionOf(key).unit : '-',
        describeOrigin(origin),
      ]),
    )
      .trimEnd()
      .split('\n'),
    '',
    'products',
    ...products.map(({ name, location }) => `  ${name}  ${location}`),
    '',
    ...(failures.length === 0 ? [] : ['failed attempts', ...formatFailures(failures), '']),
    'history',
    ...events.map(
      ({ at, attempt, kind, detail }) =>
        `  ${when(at)}  attempt ${attempt}  ${kind}  ${kind === 'failed' ? '(see above)' : JSON.stringify(detail)}`,
    ),
    '',
  ].join('\n')
}

export function formatStatus(status: QueueStatus): string {
  const { capacity } = status
  const eta =
    status.etaS === null
      ? 'unknown until a step has succeeded'
      : status.etaS === 0
        ? 'nothing to do'
        : formatSeconds(status.etaS)
  return [
    `steps    ${counts(status.counts)}`,
    `threads  ${status.threadsGranted} of ${capacity.slots} granted`,
    `memory   ${status.memoryAdmittedMb} of ${capacity.memoryMb} MiB admitted, ${status.memoryUsedMb} MiB used at peak`,
    `left     ${eta}${status.nextRetryS === null ? '' : `; next retry in ${formatSeconds(status.nextRetryS)}`}`,
    '',
    formatSteps(status.running),
  ].join('\n')
}
