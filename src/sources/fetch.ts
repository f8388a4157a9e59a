import { resolveSetting, type SettingLayers } from '../config/resolve-settings.js'
import { readSettingLayers } from '../catalog/settings.js'
import { provenRoots } from '../catalog/storage-roots.js'
import {
  claimFetch,
  failFetch,
  releaseFetches,
  type FetchClaim,
  type FetchFailure,
} from '../db/sources/fetches.js'
import { holdSource, listSources } from '../db/sources/sources.js'
import { withSessionLock } from '../db/with-session-lock.js'
import { asProcessingError, ERROR_CODES, ProcessingError, type ErrorCode } from '../domain/errors.js'
import { fetchProduct } from './fetch-product.js'
import { ServiceError } from './http/back-off.js'
import type { HttpClient } from './http/client.js'
import { clientOf, openSource, type SourcesContext } from './open-source.js'
import type { Source } from './source.js'
import { sweepFetches } from './staging.js'

export type FetchEvent =
  | {
      readonly kind: 'fetched'
      readonly product: string
      readonly source: string
      readonly identities: readonly string[]
    }
  | {
      readonly kind: 'failed'
      readonly product: string
      readonly source: string
      readonly code: ErrorCode
      readonly message: string
      readonly givenUp: boolean
    }

export interface FetchReport {
  fetched: number
  failed: number
  bytes: number
  /** What could not go on at all, such as a full disk. */
  stopped: ProcessingError | null
}

export interface FetchOptions {
  readonly signal: AbortSignal
  readonly onEvent?: (event: FetchEvent) => void
  readonly onBytes?: (bytes: number) => void
}

/**
 * Fetches what is due, several acquisitions at once, until nothing is. Undefined, and nothing done, while another process fetches: a
 * fetch that died is known by that nobody else can be at it. Ends early, without an error, when the signal is aborted.
 */
export async function fetchDue(
  context: SourcesContext,
  options: FetchOptions,
): Promise<FetchReport | undefined> {
  return withSessionLock(context.db, 'tilth sources fetch', async () => {
    const { l1: root } = await provenRoots(context.db, context.config, ['l1'])
    await context.db.transaction().execute((tx) => releaseFetches(tx))
    await sweepFetches(context.db, root)
    const report = await new FetchRun(context, root, options).run()
    // What was given up in this run would else lie there until something else is due.
    await sweepFetches(context.db, root)
    return report
  })
}

class FetchRun {
  private readonly report: FetchReport = { fetched: 0, failed: 0, bytes: 0, stopped: null }
  /** Downloads under way, by source. */
  private readonly active = new Map<number, number>()
  private readonly running = new Set<Promise<void>>()
  /** Fetches that have ended in this run. */
  private ended = 0
  /** For want of room: not tried again in this run. */
  private readonly held: number[] = []
  private sources = new Map<number, { source: Source; client: HttpClient }>()

  constructor(
    private readonly context: SourcesContext,
    private readonly root: string,
    private readonly options: FetchOptions,
  ) {}

  async run(): Promise<FetchReport> {
    const { db } = this.context
    try {
      for (;;) {
        const layersOf = await readSettingLayers(db)
        const parallel = resolveSetting('sources.parallel', layersOf(null)).value
        const stops = this.options.signal.aborted || this.report.stopped !== null
        const endedBefore = this.ended
        const claim = stops || this.running.size >= parallel ? null : await this.claim(layersOf)
        if (claim !== null) this.start(claim, layersOf)
        else if (this.running.size > 0) await Promise.race(this.running)
        // One that ended while the next was looked for may have left something to do: another source's offer of it.
        else if (this.ended === endedBefore) return this.report
      }
    } finally {
      await Promise.all(this.running)
    }
  }

  private async claim(layersOf: (siteId: number | null) => SettingLayers): Promise<FetchClaim | null> {
    const { db } = this.context
    await this.openSources(layersOf(null))
    const free = [...this.sources].flatMap(([id, { source }]) => {
      const { config } = source.parsed
      const { enabled, isDue } = source.row
      return enabled && isDue && 'parallel' in config && (this.active.get(id) ?? 0) < config.parallel
        ? [id]
        : []
    })
    if (free.length === 0) return null
    // The one with fewer downloads under way first, so that a backlog of one keeps no other waiting.
    const load = (name: 's2' | 'landsat') =>
      [...this.sources].reduce(
        (sum, [id, { source }]) => sum + (source.satellite === name ? (this.active.get(id) ?? 0) : 0),
        0,
      )
    const satellites = (['landsat', 's2'] as const).toSorted((a, b) => load(a) - load(b))
    const options = { sources: free, satellites, held: this.held }
    return db.transaction().execute((tx) => claimFetch(tx, options))
  }

  /** Rows as they are now; a client, with its token and its rate, lives as long as its source is not changed. */
  private async openSources(layers: SettingLayers): Promise<void> {
    const rows = await listSources(this.context.db, null)
    const before = this.sources
    this.sources = new Map()
    for (const row of rows) {
      try {
        const source = openSource(row)
        const known = before.get(row.id)
        const isSame = known !== undefined && fingerprint(known.source) === fingerprint(source)
        if (isSame) this.sources.set(row.id, { source, client: known.client })
        else if (source.parsed.kind !== 'folder')
          this.sources.set(row.id, {
            source,
            client: clientOf(source, source.parsed.config, this.context, layers),
          })
      } catch {
        // The configuration is of another version of the program: the look at it says so.
        continue
      }
    }
  }

