import type { Codec } from '../domain/codec.js'

/** The threads granted to a step now (>= 1). The scheduler changes it while the step runs; it gates blocks in flight and pool tasks. */
export interface ThreadBudget {
  readonly value: number
  /** Calls back after each change with the new value; returns a function that stops it. */
  onChange(callback: (threads: number) => void): () => void
}

/** Lines of the attempt's log. On stderr of the step process, which its executor keeps in `logs/step-<id>-<attempt>.log`. */
export interface StepLog {
  info(message: string): void
  warn(message: string): void
}

/** What an L2A step asks of its chain, see `processors/l2a/chain-mode.ts`. */
export interface ChainQuestion {
  readonly maxAgeDays: number
  readonly otherOrbits: boolean
  readonly backwardDates: number
}

/** What there is of the chain of a step's acquisition now. */
export interface StepChain {
  /** The product in force whose state it takes. */
  readonly previous: {
    readonly productId: number
    readonly name: string
    /** `archive:...` */
    readonly location: string
    readonly digest: string
    readonly isOtherOrbit: boolean
    /** `archive:...` of those from which its state can be built again, oldest first, its own last. */
    readonly history: readonly string[]
  } | null
  /** Acquisitions that follow, nearest first, `l1:...`; null: its files were removed. */
  readonly following: readonly { readonly acquisitionId: number; readonly location: string | null }[]
}

/** How an L2A product began in its chain, and what it left: goes into the catalog with its row. */
export interface PublishedChain {
  readonly mode: 'init' | 'nominal' | 'backward'
  readonly digest: string
  readonly previous: { readonly productId: number; readonly digest: string } | null
  readonly maxAgeDays: number
  readonly otherOrbits: boolean
  readonly backwardDates: number
  readonly following: readonly number[]
}

/** All that a processor's step function may know of the world: no database, no scheduler. */
export interface StepContext {
  readonly stepId: number
  readonly attempt: number
  readonly processor: string
  /** `step.params` as stored; the step function parses it (see `domain/step-params.ts`). */
  readonly params: unknown
  /** Empty folder below the archive's `.staging/`, removed after a failure. What is published must lie in here, on the archive's file system. Make no parents in it: where it is gone, its root is. */
  readonly stagingDir: string
  /** Empty folder below the scratch root, removed when the attempt ends, however it ends. */
  readonly scratchDir: string
  /** Absolute path of a `root:relative/path`. Throws NOT_FOUND for an unknown root, INTERNAL for a path that leaves its root. */
  resolvePath(rootPath: string): string
  /** `external.json` of this machine, absolute. */
  readonly toolsFile: string
  /** Asks the catalog for the chain of the step's acquisition. Rejects with the signal's reason where the claim was lost. */
  chain(question: ChainQuestion): Promise<StepChain>
  readonly threads: ThreadBudget
  /** How often blocks shall be halved, and the work in flight with them: memory ran out before. Changes no pixel. */
  readonly blockShrink: number
  /** MiB that an operator has set for such steps (`processor.<name>.memory_mb`), or more after it was too little; null: none has, and what it was admitted with is an estimate that it need not keep to. */
  readonly memoryMb: number | null
  /** Of the GeoTIFFs that it publishes; as frozen into its job. */
  readonly codec: Codec
  /** Aborted by cancel, shutdown or a lost lease: stop reading, drop what is staged, and throw `signal.reason`. */
  readonly signal: AbortSignal
  /** Done so far, 0..1 (clamped; never goes back), and in a few words what is being done. Cheap: written at most once a second. */
  progress(fraction: number, note: string): void
  readonly log: StepLog
}

/** A product that lies complete in a staged folder, with all that its row needs. */
export interface PublishedProduct {
  /** `<platform>_<level>_<tile>_<yyyymmddThhmmss>_<orbit>` (contracts, Products on disk); unique over all products. */
  readonly name: string
  /** Such as `L2A`: first folder below the archive. */
  readonly level: string
  readonly processor: string
  readonly processorVersion: number
  readonly satellite: 's2' | 'landsat'
  readonly platform: string
  readonly tile: string
  /** ISO 8601 UTC. */
  readonly sensedAt: string
  readonly relativeOrbit: number | null
  readonly acquisitionId: number | null
  /** Absolute path of a folder below `stagingDir`; publishing renames it. */
  readonly folder: string
  /** [west, south, east, north] in degrees, lon/lat WGS 84; east > 180 over the antimeridian; null where unknown. */
  readonly bbox: readonly [number, number, number, number] | null
  /** Of a product of many dates: first and last moment that it stands for, ISO 8601 UTC. */
  readonly window?: { readonly from: string; readonly to: string }
  /** Inputs, parameters, versions, checksums. JSON. `parameters` is compared when a job skips what exists already. */
  readonly provenance: { readonly parameters: unknown } & Readonly<Record<string, unknown>>
  /** Of an L2A product of ours. */
  readonly chain?: PublishedChain
}

export interface StepResult {
  readonly products: readonly PublishedProduct[]
}

export type StepRun = (context: StepContext) => Promise<StepResult>
