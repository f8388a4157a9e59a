import type { Grid, Window } from '../../domain/grid.js'
import type { L1Scene, L1SceneBand } from '../../domain/l1-scene.js'
import { buildCoefficientPlanes } from '../../processors/l2a/coefficient-planes.js'
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
  /** Path of the COG of a band. */
  readonly pathOf: (band: string) => string
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
  left: number
}

/**
 * Corrects all bands, block by block: decode (libuv thread), correct and encode (pool threads), all within the thread budget.
 * As many blocks are in flight as the budget has threads, plus one that waits: that bounds memory. The largest images come first, so
 * that small ones fill the end. Bands without surface reflectance (cirrus, water vapour) are read for their no-data only.
 * Rejects with the first error after all blocks in flight have ended; what was written so far is the caller's to remove.
 */
export async function correctBands(
  options: CorrectBandsOptions,
): Promise<{ bands: CorrectedBand[]; planes: FlagPlanes }> {
  const { scene, signal, budget } = options
  const order = [...scene.bands].sort((a, b) => b.grid.width - a.grid.width)
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
  return { bands: done, planes }
}

function openBand(
  band: L1SceneBand,
  { scene, params, pressure, pathOf, codec, blockSize, pool }: CorrectBandsOptions,
): OpenBand {
  const { id } = band
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
    writer: openBandWriter(pool, {
      path: pathOf(id),
      grid: band.grid,
      dtype: 'int16',
      noData: -32768,
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
  planes.add(grid.width, grid.height, window, flags, open.lookup)
  open.statistics.add(reflectance, -32768)
  await open.writer?.writeBlock(window, reflectance)
}
