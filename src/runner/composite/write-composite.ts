import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import { groundClassTable } from '../../domain/ground-class.js'
import { newCompositeState, type CompositeState } from '../../kernels/composite.js'
import { COMPOSITE_BANDS } from '../../processors/composite/definition.js'
import { compositeLayers } from '../../products/layout.js'
import { BandStatisticsBuilder, type BandStatistics } from '../../products/report.js'
import { openBandWriter, type BandWriter, type BandWriterSpec } from '../band-writer.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { ReaderPool } from '../reader-pool.js'
import { walkBlocks } from '../walk-blocks.js'
import type { FinishedBlock } from './composite-tasks.js'
import type { CompositeInput, CompositeInputs } from './composite-inputs.js'

/** Files that stay open between two blocks; beyond, those used longest ago are closed and opened again. */
const MOST_OPEN = 256
const NO_DATA = -32768

export interface WriteCompositeOptions {
  readonly inputs: CompositeInputs
  readonly folder: string
  readonly pool: KernelPool
  readonly budget: Budget
  readonly signal: AbortSignal
  /** A multiple of 1024 pixels, of 512 where all bands have one grid. */
  readonly blockSize: number
  readonly blocksAhead: 0 | 1
  readonly codec: Codec
  readonly onProgress: (fraction: number) => void
}

/** What was written on one grid. */
export interface WrittenGroup {
  readonly grid: Grid
  readonly suffix: '' | '_20M'
  /** Of each band, by file. */
  readonly bands: readonly (BandStatistics & { readonly band: string })[]
}

export interface WrittenComposite {
  readonly groups: readonly WrittenGroup[]
  /** Pixels of the finest grid by number of dates that were averaged, and by class. */
  readonly counts: readonly number[]
  readonly classes: readonly number[]
}

/** Bands and layers of one grid while they are written. */
interface Group {
  readonly grid: Grid
  readonly suffix: '' | '_20M'
  readonly names: readonly string[]
  readonly pathsOf: (date: CompositeInput) => readonly string[]
  /** Where a block of the finest grid lies on this one. */
  readonly place: (fine: Window) => Window
  readonly bands: readonly BandWriter[]
  readonly statistics: readonly BandStatisticsBuilder[]
  readonly flags: BandWriter
  readonly weights: BandWriter
  readonly dates: BandWriter
}

/**
 * Writes all bands and layers, block by block over all dates: each block of an input is decoded once, and memory follows the blocks in
 * flight, not the dates. The same bytes for any threads, blocks and order of dates, because all sums are exact.
 * Rejects with RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED, the signal's reason; what was written so far is the caller's to remove.
 */
export async function writeComposite(options: WriteCompositeOptions): Promise<WrittenComposite> {
  const { inputs, budget, signal, blocksAhead: ahead } = options
  const groups = openGroups(options)
  const readers = new ReaderPool(MOST_OPEN)
  const writers = groups.flatMap((g) => [...g.bands, g.flags, g.weights, g.dates])
  const counts: number[] = []
  const classes = [0, 0, 0, 0, 0]
  const { width, height } = inputs.fine
  const total = width * height * inputs.dates.length
  let done = 0
  try {
    await walkBlocks(blocksOf(inputs.fine, options.blockSize), { budget, ahead, signal }, async (fine) => {
      const states = groups.map(({ place, names }) => {
        const window = place(fine)
        return newCompositeState(window.width * window.height, names.length)
      })
      for (const date of inputs.dates) {
        signal.throwIfAborted()
        await addBlock(date, fine, groups, states, readers, options)
        done += fine.width * fine.height
        options.onProgress(done / total)
      }
      for (const [i, group] of groups.entries()) {
        const state = states[i]
        if (state === undefined) continue
        const block = await budget.run(() => options.pool.finishComposite({ state }))
        if (i === 0) {
          block.counts.forEach((n, k) => (counts[k] = (counts[k] ?? 0) + n))
          block.classes.forEach((n, k) => (classes[k] = (classes[k] ?? 0) + n))
        }
        await writeBlock(group, group.place(fine), block)
      }
    })
    for (const writer of writers) await writer.finish()
  } catch (error) {
    for (const writer of writers) await writer.abort()
    throw error
  } finally {
    readers.close()
  }
  return {
    counts: Array.from(counts, (n: number | undefined) => n ?? 0),
    classes,
    groups: groups.map(({ grid, suffix, names, statistics }) => ({
      ...{ grid, suffix },
      bands: statistics.map((s, b) => {
        const band = names[b] ?? ''
        return { band, ...s.result(`${band}.tif`, '1', 0.0001, 0) }
      }),
    })),
  }
}

