import type { Codec } from '../domain/codec.js'
import type { StepResources } from './protocol.js'
import type { ChainQuestion, PublishedProduct, StepChain } from './step-context.js'

/** A claimed step as its process reads it. */
export interface StoredStep {
  readonly processor: string
  readonly params: unknown
  /** Threads granted now. */
  readonly threads: number
  readonly blockShrink: number
  /** MiB, see `StepContext`. */
  readonly memoryMb: number | null
  /** Of the GeoTIFFs that it publishes. */
  readonly codec: Codec
  /** The lease is renewed at a third of this. */
  readonly leaseSeconds: number
  /** By a newer version of its acquisition. */
  readonly isSuperseded: boolean
}

/** As of `db/steps/complete-step.ts`. */
export type Completion =
  { readonly kind: 'published' | 'lost' } | { readonly kind: 'superseded'; readonly reason: string }

export interface AttemptKey {
  readonly id: number
  readonly attempt: number
}

/**
 * The rows of a step as its process may touch them. Each call names the claim (id and attempt); `undefined` or false says that
 * the claim was lost and nothing was written. Calls reject with DATABASE_UNAVAILABLE while Postgres is away: the runner tries again.
 * Implemented by `scheduler/step-store.ts`, so that this layer needs no database.
 */
export interface StepStore {
  read(key: AttemptKey): Promise<StoredStep | undefined>
  chain(key: AttemptKey, question: ChainQuestion): Promise<StepChain | undefined>
  /** Renews the lease and writes progress; says what was granted and asked for meanwhile. */
  renew(
    key: AttemptKey,
    state: { pid: number; progress: number; note: string; resources: StepResources },
  ): Promise<{ threads: number; cancelRequested: boolean } | undefined>
  /** Ends a superseded claim. Undefined where nothing supersedes it, or the claim was lost; else why. */
  supersede(key: AttemptKey, resources: StepResources): Promise<string | undefined>
  /**
   * Registers the products and ends the step, in one transaction; or refuses them for newer ones, and ends it so. The same answer again if this
   * very attempt was ended so before.
   */
  succeed(
    key: AttemptKey,
    products: readonly (Omit<PublishedProduct, 'folder'> & {
      readonly location: string
      readonly bytes: number
    })[],
    resources: StepResources,
  ): Promise<Completion>
  /** Notes where the products are about to be placed, before any folder is moved. */
  place(key: AttemptKey, locations: readonly string[]): Promise<boolean>
  fail(
    key: AttemptKey,
    failure: {
      code: string
      message: string
      lastLines: readonly string[]
      evidence: { argv: readonly string[]; pid: number; exitCode: null; signal: null }
    },
    resources: StepResources,
  ): Promise<boolean>
  cancel(key: AttemptKey, resources: StepResources): Promise<boolean>
  /** Gives the step back as ready; no failure is counted. */
  release(key: AttemptKey, reason: string, resources: StepResources): Promise<boolean>
}
