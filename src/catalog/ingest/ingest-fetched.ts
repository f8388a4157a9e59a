import { join } from 'node:path'
import type { Database } from '../../db/connect.js'
import { adoptAwaited } from '../../db/sources/fetches.js'
import { ProcessingError } from '../../domain/errors.js'
import { findProductFolders, noProductAt } from '../../products/find-products.js'
import { inTermsOfArchive, memberPath } from '../../products/archive/member-path.js'
import { unpackArchive, type ArchiveLimits } from '../../products/archive/unpack-archive.js'
import { readFolder, type IngestContext } from './ingest-folder.js'
import { stageUnpacked } from './place-product.js'
import { recordPresent, type IngestOutcome, type ReadAcquisition } from './record.js'

/** Files that a source delivered for one acquisition, in a folder below the staging folder of the root `l1`. */
export interface Fetched {
  readonly folder: string
  /** Name of the archive in it; null: product folders lie in it. */
  readonly archive: string | null
  /** What users know it by: `source:NAME/ID`. */
  readonly label: string
  readonly limits: ArchiveLimits
  /** The acquisition that waits for it, as it was offered. */
  readonly awaited: {
    readonly id: number
    readonly product: string
    readonly platform: string | null
    readonly tile: string | null
    readonly sensedAt: string | null
  }
  /** Called in the transaction that records it, with the number of its row. */
  readonly onRecorded: (tx: Database, acquisitionId: number) => Promise<void>
}

/**
 * Reads what was fetched and records it as present, the awaited acquisition first: it keeps its number. The product goes to its place by one
 * rename. Rejects with what is wrong with the product, and FETCH_MISMATCH where it is another one than was offered; then nothing is recorded.
 */
export async function ingestFetched(
  context: IngestContext,
  { folder, archive, label, limits, awaited, onRecorded }: Fetched,
): Promise<readonly IngestOutcome[]> {
  const unpacked = join(folder, 'unpacked')
  const within = archive === null ? folder : unpacked
  const place = { archive: label, folder: within }
  try {
    if (archive !== null) await unpackArchive({ archive: join(folder, archive), into: unpacked, limits })
    const found = await findProductFolders(within)
    if (found.length === 0) throw noProductAt(label)
    const products: { path: string; read: readonly ReadAcquisition[] }[] = []
    for (const { path, kind } of found) {
      const { read, failed } = await readFolder(path, kind, {
        settleSeconds: 0,
        sourceOf: (inside) => memberPath(place, inside),
      })
      const [broken] = failed
      if (broken !== undefined) throw broken.error
      products.push({ path, read })
    }
    const all = products.flatMap(({ read }) => read)
    const match = all.find((one) => isOffered(one, awaited))
    if (match === undefined)
      throw new ProcessingError(
        'FETCH_MISMATCH',
        `${label} holds ${all.map(({ described: d }) => `${d.productUri} (${d.tile}, ${d.sensedAt})`).join(', ')}; ${awaited.product} was offered.`,
      )
    const outcomes: IngestOutcome[] = []
    // The one that is waited for comes first: what else the product holds is added to the catalogue only with it.
    for (const { path, read } of products.sort(
      (a, b) => Number(b.read.includes(match)) - Number(a.read.includes(match)),
    ))
      outcomes.push(
        ...(await recordPresent(context.db, read, {
          root: context.root,
          stage: () => stageUnpacked(context.root, path),
          archive: null,
          ...(read.includes(match)
            ? {
                before: async (tx) => {
                  await onRecorded(tx, await adoptAwaited(tx, awaited.id, match.described.identity))
                },
              }
            : {}),
        })),
      )
    return outcomes
  } catch (error) {
    throw error instanceof ProcessingError ? inTermsOfArchive(error, place) : error
  }
}

const DAY_MS = 86_400_000

/** By its name, or by platform, tile and day: services give some products names of their own. */
function isOffered({ described }: ReadAcquisition, awaited: Fetched['awaited']): boolean {
  const { product, platform, tile, sensedAt } = awaited
  const isSameScene =
    (tile === null || tile === described.tile) &&
    (platform === null || platform === described.platform) &&
    (sensedAt === null || Math.abs(Date.parse(described.sensedAt) - Date.parse(sensedAt)) < DAY_MS)
  const name = described.productUri.replace(/\.SAFE$/, '')
  // A full name names one product; the same scene made at another time is another one.
  return name === product || (isSameScene && !/^(S2[A-Z]_MSIL|L[COT]0\d_L1)/.test(product))
}
