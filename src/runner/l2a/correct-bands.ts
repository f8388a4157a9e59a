import type { Codec } from '../../domain/codec.js'
import type { Grid, Window } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import type { NodeFactors } from '../../kernels/scale-by-nodes.js'
import {
  CELL_BAND_IDS,
  CellMeans,
  cellsOfImage,
  meansOn,
  type CellBand,
  type CellPlanes,
} from '../../processors/l2a/cells.js'
import type { CoefficientPlanes } from '../../processors/l2a/coefficient-planes.js'
import type { VariancePlanes } from '../../processors/l2a/uncertainty.js'
import { BandStatisticsBuilder, type BandStatistics } from '../../products/report.js'
import { bandFile, type LayerKind } from '../../products/layout.js'
import { readFileFacts, type FileFacts } from '../../products/stac/build-item.js'
import { openBandWriter, type BandWriter } from '../band-writer.js'
import type { Budget } from '../budget.js'
import { KERNEL_FLAGS, type BandVariance, type CorrectionTable, type KernelPool } from '../kernel-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import { blocksOfBand } from './band-job.js'
import type { BlockScratch } from './block-scratch.js'
import type { SurfacePressure } from './elevation.js'
import { PLANE_BITS, type FlagPlanes } from './flag-planes.js'
import type { Terrain } from './terrain.js'

const VISIBLE: ReadonlySet<string> = new Set(['B02', 'B03', 'B04'])

export interface CorrectedBand {
  readonly band: string
  /** As seen, what level ground would reflect, or as seen from above under a standard sun. */
  readonly kind: LayerKind
  readonly grid: Grid
  readonly statistics: BandStatistics
  readonly facts: FileFacts
}

export interface CorrectBandsOptions<T> {
  readonly scene: L1Scene
  /** Whether the first pass left a band for this one. */
  readonly isCorrected: (band: string) => boolean
  /** Whether a band gets files; what is corrected without them is there for the cells and the flags. */
  readonly isKept: (band: string) => boolean
  /** What the first pass left. */
  readonly scratch: BlockScratch
  /** Gets the flags of the bands that are corrected. */
  readonly planes: FlagPlanes
  /** The coefficients of one band. */
  readonly coefficientsOf: (band: L1SceneBand) => CoefficientPlanes
  readonly pressure: SurfacePressure
  /** Reflectance of a band around each pixel, on cells; null: as the pixel itself. */
  readonly aroundOf: (band: L1SceneBand) => Float32Array | null
  /** Null: the ground is taken as level, and no `fre` is written. */
  readonly terrain: Terrain | null
  /** What turns a band as seen into one seen from above under a standard sun; null: not asked for. */
  readonly nbarOf: (band: L1SceneBand) => NodeFactors | null
  /** Variance of a band's reflectance; null: not asked for. */
  readonly varianceOf: (band: L1SceneBand) => VariancePlanes | null
  /** Path of the COG of a band. */
  readonly pathOf: (band: string, kind: LayerKind) => string
  /** The grids on which means are wanted too: cells, and the smaller ones that they are made of (`finerCells`). */
  readonly cells: Grid
  readonly finer: Grid
  /** Runs beside the rest once the bands of the cells are corrected, and gets their means. */
  readonly onCells: (ground: CorrectedCells) => Promise<T>
  readonly codec: Codec
  /** As in the first pass. */
  readonly blockSize: number
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

/** What a date says of the ground, in the bands that a chain remembers. */
export interface CorrectedCells {
  readonly cells: CellPlanes
  readonly finer: CellPlanes
}

interface OpenBand {
  readonly band: L1SceneBand
  readonly table: CorrectionTable
  readonly nbar: NodeFactors | null
  readonly variance: BandVariance | null
  readonly outputs: readonly BandOutput[]
  readonly lookup: Uint8Array
  readonly cells: (ReturnType<typeof cellsOfImage> & { readonly means: CellMeans }) | null
  left: number
}

interface BandOutput {
  readonly kind: LayerKind
  readonly writer: BandWriter
  readonly statistics: BandStatisticsBuilder
}

const NO_DATA = -32768
/** In the order in which a band's files are listed. */
const DESCRIPTIONS: Readonly<Record<LayerKind, string>> = {
  sre: 'surface reflectance',
  fre: 'surface reflectance, slopes corrected',
  nbar: 'surface reflectance, seen from above (NBAR)',
  sigma: 'standard deviation of surface reflectance',
  fre_sigma: 'standard deviation of surface reflectance, slopes corrected',
}
const KINDS = Object.keys(DESCRIPTIONS) as LayerKind[]

/**
 * The second pass: reads the packed blocks back, corrects and encodes them in pool threads within the thread budget. As many blocks are in flight as the budget has threads,
 * plus one that waits: that bounds memory. Bands of the cells come first, because `onCells` waits for them, then the largest images, so that small ones fill the end.
 * Rejects with the first error after all that is in flight has ended; what was written so far is the caller's to remove.
 */
export async function correctBands<T>(
  options: CorrectBandsOptions<T>,
): Promise<{ bands: CorrectedBand[]; ground: CorrectedCells; beside: T }> {
  const { scene, scratch, planes, pool, budget } = options
  const ofCells = Object.values(CELL_BAND_IDS[scene.satellite])
  const isOfCells = ({ id }: L1SceneBand) => ofCells.includes(id)
  const order = scene.bands
    .filter(({ id }) => options.isCorrected(id))
    .sort((a, b) => Number(isOfCells(b)) - Number(isOfCells(a)) || b.grid.width - a.grid.width)
  const total = order.reduce((sum, { grid }) => sum + grid.width * grid.height, 0)
  const done: CorrectedBand[] = []
  const opened: OpenBand[] = []
  let pixels = 0
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const waiting = new Set(order.filter(isOfCells))
  let beside: Promise<T> | undefined
  const startBeside = () => {
    const started = options.onCells(correctedCells(opened, options))
    started.catch((error: unknown) => {
      stop.abort(error)
    })
    return started
  }

  function* blocks(): Generator<{ open: OpenBand; index: number; window: Window }> {
    for (const band of order) {
      const windows = blocksOfBand(band, options.blockSize)
      const open = openBand(band, windows.length, options)
      opened.push(open)
      for (const [index, window] of windows.entries()) yield { open, index, window }
    }
  }

  try {
    await walkBlocks(blocks(), { budget, signal }, async ({ open, index, window }) => {
      const { band, table, nbar, variance, cells, outputs, lookup } = open
      const { id, grid } = band
      const corrected = await budget.run(async () => {
        const packed = await scratch.read(id, index, pool.buffers)
        const made = await pool.correctPacked({ packed, window, table, cells, nbar, variance })
        pool.buffers.give(packed)
        return made
      })
      const { sums } = corrected
      if (cells !== null && sums.cells !== null) cells.means.add(sums.cells)
      planes.add(grid.width, grid.height, window, corrected.flags, lookup)
      pool.buffers.give(corrected.flags)
      const { reflectance: sre, level: fre, nadir, sigma, levelSigma } = corrected
      const layers = { sre, fre, nbar: nadir, sigma, fre_sigma: levelSigma }
      for (const { kind, writer, statistics } of outputs) {
        const [pixelsOf, summary] = [layers[kind], sums[kind]]
        if (pixelsOf === null || summary === null) continue
        statistics.merge(summary)
        await writer.writeBlock(window, pixelsOf)
      }
      pool.buffers.give(sre, fre, nadir, sigma, levelSigma)
      pixels += window.width * window.height
      if (--open.left === 0) {
        if (waiting.delete(band) && waiting.size === 0) beside = startBeside()
        for (const { kind, writer, statistics } of outputs) {
          const { path } = await writer.finish()
          done.push({
            ...{ band: id, kind, grid },
            statistics: statistics.result(bandFile(id, kind), '1', 0.0001, 0),
            // Beside other bands, and while the system still has the file in memory.
            facts: await readFileFacts(path),
          })
        }
      }
      options.onProgress(pixels / total, `correcting ${id}`)
    })
    const placeOf = (id: string) => scene.bands.findIndex((band) => band.id === id)
    done.sort((a, b) => placeOf(a.band) - placeOf(b.band) || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind))
    return {
      bands: done,
      ground: correctedCells(opened, options),
      beside: await (beside ?? startBeside()),
    }
  } catch (error) {
    stop.abort(error)
    await beside?.catch(() => undefined)
    for (const { outputs } of opened) for (const { writer } of outputs) await writer.abort()
    throw error
  }
}

