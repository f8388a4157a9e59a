import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, realpath, rename, rm, stat, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import type { Config } from '../config/config.js'
import { resolveSetting } from '../config/resolve-settings.js'
import {
  deleteUnread,
  findAcquisition,
  listAcquisitions as selectAcquisitions,
  lockProductKey,
  markBrokenByPath,
  supersedeOlderBaselines,
  upsertPresent,
  upsertUnread,
  type AcquisitionRow,
} from '../db/catalog/acquisitions.js'
import type { Database } from '../db/connect.js'
import { asProcessingError, ProcessingError, type ErrorCode } from '../domain/errors.js'
import type { L1cProduct } from '../domain/sentinel2.js'
import type { AcquisitionState } from '../domain/states.js'
import { fromUtm } from '../domain/utm.js'
import { readL1cMetadata } from '../products/sentinel2/read-l1c.js'
import { readSettingLayers } from './settings.js'
import { provenRoots } from './storage-roots.js'

export type { AcquisitionRow } from '../db/catalog/acquisitions.js'

export interface IngestOptions {
  /** Copy into the root `l1` instead of linking. */
  readonly copy: boolean
  /** Called after each product. */
  readonly onOutcome?: (outcome: IngestOutcome) => void
}

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
      readonly kind: 'copying' | 'broken'
      readonly path: string
      readonly code: ErrorCode
      readonly reason: string
    }

/** What is wrong with a product, as opposed to with the machine or the program. */
const ABOUT_THE_PRODUCT: ReadonlySet<ErrorCode> = new Set([
  'PRODUCT_INCOMPLETE',
  'PRODUCT_UNSUPPORTED',
  'METADATA_INVALID',
  'RASTER_UNREADABLE',
  'GRID_MISMATCH',
  'SENSOR_UNKNOWN',
])
const DEEPEST = 8

/**
 * Reads the Sentinel-2 L1C products below the given paths and records them as acquisitions; one row per identity, however often and
 * by however many processes at once the same product comes. Names of files and folders are never trusted. Broken products become
 * `broken` with the reason, products still being copied `found`; the others go on. Reading a repaired product again heals its row.
 * Throws NOT_FOUND and PRODUCT_UNSUPPORTED for a path without any product, before anything is recorded.
 */
export async function ingestPaths(
  app: { readonly db: Database; readonly config: Config },
  paths: readonly string[],
  options: IngestOptions,
): Promise<readonly IngestOutcome[]> {
  const found = new Set<string>()
  for (const path of paths) for (const safe of await findSafeFolders(path)) found.add(safe)
  const { l1: root } = await provenRoots(app.db, app.config)
  const settleSeconds = resolveSetting('ingest.copy_quiet_s', (await readSettingLayers(app.db))(null)).value
  const outcomes: IngestOutcome[] = []
  for (const path of found) {
    const outcome = await ingestOne(app.db, root, path, { copy: options.copy, settleSeconds })
    options.onOutcome?.(outcome)
    outcomes.push(outcome)
  }
  return outcomes
}

/** Acquisitions in order of sensing. */
export async function listAcquisitions(
  db: Database,
  filter: { state: AcquisitionState | null; tile: string | null },
): Promise<readonly AcquisitionRow[]> {
  return selectAcquisitions(db, filter)
}

/**
 * Real paths of the SAFE folders at or below a path: those with a manifest, product metadata or a GRANULE folder. Symbolic links
 * are followed once. Throws NOT_FOUND, or PRODUCT_UNSUPPORTED where there is none.
 */
export async function findSafeFolders(path: string): Promise<readonly string[]> {
  const start = await realpath(path).catch((cause: unknown) => {
    throw new ProcessingError('NOT_FOUND', `'${path}' does not exist or cannot be entered.`, { cause })
  })
  const found: string[] = []
  const seen = new Set<string>()
  const look = async (folder: string, depth: number): Promise<void> => {
    const real = await realpath(folder).catch(() => null)
    // A dangling link is no product; a loop of links ends here.
    if (real === null || seen.has(real) || !(await stat(real)).isDirectory()) return
    seen.add(real)
    const entries = await readdir(real)
    if (isSafe(real, entries)) found.push(real)
    else if (depth < DEEPEST)
      for (const entry of entries.sort()) if (!entry.startsWith('.')) await look(join(real, entry), depth + 1)
  }
  await look(start, 0)
  if (found.length === 0)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `No Sentinel-2 product at or below '${path}': no folder with manifest.safe, MTD_MSIL1C.xml or GRANULE/. Unpack archives first.`,
    )
  return found
}

function isSafe(path: string, entries: readonly string[]): boolean {
  if (entries.some((entry) => entry === 'manifest.safe' || entry === 'MTD_MSIL1C.xml' || entry === 'GRANULE'))
    return true
  // Nothing telling in it yet, but somebody named it so: the rest may be on its way.
  return basename(path).endsWith('.SAFE')
}

async function ingestOne(
  db: Database,
  root: string,
  path: string,
  options: { copy: boolean; settleSeconds: number },
): Promise<IngestOutcome> {
  let product: L1cProduct
  try {
    product = await readL1cMetadata(path, { settleSeconds: options.settleSeconds })
  } catch (cause) {
    const error = asProcessingError(cause)
    if (error.code === 'PRODUCT_COPYING') {
      await db.transaction().execute(async (tx) => {
        await lockProductKey(tx, path)
        await upsertUnread(tx, { path, state: 'found', code: error.code, reason: error.message })
      })
      return { kind: 'copying', path, code: error.code, reason: error.message }
    }
    if (!ABOUT_THE_PRODUCT.has(error.code)) throw error
    await db.transaction().execute(async (tx) => {
      await lockProductKey(tx, path)
      if ((await markBrokenByPath(tx, path, error.code, error.message)) === null)
        await upsertUnread(tx, { path, state: 'broken', code: error.code, reason: error.message })
      else await deleteUnread(tx, path)
    })
    return { kind: 'broken', path, code: error.code, reason: error.message }
  }
  return recordPresent(db, root, path, product, options.copy)
}

