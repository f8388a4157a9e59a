import { createHash } from 'node:crypto'
import type { SettingLayers } from '../config/resolve-settings.js'
import { resolveSetting } from '../config/resolve-settings.js'
import { recordOffers, type OfferFields } from '../db/sources/record-offers.js'
import type { ServiceConfig } from './config.js'
import { verdictOf, type Wanted } from './filters.js'
import { searchOdata } from './odata/search.js'
import { clientOf, type SourcesContext } from './open-source.js'
import { digestOfSearch, searchesOf } from './searches.js'
import type { Found, Offer, Search, Source } from './source.js'
import { searchStac } from './stac/search.js'
import type { HttpClient } from './http/client.js'

/** What a look at a source found. */
export interface LookCounts {
  /** Searches, or products of a folder that were looked at. */
  asked: number
  /** Results, each once. */
  results: number
  wanted: number
  /** Acquisitions that nobody knew before, wanted or not. */
  fresh: number
  /** Left out by a filter. */
  refused: number
  /** Of no site: neighbouring tiles, days of other seasons. */
  outside: number
  /** No products at all, or too broken to tell; the first reasons. */
  skipped: number
  readonly notes: string[]
}

export const noCounts = (): LookCounts => ({
  asked: 0,
  results: 0,
  wanted: 0,
  fresh: 0,
  refused: 0,
  outside: 0,
  skipped: 0,
  notes: [],
})

const SHOWN_NOTES = 5

export interface LookOptions {
  readonly layers: SettingLayers
  /** Also searches of past seasons that were done before. */
  readonly everything: boolean
  /** Only say what would be found: nothing is recorded. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
}

/** Asks a STAC API or an OData catalogue for all that is wanted and records it. Returns what need not be asked again. */
export async function lookAtService(
  context: SourcesContext,
  source: Source,
  config: ServiceConfig,
  { layers, everything, dryRun, signal }: LookOptions,
): Promise<{ counts: LookCounts; cursor: { closed: readonly string[] } }> {
  const lateDays = resolveSetting('sources.late_days', layers).value
  const maxPages = resolveSetting('sources.max_pages', layers).value
  const { wanted, searches } = await searchesOf(context.db, source, { lateDays })
  const client = clientOf(source, config, context, layers)
  const done = closedOf(source.row.cursor)
  const closed: string[] = []
  const counts = noCounts()
  const seen = new Set<string>()
  for (const search of searches) {
    const digest = search.isPast ? digestOfSearch(search, wanted) : null
    if (digest !== null && done.has(digest) && !everything) {
      closed.push(digest)
      continue
    }
    counts.asked++
    for await (const page of pagesOf(source, search, client, { maxPages, signal })) {
      const offers = fieldsOf(page, { seen, counts, wanted, source })
      if (dryRun || offers.length === 0) continue
      counts.fresh += await context.db
        .transaction()
        .execute((tx) => recordOffers(tx, { sourceId: source.row.id, satellite: source.satellite }, offers))
    }
    if (digest !== null) closed.push(digest)
  }
  return { counts, cursor: { closed } }
}

function pagesOf(
  { name, parsed }: Source,
  search: Search,
  client: HttpClient,
  limits: { maxPages: number; signal: AbortSignal },
): AsyncGenerator<readonly Found[], void, undefined> {
  switch (parsed.kind) {
    case 'stac':
      return searchStac(name, parsed.config, search, client, limits)
    case 'odata':
      return searchOdata(name, parsed.config, search, client, limits)
    case 'folder':
      throw new TypeError('a folder is scanned, not searched')
  }
}

/** The rows of a page, each result of the whole look once. */
function fieldsOf(
  page: readonly Found[],
  { seen, counts, wanted, source }: { seen: Set<string>; counts: LookCounts; wanted: Wanted; source: Source },
): OfferFields[] {
  const { filters } = source.parsed.config
  const skip = (note: string) => {
    counts.skipped++
    if (counts.notes.length < SHOWN_NOTES) counts.notes.push(note)
  }
  return page.flatMap((found) => {
    if ('skipped' in found) {
      skip(found.skipped)
      return []
    }
    const { offer } = found
    if (seen.has(offer.remoteId)) return []
    seen.add(offer.remoteId)
    counts.results++
    if (!isStorable(offer)) {
      skip(`${JSON.stringify(offer.remoteId)} holds characters that cannot be stored`)
      return []
    }
    const verdict = verdictOf(offer, wanted, filters)
    if (verdict === 'outside') {
      counts.outside++
      return []
    }
    if (verdict === null) counts.wanted++
    else counts.refused++
    return [rowOf(offer, verdict)]
  })
}

/** Postgres stores no zero byte and no half of a surrogate pair: one such item must not keep all others out. */
const isStorable = (offer: Offer): boolean => !/\\u(0000|d[89a-f])/i.test(JSON.stringify(offer))

function rowOf(offer: Offer, refused: OfferFields['refused']): OfferFields {
  const { content, ...told } = offer
  const broken = content.kind === 'none' ? { code: content.code, reason: content.reason } : null
  return { ...told, details: content, digest: digestOfContent(content), refused, broken }
}

/** Signatures in addresses change with each answer: what they lead to is the same. */
function digestOfContent(content: Offer['content']): string {
  const text = JSON.stringify(content, (key, value: unknown) =>
    key === 'href' && typeof value === 'string' ? value.replace(/[?#].*$/s, '') : value,
  )
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function closedOf(cursor: unknown): ReadonlySet<string> {
  const list: unknown =
    typeof cursor === 'object' && cursor !== null && 'closed' in cursor ? cursor.closed : []
  return new Set(Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : [])
}
