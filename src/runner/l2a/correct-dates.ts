import { basename, join, resolve } from 'node:path'
import { asProcessingError, type ErrorCode } from '../../domain/errors.js'
import type { TileSquare } from '../../domain/mgrs.js'
import { NOTHING_TO_CORRECT } from '../../domain/nothing-to-correct.js'
import { BACKWARD_REACH_DAYS } from '../../processors/l2a/chain-mode.js'
import { dayOf } from '../../processors/l2a/chain-state.js'
import { openL2aProduct } from '../../products/l2a/open-l2a.js'
import type { ProductId } from '../../products/layout.js'
import { chainInFolder, productsIn } from './chain-in-folder.js'
import { correctToFolder, type CorrectedToFolder, type CorrectToFolderOptions } from './correct-to-folder.js'
import { acquisitionKey, type FoundDate, type FoundDates } from './find-dates.js'

/** What became of one product of a folder of dates. `skipped`: there is nothing to make of it; `failed`: there should be. */
export type DateOutcome = {
  /** Path of the L1 product. */
  readonly product: string
  /** UTC, and the tile; null where neither metadata nor name tell. */
  readonly day: string | null
  readonly tile: string | null
} & (
  | ({ readonly outcome: 'made' } & CorrectedToFolder)
  | { readonly outcome: 'exists'; readonly folder: string }
  | { readonly outcome: 'skipped' | 'failed'; readonly code: ErrorCode; readonly message: string }
)

export interface CorrectedDates {
  /** The folder with all products. */
  readonly folder: string
  readonly made: number
  readonly existing: number
  readonly skipped: number
  readonly failed: number
  /** In order of time; last what neither metadata nor name tell a day of. */
  readonly dates: readonly DateOutcome[]
}

/** Nothing is wrong with the product, only nothing can be made of it. */
const NOTHING_TO_MAKE: ReadonlySet<ErrorCode> = new Set([
  ...NOTHING_TO_CORRECT,
  'LEVEL_NOT_CORRECTED',
  'EXTERNAL_REFUSED',
])
/** No matter of one date: the next would end so too, after as much work. */
const ENDS_ALL: ReadonlySet<ErrorCode> = new Set(['DISK_FULL', 'WRITE_FAILED', 'NATIVE_UNAVAILABLE'])

/**
 * Corrects dates one after another in order of time, each with the state that the date before of its chain left in `out`, whether this run made it or an earlier
 * one. A date that cannot be made is told and the next ones go on without it; what lies in `out` already is left as it is, unless `force`.
 * @throws ProcessingError BAD_ARGUMENT where `out` is no folder, DISK_FULL, WRITE_FAILED, NATIVE_UNAVAILABLE; the signal's reason when aborted.
 */