/**
 * Platform, tile, datatake, sensing time and baseline: what makes it the same product. The datatake's id alone would merge the two
 * granules that a tile has where one datastrip ends and the next begins.
 */
export function identityOf(
  p: Pick<L1cProduct, 'platform' | 'tile' | 'datatakeId' | 'sensingTime' | 'baseline'>,
): string {
  return ['S2_L1C', p.platform, p.tile, p.datatakeId, p.sensingTime, `N${p.baseline}`].join(':')
}

async function recordPresent(
  db: Database,
  root: string,
  path: string,
  product: L1cProduct,
  copy: boolean,
): Promise<IngestOutcome> {
  const identity = identityOf(product)
  const { isNew, state } = await db.transaction().execute(async (tx) => {
    // Of two processes with the same granule one waits here, then finds the row of the other.
    await lockProductKey(tx, `${product.platform}:${product.tile}:${product.datatakeStart}`)
    const before = await findAcquisition(tx, identity)
    const isHere =
      before !== null &&
      (before.state === 'present' || before.state === 'superseded') &&
      existsSync(join(root, before.location.replace(/^l1:/, '')))
    if (!isHere || before.sourcePath === path) {
      const location = isHere ? before.location : await place(root, path, product, copy)
      await upsertPresent(tx, {
        identity,
        platform: product.platform,
        tile: product.tile,
        datatakeId: product.datatakeId,
        datatakeStart: product.datatakeStart,
        relativeOrbit: product.relativeOrbit,
        sensedAt: product.sensingTime,
        baseline: product.baseline,
        generatedAt: product.generationTime,
        productUri: product.productUri,
        location,
        bbox: bboxOfProduct(product),
        cloudPercent: product.cloudPercent,
        metadata: {
          sourcePath: path,
          notes: product.notes,
          epsg: product.epsg,
          extent: product.extent,
          orbitDirection: product.orbitDirection,
        },
      })
    }
    await deleteUnread(tx, path)
    await supersedeOlderBaselines(tx, {
      platform: product.platform,
      tile: product.tile,
      datatakeStart: product.datatakeStart,
      sensedAt: product.sensingTime,
    })
    const after = await findAcquisition(tx, identity)
    return { isNew: !isHere, state: after?.state ?? 'present' }
  })
  return {
    kind: 'present',
    path,
    identity,
    tile: product.tile,
    sensedAt: product.sensingTime,
    isNew,
    state,
    notes: product.notes,
  }
}

/** Links or copies a product into the root and returns its location; what lies there already is used in place. */
async function place(root: string, path: string, product: L1cProduct, copy: boolean): Promise<string> {
  const inside = relative(await realpath(root), path)
  if (inside !== '' && inside !== '..' && !inside.startsWith('../')) return `l1:${inside}`
  const name = [
    product.platform,
    product.tile,
    product.sensingTime.replace(/[-:]|\.\d+/g, ''),
    `N${product.baseline.replace('.', '')}`,
    product.datatakeId,
  ].join('_')
  const location = join(
    's2',
    product.tile,
    product.sensingTime.slice(0, 4),
    `${name.replace(/[^A-Za-z0-9_.-]/g, '-')}.SAFE`,
  )
  const target = join(root, location)
  const fresh = join(root, '.staging', `${String(process.pid)}-${name.replace(/[^A-Za-z0-9_.-]/g, '-')}`)
  await mkdir(dirname(target), { recursive: true })
  await mkdir(dirname(fresh), { recursive: true })
  try {
    await rm(fresh, { recursive: true, force: true })
    if (copy) await cp(path, fresh, { recursive: true, dereference: true, preserveTimestamps: true })
    else await symlink(path, fresh)
    // A folder cannot be renamed over an older one; a link of an earlier ingest that leads nowhere must go as well.
    await rm(target, { recursive: true, force: true })
    await rename(fresh, target)
  } catch (cause) {
    await rm(fresh, { recursive: true, force: true })
    const error = asProcessingError(cause)
    throw error.code === 'INTERNAL'
      ? new ProcessingError('WRITE_FAILED', `'${path}' could not be put at ${target}: ${error.message}`, {
          cause,
        })
      : error
  }
  return `l1:${location}`
}

function bboxOfProduct(product: L1cProduct): readonly [number, number, number, number] {
  const [xmin, ymin, xmax, ymax] = product.extent
  const zone = product.epsg % 100
  const corners = (
    [
      [xmin, ymin],
      [xmax, ymin],
      [xmax, ymax],
      [xmin, ymax],
    ] as const
  ).map(([x, y]) => fromUtm(x, y, zone, product.epsg >= 32700))
  const west = corners[0]?.[0] ?? 0
  // Next to the antimeridian the eastern corners come out near -180.
  const lons = corners.map(([lon]) => (lon - west > 180 ? lon - 360 : west - lon > 180 ? lon + 360 : lon))
  const lats = corners.map((corner) => corner[1])
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}
