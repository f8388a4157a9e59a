import { upsertRefused } from '../../db/catalog/acquisitions.js'
import type { Database } from '../../db/connect.js'
import type { DescribedAcquisition } from './input-format.js'
import type { IngestOutcome, ReadAcquisition } from './record.js'

/** Why an acquisition that is whole is left out; null: it is not. */
export type Refuse = (
  described: DescribedAcquisition,
) => { readonly code: string; readonly reason: string } | null

/**
 * Records as `ignored` what is left out of the acquisitions of a product, adds what became of them to `outcomes`, and returns the others. What
 * is present already stays so: a filter says what comes in, not what goes.
 */
export async function recordRefused(
  { db, refuse }: { readonly db: Database; readonly refuse?: Refuse },
  read: readonly ReadAcquisition[],
  outcomes: IngestOutcome[],
): Promise<readonly ReadAcquisition[]> {
  if (refuse === undefined) return read
  const wanted: ReadAcquisition[] = []
  for (const one of read) {
    const refusal = refuse(one.described)
    if (refusal === null) {
      wanted.push(one)
      continue
    }
    const { identity, satellite, platform, tile, relativeOrbit, sensedAt, productUri, cloudPercent } =
      one.described
    await upsertRefused(db, {
      ...{ identity, satellite, platform, tile, relativeOrbit, sensedAt, productUri, cloudPercent },
      path: one.sourcePath,
      ...refusal,
    })
    outcomes.push({
      kind: 'ignored',
      path: one.sourcePath,
      code: 'FILTERED',
      reason: `${refusal.code}: ${refusal.reason}`,
    })
  }
  return wanted
}
