import type { Grid, Window } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { buildCoefficientPlanes } from '../../processors/l2a/coefficient-planes.js'
import {
  CELL_BAND_IDS,
  CELL_BANDS,
  CellMeans,
  cellsOfImage,
  type CellBand,
  type CellPlanes,
} from '../../processors/l2a/cells.js'
import { isDelivered, type L2aParams } from '../../processors/l2a/definition.js'
import { openBandWriter, type BandWriter } from '../band-writer.js'
import type { Budget } from '../budget.js'
import { KERNEL_FLAGS, type CorrectionTable, type KernelPool } from '../kernel-pool.js'
import { BandStatisticsBuilder, type BandStatistics } from '../../products/report.js'
import { bandFile } from '../../products/layout.js'
import { BandInput } from './band-job.js'
import type { SurfacePressure } from './elevation.js'
import { FlagPlanes } from './flag-planes.js'

/** Bits of a flag plane: what the bands of one pixel size say together. */
export const PLANE_BITS = { noDataSome: 1, saturatedVisible: 2 } as const

const VISIBLE: ReadonlySet<string> = new Set(['B02', 'B03', 'B04'])

export interface CorrectedBand {
  readonly band: string
  readonly grid: Grid
  readonly statistics: BandStatistics
}

export interface CorrectBandsOptions {
  readonly scene: L1Scene
  readonly params: L2aParams
  readonly pressure: SurfacePressure
  /** Path of the COG of a band; null: only the cells are wanted, and the bands that they do not need are not read. */
  readonly pathOf: ((band: string) => string) | null
  /** The grid on which means are wanted too. */
  readonly cells: Grid
  readonly codec: 'deflate' | 'zstd'
  readonly blockSize: number
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

interface OpenBand {
  readonly band: L1SceneBand
  readonly input: BandInput
  readonly table: CorrectionTable | null
  readonly writer: BandWriter | null
  readonly statistics: BandStatisticsBuilder
  readonly lookup: Uint8Array
  readonly cells: (ReturnType<typeof cellsOfImage> & { readonly means: CellMeans }) | null
  left: number
}

const NO_DATA = -32768

/**
 * Corrects all bands, block by block: decode (libuv thread), correct and encode (pool threads), all within the thread budget.
 * As many blocks are in flight as the budget has threads, plus one that waits: that bounds memory. The largest images come first, so
 * that small ones fill the end. Bands without surface reflectance (cirrus, water vapour) are read for their no-data only.
 * Rejects with the first error after all blocks in flight have ended; what was written so far is the caller's to remove.
 */
export async function correctBands(
  options: CorrectBandsOptions,
): Promise<{ bands: CorrectedBand[]; planes: FlagPlanes; cells: CellPlanes }> {
  const { scene, signal, budget } = options
  const ids = CELL_BAND_IDS[scene.satellite]
  const isWanted = ({ id }: L1SceneBand) => options.pathOf !== null || Object.values(ids).includes(id)
  const order = scene.bands.filter(isWanted).sort((a, b) => b.grid.width - a.grid.width)
  const total = order.reduce((sum, band) => sum + band.grid.width * band.grid.height, 0)
  const planes = new FlagPlanes()
  const done: CorrectedBand[] = []
  const opened: OpenBand[] = []
  let pixels = 0

  function* work(): Generator<{ open: OpenBand; window: Window }> {
    for (const band of order) {
      const open = openBand(band, options)
      opened.push(open)
      for (const window of open.input.blocks) yield { open, window }
    }
  }
  const queue = work()

  async function walk(): Promise<void> {
    for (let next = queue.next(); next.done !== true; next = queue.next()) {
      signal.throwIfAborted()
      const { open, window } = next.value
      await correctBlock(open, window, options, planes)
      pixels += window.width * window.height
      if (--open.left === 0) {
        await open.input.close()
        await open.writer?.finish()
        const { id, grid } = open.band
        if (open.writer !== null)
          done.push({
            band: id,
            grid,
            statistics: open.statistics.result(bandFile(id, 'sre'), '1', 0.0001, 0),
          })
      }
      options.onProgress(pixels / total, `correcting ${open.band.id}`)
    }
  }

  const walkers: Promise<void>[] = []
  let failure: { error: unknown } | undefined
  const grow = () => {
    // More threads may be granted while it runs; fewer need nothing, because walkers then wait for the budget.
    while (walkers.length < budget.capacity + 1)
      walkers.push(
        walk().catch((error: unknown) => {
          failure ??= { error }
          queue.return(undefined)
        }),
      )
  }
  grow()
  const stopWatching = budget.onChange(grow)
  for (let i = 0; i < walkers.length; i++) await walkers[i]
  stopWatching()
  if (failure !== undefined || signal.aborted) {
    for (const open of opened) {
      await open.input.close().catch(() => undefined)
      await open.writer?.abort()
    }
    signal.throwIfAborted()
    throw failure?.error
  }
  const placeOf = (id: string) => scene.bands.findIndex((band) => band.id === id)
  done.sort((a, b) => placeOf(a.band) - placeOf(b.band))
  const meansOf = (band: CellBand) =>
    opened.find(({ band: { id } }) => id === ids[band])?.cells?.means.result() ??
    new Int16Array(options.cells.width * options.cells.height).fill(NO_DATA)
  const means = CELL_BANDS.map((band) => [band, meansOf(band)] as const)
  const cells = { grid: options.cells, bands: Object.fromEntries(means) as Record<CellBand, Int16Array> }
  return { bands: done, planes, cells }
}

function openBand(
  band: L1SceneBand,
  { scene, params, pressure, pathOf, cells, codec, blockSize, pool }: CorrectBandsOptions,
): OpenBand {
  const { id } = band
  const layout = cellsOfImage(cells, band.grid)
  const isOfCells = Object.values(CELL_BAND_IDS[scene.satellite]).includes(id)
  const input = new BandInput(scene, band, blockSize)
  // What one byte of kernel flags means for the planes.
  const lookup = Uint8Array.from(
    { length: 256 },
    (_, flags) =>
      ((flags & KERNEL_FLAGS.noData) !== 0 ? PLANE_BITS.noDataSome : 0) |
      (VISIBLE.has(id) && (flags & KERNEL_FLAGS.saturated) !== 0 ? PLANE_BITS.saturatedVisible : 0),
  )
  const common = {
    band,
    input,
    statistics: new BandStatisticsBuilder(),
    lookup,
    cells: isOfCells ? { ...layout, means: new CellMeans(cells, layout.side) } : null,
    left: input.blocks.length,
  }
  if (!isDelivered(scene.satellite, id)) return { ...common, table: null, writer: null }
  const planes = buildCoefficientPlanes({
    band,
    sun: scene.sun,
    sunCosine: scene.sunCosine,
    sensor: scene.sensor,
    params,
    pressureNodesHpa: pressure.nodesHpa,
  })
  return {
    ...common,
    table: pool.shareTable(planes, band, pressure.grid),
    writer:
      pathOf === null
        ? null
        : openBandWriter(pool, {
            path: pathOf(id),
            grid: band.grid,
            dtype: 'int16',
            noData: NO_DATA,
            scale: 0.0001,
            offset: 0,
            unit: '1',
            description: `${id} surface reflectance`,
            overview: 'average',
            codec,
            metadata: {},
          }),
  }
}

async function correctBlock(
  open: OpenBand,
  window: Window,
  { pool, budget }: CorrectBandsOptions,
  planes: FlagPlanes,
): Promise<void> {
  const { grid } = open.band
  const decoded = await budget.run(() => open.input.read(window, open.table !== null))
  const { table } = open
  if (table === null) {
    const flags = Uint8Array.from(decoded.dn, (dn) => (dn === 0 ? KERNEL_FLAGS.noData : 0))
    planes.add(grid.width, grid.height, window, flags, open.lookup)
    return
  }
  const { reflectance, flags } = await budget.run(() =>
    pool.correct({ dn: decoded.dn, detector: decoded.detector, window, table }),
  )
  const { cells, writer } = open
  if (cells !== null) {
    const { side, left, above, means } = cells
    means.add(
      await budget.run(() =>
        pool.cellSums({ pixels: reflectance, window, noData: NO_DATA, side, left, above }),
      ),
    )
  }
  if (writer === null) return
  planes.add(grid.width, grid.height, window, flags, open.lookup)
  open.statistics.add(reflectance, NO_DATA)
  await writer.writeBlock(window, reflectance)
}
