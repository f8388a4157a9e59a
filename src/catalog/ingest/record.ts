import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import {
  deleteUnread,
  findAcquisition,
  lockProductKey,
  lockTiles,
  markUnreadBySource,
  presentBySource,
  upsertPresent,
  upsertUnread,
  type AcquisitionRow,
} from '../../db/catalog/acquisitions.js'
import { sceneKey, settleVersions } from '../../db/catalog/settle-versions.js'
import type { Database } from '../../db/connect.js'
import type { ErrorCode, ProcessingError } from '../../domain/errors.js'
import type { AcquisitionState } from '../../domain/states.js'
import type { DescribedAcquisition } from './input-format.js'
import type { Staged } from './place-product.js'

export type IngestOutcome =
  /** `present` with isNew false: it was there already. */
  | {
      readonly kind: 'present'
      readonly path: string
      readonly identity: string
      readonly tile: string
      readonly sensedAt: string
      readonly isNew: boolean
      readonly state: AcquisitionState
      readonly notes: readonly string[]
    }
  | {
      /** `ignored`: whole, and of a kind that is never corrected. */
      readonly kind: 'copying' | 'broken' | 'ignored'
      readonly path: string
      readonly code: ErrorCode
      readonly reason: string
    }

/** An acquisition that was read whole, and where: `inside` is its path below the product's folder, `''` for the folder itself. */
export interface ReadAcquisition {
  readonly inside: string
  /** Path that the user knows: of the folder, or `archive.zip!/folder/inside`. */
  readonly sourcePath: string
  readonly described: DescribedAcquisition
}

/** Of a product that came in an archive: by these it is known again without being unpacked. */
export interface ArchiveFacts {
  readonly path: string
  readonly bytes: number
  readonly mtimeMs: number
  /** How many acquisitions were in it, the broken ones counted. */
  readonly members: number
}

export interface RecordOptions {
  /** Absolute folder of the root `l1`. */
  readonly root: string
  /** Makes the link, copy or unpacked folder ready; called at most once, and only when it is wanted. */
  readonly stage: () => Promise<Staged>
  readonly archive: ArchiveFacts | null
  /** Called in the transaction, under the locks and before anything is read or written. */
  readonly before?: (tx: Database) => Promise<void>
}

/**
 * Records the acquisitions of one product folder in one transaction and puts the folder into its place, unless all of them are there
 * already. Of callers with the same product one waits and then finds the rows of the other; keys are locked in their order, so that callers
 * with overlapping products never wait for each other in a circle.
 */
export async function recordPresent(
  db: Database,
  read: readonly ReadAcquisition[],
  { root, stage, archive, before: prepare }: RecordOptions,
): Promise<readonly IngestOutcome[]> {
  const [first] = read
  if (first === undefined) return []
  const isHere = (row: AcquisitionRow | null) =>
    row !== null &&
    (row.state === 'present' || row.state === 'superseded') &&
    existsSync(join(root, row.location.replace(/^l1:/, '')))
  const known = await Promise.all(read.map(({ described }) => findAcquisition(db, described.identity)))
  // Copying takes minutes: it is done before anything is locked.
  let staged = known.every(isHere) ? null : await stage()
  try {
    return await db.transaction().execute(async (tx) => {
      const scenes = read.map(({ described }) => sceneKey(described))
      for (const key of [first.described.place, ...[...new Set(scenes)].sort()]) await lockProductKey(tx, key)
      await lockTiles(
        tx,
        read.map(({ described }) => described),
      )
      await prepare?.(tx)
      let placed: string | null = null
      const outcomes: IngestOutcome[] = []
      for (const { inside, sourcePath, described } of read) {
        const before = await findAcquisition(tx, described.identity)
        const wasHere = isHere(before)
        if (!wasHere) {
          staged ??= await stage()
          placed ??= await staged.place(described.place)
        }
        if (!wasHere || before?.sourcePath === sourcePath)
          await upsertPresent(tx, {
            ...described,
            location: wasHere ? (before?.location ?? '') : `l1:${join(placed ?? '', inside)}`,
            metadata: {
              ...described.metadata,
              sourcePath,
              ...(described.madeBy === undefined ? {} : { madeBy: described.madeBy }),
              notes: described.notes,
              ...(archive === null ? {} : { archive }),
            },
          })
        await deleteUnread(tx, sourcePath)
        await settleVersions(tx, described)
        const after = await findAcquisition(tx, described.identity)
        outcomes.push({
          kind: 'present',
          path: sourcePath,
          identity: described.identity,
          tile: described.tile,
          sensedAt: described.sensedAt,
          isNew: !wasHere,
          state: after?.state ?? 'present',
          notes: described.notes,
        })
      }
      return outcomes
    })
  } finally {
    await staged?.drop()
  }
}

/**
 * Records that the product at a path is broken, ignored for its kind, or found while it is still being copied. What was ingested from this path before and is
 * read from there (a link, or a folder of the root `l1` itself) is so as well, with all granules of a product of several tiles, and an older version of its scene counts again; a copy
 * in the root is still whole. `root`: absolute folder of `l1`; null for archives, which are never read where they are. `satellite`: as the kind of
 * product says, whose metadata could not be read; null where nothing says that there is a product at all: no row is made for it.
 */
export async function recordUnread(
  db: Database,
  path: string,
  error: ProcessingError,
  {
    root,
    satellite,
    archive = null,
  }: {
    readonly root: string | null
    readonly satellite: 's2' | 'landsat' | null
    readonly archive?: ArchiveFacts | null
  },
): Promise<IngestOutcome> {
  const { code, message: reason } = error
  const isCopying = code === 'PRODUCT_COPYING'
  const kind = isCopying ? 'copying' : code === 'LEVEL_NOT_CORRECTED' ? 'ignored' : 'broken'
  await db.transaction().execute(async (tx) => {
    const known = root === null || isCopying ? [] : await presentBySource(tx, path)
    const whole = new Set<number>()
    for (const { id, location, sourcePath } of known)
      if (root !== null && (await isCopy(root, location, sourcePath))) whole.add(id)
    const scenes = known.filter(({ id }) => !whole.has(id))
    for (const key of [path, ...[...new Set(scenes.map(sceneKey))].sort()]) await lockProductKey(tx, key)
    await lockTiles(tx, scenes)
    const isMarked =
      kind !== 'copying' &&
      root !== null &&
      (await markUnreadBySource(tx, path, { state: kind, code, reason }, [...whole]))
    if (isMarked) await deleteUnread(tx, path)
    else if (satellite !== null) {
      const state = kind === 'copying' ? 'found' : kind
      await upsertUnread(tx, { path, satellite, state, code, reason, archive: archive && { ...archive } })
    }
    for (const scene of scenes) await settleVersions(tx, scene)
  })
  return { kind, path, code, reason }
}

/** Whether what lies at a location of the root is there and is not the folder `source` (a real path) itself. */
async function isCopy(root: string, location: string, source: string): Promise<boolean> {
  const place = await realpath(join(root, location.replace(/^l1:/, ''))).catch(() => null)
  return place !== null && place !== source
}
