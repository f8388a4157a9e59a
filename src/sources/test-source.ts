import { readSettingLayers } from '../catalog/settings.js'
import { resolveSetting } from '../config/resolve-settings.js'
import { asProcessingError, type ErrorCode } from '../domain/errors.js'
import { readCredentials } from './credentials.js'
import { lookOnce } from './look.js'
import type { LookCounts } from './look-service.js'
import { getSource, openSource, type SourcesContext } from './open-source.js'
import { searchesOf } from './searches.js'

export interface SourceTest {
  readonly source: string
  readonly kind: string
  /** Path or address. */
  readonly place: string
  /** Where each credential was looked for, and whether it was there. */
  readonly credentials: readonly {
    readonly role: string
    readonly where: string
    readonly problem: string | null
  }[]
  /** What it is asked for, in words. */
  readonly searches: readonly string[]
  readonly counts: LookCounts | null
  readonly error: { readonly code: ErrorCode; readonly message: string } | null
}

const SHOWN_SEARCHES = 20

/**
 * Asks a source as a look does and records nothing: what it would find, which credentials were looked for, and what keeps it from working.
 * Throws NOT_FOUND, SOURCE_INVALID.
 */
export async function testSource(
  context: SourcesContext,
  name: string,
  signal: AbortSignal,
): Promise<SourceTest> {
  const row = await getSource(context.db, name)
  const source = openSource(row)
  const layers = (await readSettingLayers(context.db))(null)
  const credentials = await Promise.all(
    Object.entries(row.credentials).map(async ([role, where]) => ({
      role,
      where,
      problem: await readCredentials(name, { [role]: where }, context.env).then(
        () => null,
        (error: unknown) => asProcessingError(error).message,
      ),
    })),
  )
  const { parsed } = source
  const lateDays = resolveSetting('sources.late_days', layers).value
  const { searches } =
    parsed.kind === 'folder' ? { searches: [] } : await searchesOf(context.db, source, { lateDays })
  const told = {
    source: name,
    kind: row.kind,
    place: parsed.kind === 'folder' ? parsed.config.path : parsed.config.url,
    credentials,
    searches: searches.slice(0, SHOWN_SEARCHES).map(({ what, from, to }) => `${what}, ${from} to ${to}`),
  }
  try {
    const { counts } = await lookOnce(context, row, { layers, everything: true, dryRun: true, signal })
    return { ...told, counts, error: null }
  } catch (cause) {
    signal.throwIfAborted()
    const { code, message } = asProcessingError(cause)
    return { ...told, counts: null, error: { code, message } }
  }
}