  private start(claim: FetchClaim, layersOf: (siteId: number | null) => SettingLayers): void {
    const id = claim.sourceId
    this.active.set(id, (this.active.get(id) ?? 0) + 1)
    const work = this.fetch(claim, layersOf)
      .catch((error: unknown) => {
        // The database is away, or a bug: the next run gives the fetch back.
        this.report.stopped ??= asProcessingError(error)
      })
      .finally(() => {
        this.active.set(id, (this.active.get(id) ?? 1) - 1)
        this.running.delete(work)
        this.ended++
      })
    this.running.add(work)
  }

  private async fetch(claim: FetchClaim, layersOf: (siteId: number | null) => SettingLayers): Promise<void> {
    const opened = this.sources.get(claim.sourceId)
    const { signal, onEvent, onBytes } = this.options
    const { product } = claim
    const name = opened?.source.name ?? '?'
    try {
      if (opened === undefined) throw new ProcessingError('NOT_FOUND', 'The source was removed.')
      const outcomes = await fetchProduct({
        ...{ context: this.context, claim, root: this.root, layersOf, signal },
        ...opened,
        onBytes: (bytes) => {
          this.report.bytes += bytes
          onBytes?.(bytes)
        },
      })
      this.report.fetched++
      const identities = outcomes.flatMap((one) => (one.kind === 'present' ? [one.identity] : []))
      onEvent?.({ kind: 'fetched', product, source: name, identities })
    } catch (cause) {
      await this.fail(claim, name, cause, layersOf(null))
    }
  }

  private async fail(
    claim: FetchClaim,
    source: string,
    cause: unknown,
    layers: SettingLayers,
  ): Promise<void> {
    const { db } = this.context
    const { signal, onEvent } = this.options
    if (signal.aborted) {
      const brokenOff = { code: null, message: null, counts: false, giveUp: false, waitSeconds: 0 }
      await db.transaction().execute((tx) => failFetch(tx, claim, brokenOff))
      return
    }
    const error = asProcessingError(cause)
    const failure = failureOf(error, claim.failures, layers)
    await db.transaction().execute(async (tx) => {
      const isMine = await failFetch(tx, claim, failure)
      if (isMine && OF_THE_SOURCE.has(error.code))
        await holdSource(tx, claim.sourceId, holdSeconds(error, failure))
    })
    if (OF_THE_MACHINE.has(error.code)) this.report.stopped ??= error
    if (error.code === 'QUOTA_EXCEEDED') this.held.push(claim.acquisitionId)
    this.report.failed++
    const { code, message } = error
    onEvent?.({ kind: 'failed', product: claim.product, source, code, message, givenUp: failure.giveUp })
  }
}

const fingerprint = ({ row: { name, config, credentials } }: Source): string =>
  JSON.stringify([name, config, credentials])

/** Says something of the service, not of one acquisition: others would fail the same way now. */
const OF_THE_SOURCE: ReadonlySet<ErrorCode> = new Set([
  'SOURCE_BUSY',
  'SOURCE_CREDENTIALS',
  'SOURCE_REFUSED',
  'SOURCE_UNREACHABLE',
])
/** No source does better. */
const OF_THE_MACHINE: ReadonlySet<ErrorCode> = new Set([
  'DISK_FULL',
  'WRITE_FAILED',
  'ROOT_UNAVAILABLE',
  'DATABASE_UNAVAILABLE',
])
/** Waits for something that is no fault of the acquisition: never given up for it. */
const NOT_COUNTED: ReadonlySet<ErrorCode> = new Set([
  ...OF_THE_MACHINE,
  'QUOTA_EXCEEDED',
  'ASSET_OFFLINE',
  'SOURCE_BUSY',
  'SOURCE_CREDENTIALS',
])
const LONGEST_WAIT_S = 6 * 3600
/** A service may be down for days: it is tried so many times as often before it is given up. */
const PATIENCE = 3
/** A checksum that is wrong twice is so at the source. */
const WRONG_CHECKSUMS = 2

/** What a failed fetch means for its offer. `failures`: those before it. Pure. */
export function failureOf(error: ProcessingError, failures: number, layers: SettingLayers): FetchFailure {
  const { code, message } = error
  const counts = !NOT_COUNTED.has(code)
  const maxTries = resolveSetting('sources.max_tries', layers).value
  const tries =
    code === 'CHECKSUM_MISMATCH'
      ? Math.min(maxTries, WRONG_CHECKSUMS)
      : OF_THE_SOURCE.has(code)
        ? maxTries * PATIENCE
        : maxTries
  const giveUp = counts && (ERROR_CODES[code].failure === 'permanent' || failures + 1 >= tries)
  const doubled = resolveSetting('sources.retry_s', layers).value * 2 ** Math.min(failures, 20)
  const demanded = error instanceof ServiceError ? (error.retryAfterS ?? 0) : 0
  return { code, message, counts, giveUp, waitSeconds: Math.max(demanded, Math.min(LONGEST_WAIT_S, doubled)) }
}

/** A demand holds for all that the source offers; without one it is asked for something else soon. */
const holdSeconds = (error: ProcessingError, { waitSeconds }: FetchFailure): number =>
  error instanceof ServiceError && error.retryAfterS !== null
    ? error.retryAfterS
    : Math.min(waitSeconds / 2, 300)