const CLASS_OF = (() => {
  let shared: Uint8Array | undefined
  return () => {
    if (shared === undefined) {
      shared = new Uint8Array(new SharedArrayBuffer(65_536))
      shared.set(groundClassTable())
    }
    return shared
  }
})()

async function addBlock(
  date: CompositeInput,
  fine: Window,
  groups: readonly Group[],
  states: readonly CompositeState[],
  readers: ReaderPool,
  { budget, pool }: WriteCompositeOptions,
): Promise<void> {
  const mask = new Uint16Array(new SharedArrayBuffer(fine.width * fine.height * 2))
  const reads = [budget.run(() => readers.read(date.mask, fine, mask))]
  const filled = groups.flatMap((group, i) => {
    const state = states[i]
    if (state === undefined) return []
    const window = group.place(fine)
    const pixels = new Int16Array(new SharedArrayBuffer(state.n * state.bands * 2))
    group.pathsOf(date).forEach((path, b) => {
      const part = pixels.subarray(b * state.n, (b + 1) * state.n)
      reads.push(budget.run(() => readers.read(path, window, part)))
    })
    return [{ pixels, state }]
  })
  // All of them end before the first failure is told: readers are closed after it.
  const failed = (await Promise.allSettled(reads)).find((read) => read.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  const { width, height } = fine
  const { wholeWeight: weight, wholeDay: day } = date
  await budget.run(() =>
    pool.addDate({ ...{ mask, width, height, weight, day }, classOf: CLASS_OF(), groups: filled }),
  )
}

async function writeBlock(group: Group, window: Window, block: FinishedBlock): Promise<void> {
  await Promise.all([
    ...block.bands.map((pixels, b) => {
      group.statistics[b]?.add(pixels, NO_DATA)
      return group.bands[b]?.writeBlock(window, pixels)
    }),
    group.flags.writeBlock(window, block.flags),
    group.weights.writeBlock(window, block.weights),
    group.dates.writeBlock(window, block.dates),
  ])
}

function openGroups({ inputs, folder, pool, codec }: WriteCompositeOptions): readonly Group[] {
  const { fine, coarse } = COMPOSITE_BANDS[inputs.dates[0].product.satellite]
  const open = (
    grid: Grid,
    names: readonly string[],
    suffix: '' | '_20M',
  ): Omit<Group, 'pathsOf' | 'place'> => {
    const writer = (file: string, spec: Omit<BandWriterSpec, 'path' | 'grid' | 'codec'>) =>
      openBandWriter(pool, { ...spec, path: join(folder, file), grid, codec })
    const files = compositeLayers(suffix)
    return {
      ...{ grid, suffix, names },
      statistics: names.map(() => new BandStatisticsBuilder()),
      bands: names.map((band) =>
        writer(`${band}.tif`, {
          ...{ dtype: 'int16', noData: NO_DATA, scale: 0.0001, offset: 0, unit: '1', overview: 'average' },
          description: `${band} surface reflectance, weighted mean`,
        }),
      ),
      flags: writer(files.flags, {
        ...{ dtype: 'uint8', noData: 0, scale: 1, offset: 0, unit: '1', overview: 'nearest' },
        description: 'Best class: 1 cloud or shadow, 2 snow, 3 water, 4 land',
      }),
      weights: writer(files.weights, {
        ...{
          dtype: 'uint16',
          noData: 0,
          scale: 0.01,
          offset: 0,
          unit: '1',
          overview: 'nearest',
          predictor: 2,
        },
        description: 'Sum of the weights of the dates that were averaged',
      }),
      dates: writer(files.dates, {
        ...{ dtype: 'int16', noData: NO_DATA, scale: 0.01, offset: 0, unit: 'days', overview: 'average' },
        description: 'Weighted mean time of those dates, from noon (UTC) of the synthesis day',
      }),
    }
  }
  const half = (w: Window): Window => ({
    ...{ x: w.x / 2, y: w.y / 2 },
    ...{ width: Math.ceil(w.width / 2), height: Math.ceil(w.height / 2) },
  })
  return [
    { ...open(inputs.fine, fine, ''), pathsOf: (date) => date.fine, place: (window) => window },
    ...(inputs.coarse === null
      ? []
      : [
          {
            ...open(inputs.coarse, coarse, '_20M'),
            pathsOf: (date: CompositeInput) => date.coarse,
            place: half,
          },
        ]),
  ]
}
