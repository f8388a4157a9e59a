export const STEP_STATES = [
  'blocked',
  'ready',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'quarantined',
] as const
export type StepState = (typeof STEP_STATES)[number]
export const ACQUISITION_STATES = ['found', 'fetching', 'present', 'ignored', 'broken', 'superseded'] as const
export type AcquisitionState = (typeof ACQUISITION_STATES)[number]
export const JOB_STATES = ['active', 'succeeded', 'failed', 'cancelled'] as const
export type JobState = (typeof JOB_STATES)[number]

/** Which change leads from where to where, and who makes it. `docs/states.md` is drawn from this table. */
export const STEP_TRANSITIONS: readonly {
  readonly from: StepState
  readonly to: StepState
  readonly by: string
}[] = [
  { from: 'blocked', to: 'ready', by: 'last predecessor succeeded, or ended where that suffices' },
  {
    from: 'blocked',
    to: 'cancelled',
    by: 'cancel, its acquisition was superseded, or a needed predecessor ended without success',
  },
  { from: 'ready', to: 'running', by: 'claim (attempt + 1, lease set)' },
  { from: 'ready', to: 'cancelled', by: 'cancel, or its acquisition was superseded' },
  { from: 'running', to: 'succeeded', by: 'publish of the same attempt' },
  {
    from: 'running',
    to: 'ready',
    by: 'retry after a failure; or given back: shutdown, scheduler or host lost, lease run out',
  },
  { from: 'running', to: 'failed', by: 'permanent failure' },
  { from: 'running', to: 'quarantined', by: 'retries used up' },
  { from: 'running', to: 'cancelled', by: 'cancel, or superseded when it starts or publishes' },
  { from: 'failed', to: 'ready', by: '`tilth retry`' },
  { from: 'quarantined', to: 'ready', by: '`tilth retry`' },
  { from: 'cancelled', to: 'ready', by: '`tilth retry`' },
  { from: 'cancelled', to: 'blocked', by: '`tilth retry`, while a predecessor has not succeeded' },
]

export const isTerminal = (state: StepState): boolean =>
  state !== 'blocked' && state !== 'ready' && state !== 'running'