/** Means of the bands that a chain remembers; no-data where one is missing. */
function correctedCells(
  opened: readonly OpenBand[],
  { scene, cells, finer }: Pick<CorrectBandsOptions<unknown>, 'scene' | 'cells' | 'finer'>,
): CorrectedCells {
  const ids = CELL_BAND_IDS[scene.satellite]
  const meansOf = (band: CellBand) => opened.find(({ band: { id } }) => id === ids[band])?.cells?.means
  return { cells: meansOn(cells, meansOf), finer: meansOn(finer, meansOf) }
}

function openBand(band: L1SceneBand, blocks: number, options: CorrectBandsOptions<unknown>): OpenBand {
  const { scene, coefficientsOf, pressure, aroundOf, terrain, pathOf, cells, finer, codec, pool } = options
  const { id } = band
  const isKept = options.isKept(id)
  const layout = cellsOfImage(finer, band.grid)
  const isOfCells = Object.values(CELL_BAND_IDS[scene.satellite]).includes(id)
  const reflectance = aroundOf(band)
  const around = reflectance && { grid: cells, reflectance }
  const nbar = isKept ? options.nbarOf(band) : null
  const planes = isKept ? options.varianceOf(band) : null
  const variance = planes && pool.shareVariance(planes, band.grid)
  const output = (kind: LayerKind): BandOutput => ({
    kind,
    statistics: new BandStatisticsBuilder(),
    writer: openBandWriter(pool, {
      path: pathOf(id, kind),
      grid: band.grid,
      dtype: 'int16',
      noData: NO_DATA,
      scale: 0.0001,
      offset: 0,
      unit: '1',
      description: `${id} ${DESCRIPTIONS[kind]}`,
      overview: 'average',
      codec,
      metadata: {},
    }),
  })
  return {
    ...{ band, nbar, variance },
    outputs: isKept
      ? [
          output('sre'),
          ...(terrain === null ? [] : [output('fre')]),
          ...(nbar === null ? [] : [output('nbar')]),
          ...(variance === null ? [] : [output('sigma')]),
          ...(variance?.light == null || terrain?.doubt == null ? [] : [output('fre_sigma')]),
        ]
      : [],
    // What one byte of kernel flags means for the planes.
    lookup: Uint8Array.from(
      { length: 256 },
      (_, flags) =>
        ((flags & KERNEL_FLAGS.noData) !== 0 ? PLANE_BITS.noDataSome : 0) |
        (VISIBLE.has(id) && (flags & KERNEL_FLAGS.saturated) !== 0 ? PLANE_BITS.saturatedVisible : 0) |
        ((flags & KERNEL_FLAGS.grazing) !== 0 ? PLANE_BITS.grazing : 0),
    ),
    cells: isOfCells ? { ...layout, means: new CellMeans(finer, layout.side) } : null,
    left: blocks,
    table: pool.shareTable(coefficientsOf(band), band, { pressure: pressure.grid, around, terrain }),
  }
}
