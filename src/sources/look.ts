import { readSettingLayers } from '../catalog/settings.js'
import { listSources, recordLook, type SourceRow } from '../db/sources/sources.js'
import { withSessionLock } from '../db/with-session-lock.js'
import { asProcessingError, type ErrorCode, type ProcessingError } from '../domain/errors.js'
import { scanFolder } from './folder/scan.js'
import { ServiceError } from './http/back-off.js'
import { lookAtService, noCounts, type LookCounts, type LookOptions } from './look-service.js'
import { openSource, type SourcesContext } from './open-source.js'

export interface SourceLook {
  readonly source: string
  readonly counts: LookCounts
  /** Null: the look went well. */
  readonly error: { readonly code: ErrorCode; readonly message: string } | null
  /** Acquisitions that are present because of this look. */
  readonly identities: readonly string[]
  /** Seconds after which a folder may have more; null: when it changes. */
  readonly againInS: number | null
}

export interface LookAtOptions {
  readonly signal: AbortSignal
  /** Names; undefined: all that are enabled. */
  readonly only?: readonly string[]
  /** Also sources that are held back, and searches of past seasons that were done before. */
  readonly everything: boolean
  readonly onLook?: (look: SourceLook) => void
}

/** First wait after a look that failed, seconds; doubled up to six hours. */
const FIRST_WAIT_S = 60
const LONGEST_WAIT_S = 6 * 3600

/**
 * Asks sources what they have, all at once, and records it; watched folders are ingested. One that fails is said, and keeps no other from being
 * asked. Undefined, and nothing done, while another process looks.
 */
export async function lookAtSources(
  context: SourcesContext,
  options: LookAtOptions,
): Promise<readonly SourceLook[] | undefined> {
  return withSessionLock(context.db, 'tilth sources look', async () => {
    const rows = (await listSources(context.db, null)).filter(
      ({ name, enabled, isDue }) =>
        options.only?.includes(name) ?? (enabled && (isDue || options.everything)),
    )
    const layers = (await readSettingLayers(context.db))(null)
    const { signal, everything } = options
    const looks: Promise<SourceLook>[] = []
    for (const row of rows) looks.push(lookAt(context, row, { layers, everything, dryRun: false, signal }))
    for (const look of looks)
      void look.then(
        (done) => options.onLook?.(done),
        () => undefined,
      )
    return Promise.all(looks)
  })
}

async function lookAt(context: SourcesContext, row: SourceRow, options: LookOptions): Promise<SourceLook> {
  const { db } = context
  try {
    const look = await lookOnce(context, row, options)
    await recordLook(db, row.id, {
      error: null,
      waitSeconds: 0,
      ...(look.cursor === undefined ? {} : { cursor: look.cursor }),
    })
    return { source: row.name, error: null, ...look }
  } catch (cause) {
    options.signal.throwIfAborted()
    const error = asProcessingError(cause)
    const { code, message } = error
    await recordLook(db, row.id, { error: { code, message }, waitSeconds: waitAfter(error, row) })
    return { source: row.name, counts: noCounts(), error: { code, message }, identities: [], againInS: null }
  }
}

/** A folder costs nothing to ask again; a service is left alone for longer each time. */
function waitAfter(error: ProcessingError, { kind, failures }: SourceRow): number {
  if (kind === 'folder') return 0
  const demanded = error instanceof ServiceError ? (error.retryAfterS ?? 0) : 0
  return Math.max(demanded, Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** Math.min(failures, 20)))
}

/** One look at one source, of any kind. Throws what went wrong. */
export async function lookOnce(
  context: SourcesContext,
  row: SourceRow,
  options: LookOptions,
): Promise<{ counts: LookCounts; identities: readonly string[]; againInS: number | null; cursor?: unknown }> {
  const source = openSource(row)
  const { parsed } = source
  if (parsed.kind === 'folder') return scanFolder(context, source, parsed.config, options)
  const { counts, cursor } = await lookAtService(context, source, parsed.config, options)
  return { counts, cursor, identities: [], againInS: null }
}