export async function correctDates(
  { dates, broken, doubles }: FoundDates,
  options: Omit<CorrectToFolderOptions, 'product' | 'previous' | 'chain' | 'layout'>,
): Promise<CorrectedDates> {
  const out = resolve(options.out)
  const { engine } = options.parameters
  const existing = options.force
    ? new Map<string, string>()
    : await madeBefore(
        out,
        typeof engine === 'string' && engine !== 'own' ? engine.toUpperCase() : undefined,
        options.onto,
      )
  const total = dates.filter((date) => !existing.has(acquisitionKey(date))).length
  const outcomes: DateOutcome[] = []
  let done = 0
  for (const date of dates) {
    options.signal.throwIfAborted()
    const told = { product: date.path, day: date.day, tile: date.tile }
    const folder = existing.get(acquisitionKey(date))
    if (folder !== undefined) {
      outcomes.push({ ...told, outcome: 'exists', folder })
      continue
    }
    const onNote = (note: string) => {
      options.onNote(`${basename(date.path)}: ${note}`)
    }
    outcomes.push({
      ...told,
      ...(await correctOne({
        ...options,
        product: date.path,
        previous: null,
        chain: (wish, scene) => chainInFolder(out, wish, scene, onNote, laterOf(date, dates)),
        onNote,
        onProgress: (fraction, note) => {
          const place = `${date.day} ${date.tile}, ${done + 1} of ${total}`
          options.onProgress((done + fraction) / total, `${place}: ${note}`)
        },
      })),
    })
    done++
  }
  for (const { path, day, tile, of } of doubles)
    outcomes.push({
      ...{ product: path, day, tile, outcome: 'skipped', code: 'SUPERSEDED' },
      message: `'${path}' is the same acquisition as '${of}', which was taken.`,
    })
  for (const { path, named, error } of broken) {
    options.onNote(`${basename(path)}: ${error.code}: ${error.message}`)
    outcomes.push({
      ...{ product: path, day: named?.day ?? null, tile: named?.tile ?? null },
      ...{ outcome: 'failed', code: error.code, message: error.message },
    })
  }
  const order = ({ day }: DateOutcome) => day ?? '9'
  outcomes.sort((x, y) => (order(x) === order(y) ? 0 : order(x) < order(y) ? -1 : 1))
  const count = (what: DateOutcome['outcome']) => outcomes.filter(({ outcome }) => outcome === what).length
  return {
    folder: out,
    ...{ made: count('made'), existing: count('exists'), skipped: count('skipped'), failed: count('failed') },
    dates: outcomes,
  }
}

/** Products of the chain of a date that follow it within the reach of a backward start, nearest first. */
const laterOf = (date: FoundDate, dates: readonly FoundDate[]): string[] =>
  dates.flatMap(({ path, tile, relativeOrbit, day }) => {
    const days = dayOf(day) - dayOf(date.day)
    const isOfChain = tile === date.tile && relativeOrbit === date.relativeOrbit
    return isOfChain && days > 0 && days <= BACKWARD_REACH_DAYS ? [path] : []
  })

async function correctOne(options: CorrectToFolderOptions) {
  try {
    return { outcome: 'made', ...(await correctToFolder(options)) } as const
  } catch (error) {
    options.signal.throwIfAborted()
    const { code, message } = asProcessingError(error)
    if (ENDS_ALL.has(code)) throw error
    options.onNote(`${code}: ${message}`)
    return { outcome: NOTHING_TO_MAKE.has(code) ? 'skipped' : 'failed', code, message } as const
  }
}

/**
 * Folders of the products in `out` that one processor made on the wanted grids, by acquisition. A folder with the name of a product is whole: it was renamed into place. Of Landsat on
 * a Sentinel-2 tile the item says path and row; a product whose item cannot be read is made again.
 */
async function madeBefore(
  out: string,
  madeBy: string | undefined,
  onto: TileSquare | undefined,
): Promise<Map<string, string>> {
  const made = new Map<string, string>()
  for (const { name, id } of await productsIn(out)) {
    if (id.madeBy !== madeBy) continue
    const tile = await imageTileOf(out, name, id, onto)
    if (tile !== null)
      made.set(acquisitionKey({ ...id, tile, day: id.sensedAt.slice(0, 10) }), join(out, name))
  }
  return made
}

/** The tile of the image that a product was made of; null where it lies on another grid than is wanted. */
async function imageTileOf(
  out: string,
  name: string,
  { platform, tile }: ProductId,
  onto: TileSquare | undefined,
): Promise<string | null> {
  if (!platform.startsWith('L')) return tile
  const isOnTile = !/^\d{6}$/.test(tile)
  if (onto === undefined || !isOnTile) return onto === undefined && !isOnTile ? tile : null
  if (tile !== onto.tile) return null
  const product = await openL2aProduct(join(out, name)).catch(() => null)
  const { 'landsat:wrs_path': path, 'landsat:wrs_row': row } = product?.naming.properties ?? {}
  return path === undefined || row === undefined ? null : `${path}${row}`
}
