/** A step that was claimed for an executor. Together, id and attempt name the claim. */
export interface ClaimedStep {
  readonly id: number
  readonly attempt: number
  readonly processor: string
  /** Granted at the start, >= 1. */
  readonly threads: number
}

/** What an attempt must not exceed; Infinity: not watched. */
export interface StepLimits {
  /** Wall time, seconds. */
  readonly timeS: number
  /** Resident memory of all its processes, MiB. */
  readonly memoryMb: number
  /** Its files below staging and scratch, MiB. */
  readonly diskMb: number
  /** Its log is cut there, with a notice, MiB. */
  readonly logMb: number
  /** Text that it writes to its log, kept or not, MiB. */
  readonly logFloodMb: number
  /** How long it may take to end once it is told to, seconds. */
  readonly graceS: number
}

/**
 * How an attempt ended, seen from outside. `reported`: the step process wrote its end to the database. `died`: it did not,
 * so the scheduler must; `code` says why. `interrupted`: this executor ended it itself while closing.
 */
export type AttemptEnd =
  | {
      readonly kind: 'reported'
      readonly outcome: 'succeeded' | 'failed' | 'cancelled' | 'interrupted' | 'lost'
    }
  | {
      readonly kind: 'died'
      readonly code: 'STEP_KILLED' | 'OUT_OF_MEMORY' | 'STEP_SILENT' | LimitCode
      readonly message: string
      /** Last lines of its log. */
      readonly lastLines: readonly string[]
      readonly resources: Readonly<Record<string, unknown>>
      readonly evidence: {
        readonly argv: readonly string[]
        readonly pid: number | null
        readonly exitCode: number | null
        readonly signal: string | null
      }
    }
  | { readonly kind: 'interrupted' }

/** Limits whose breach ends an attempt; all of class `resource`. */
export type LimitCode = 'TIME_LIMIT' | 'DISK_LIMIT' | 'LOG_LIMIT' | 'MEMORY_LIMIT'

/** Runs claimed steps somewhere. The scheduler decides what, when and with how many threads; the executor how. */
export interface Executor {
  readonly name: string
  /** Set where steps run on the nodes of a cluster, which admits and places them itself. Absent: they run on this host. */
  readonly cluster?: ClusterSide
  /** Called once, before the first start. */
  onEnd(callback: (step: ClaimedStep, end: AttemptEnd) => void): void
  start(step: ClaimedStep, limits: StepLimits): void
  /** New limits of a running attempt; ignored when it is over. */
  setLimits(id: number, attempt: number, limits: StepLimits): void
  /** New thread budget of a running attempt; ignored when it is over. */
  setThreads(id: number, attempt: number, threads: number): void
  /** Asks a running attempt to end as cancelled, and kills it after `graceS` seconds. */
  cancel(id: number, attempt: number, graceS: number): void
  /** Ends the process of an attempt at once, as one that gives no sign of life: reported as `died` with STEP_SILENT. */
  killSilent(id: number, attempt: number): void
  /**
   * Clears away what schedulers that are dead have left behind, and takes over what goes on without them; returns in words what it did.
   * Local: kills step processes on this host whose scheduler is dead and that have not ended by themselves.
   */
  endOrphans(): Promise<readonly string[]>
  /** Attempts between `start` and their end. */
  running(): readonly ClaimedStep[]
  /**
   * Local: interrupts what still runs, ends all step processes and resolves when none is left. On a cluster steps go on: the next
   * scheduler finds them.
   */
  close(): Promise<void>
}

/** What a scheduler must know of a cluster before it hands over steps. */
export interface ClusterSide {
  /** Memory that can be asked for so that its largest node has it, MiB; 0: it does not say. */
  readonly largestNodeMb: number
  /** How many more steps may be claimed for it now, when so many may wait there. */
  room(pendingSteps: number): number
  /** Why it can be given nothing now, in words; null: it can. */
  fault(): string | null
}
