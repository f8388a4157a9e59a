import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import { blocksOf, describeGrid, type Grid } from '../../domain/grid.js'
import { groundClassTable } from '../../domain/ground-class.js'
import { MASK_METADATA } from '../../domain/mask-bits.js'
import { NDVI_BANDS, ndvi, type NdviParams } from '../../processors/ndvi/definition.js'
import { NDVI_RAMP, renderIndex } from '../../products/index-picture.js'
import {
  lacksBands,
  openL2aProduct,
  reflectanceKindOf,
  type L2aProduct,
} from '../../products/l2a/open-l2a.js'
import {
  NDVI_FILE,
  PRODUCT_FILES,
  bandFile,
  productName,
  type ReflectanceKind,
} from '../../products/layout.js'
import { writePicture } from '../../products/quicklook.js'
import { measurePeakRss, writeReport, type Report } from '../../products/report.js'
import { openRaster } from '../../raster/open-raster.js'
import { openBandWriter, type BandWriter } from '../band-writer.js'
import type { Budget } from '../budget.js'
import type { KernelPool } from '../kernel-pool.js'
import { openKernels } from '../open-kernels.js'
import { StageClock } from '../l2a/stage-clock.js'
import { readSmall } from '../read-small.js'
import { ReaderPool } from '../reader-pool.js'
import { softwareVersions } from '../software-versions.js'
import type { ThreadBudget } from '../step-context.js'
import { walkBlocks } from '../walk-blocks.js'
import { IndexStatistics } from './index-statistics.js'
import { writeNdviItem } from './write-ndvi-item.js'

const NO_DATA = -32768

export interface NdviRequest {
  /** Folder of an L2A product. */
  readonly input: string
  /** As the definition parses them: all keys present. */
  readonly params: NdviParams
  /** Where each parameter came from; `default` where absent. */
  readonly origins: Readonly<Record<string, string>>
  /** Existing folder that gets a folder named after the product. Removing it after an error is the caller's. */
  readonly into: string
  /** Called with the product's name before any pixel is read; rejects to refuse the work. */
  readonly accept?: (name: string) => Promise<void>
  readonly threads: ThreadBudget
  /** Multiple of 512; changes memory and speed, no pixel. */
  readonly blockSize: number
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

export interface NdviOutcome {
  readonly name: string
  readonly folder: string
  readonly source: L2aProduct
  /** [west, south, east, north] degrees, east > 180 over the antimeridian. */
  readonly bbox: readonly [number, number, number, number]
  readonly report: Report
}

/**
 * Makes the L3B product of one L2A product: NDVI.tif, MASK.tif, STAC item, quicklook, report. The same function serves the command line
 * and the scheduled step, so their pixels are the same.
 * @throws ProcessingError with the codes of the definition, DISK_FULL, WRITE_FAILED; the signal's reason when aborted.
 */
export async function makeNdvi(request: NdviRequest): Promise<NdviOutcome> {
  const { params } = request
  const clock = new StageClock()
  const source = await openL2aProduct(request.input)
  const name = productName({ ...source.id, level: 'L3B' })
  await request.accept?.(name)
  const { nir, red } = NDVI_BANDS[source.satellite]
  const kind = reflectanceKindOf(source, [nir, red])
  if (kind === undefined) throw lacksBands(source, [nir, red])
  const folder = join(request.into, name)
  await mkdir(folder)
  const kernels = await openKernels(request.threads)
  const { budget, pool } = kernels
  try {
    const paths = {
      nir: await source.path(bandFile(nir, kind)),
      red: await source.path(bandFile(red, kind)),
      mask: await source.path(PRODUCT_FILES.mask),
    }
    const grid = await commonGrid([paths.nir, paths.red, paths.mask])
    const statistics = await clock.stage('index', () =>
      writeIndex(request, { folder, paths, grid, pool, budget }),
    )
    if (statistics.valid === 0)
      throw new ProcessingError(
        'NO_VALID_PIXEL',
        `'${request.input}' has no pixel with both ${nir} and ${red} that together reach ${params.min_sum}. Nothing was made.`,
      )
    request.onProgress(0.95, 'quicklook and item')
    await clock.stage('quicklook', async () => {
      const small = await readSmall(join(folder, NDVI_FILE))
      const picture = renderIndex({ ...small, nodata: NO_DATA, scale: 0.0001 }, NDVI_RAMP)
      await writePicture(join(folder, PRODUCT_FILES.quicklook), picture)
    })
    const createdAt = new Date().toISOString()
    const versions = softwareVersions()
    const band = statistics.result(NDVI_FILE)
    const report: Report = {
      schema: 'tilth-report/1',
      product: name,
      processor: { name: ndvi.name, version: ndvi.version },
      versions,
      created: createdAt,
      inputs: [{ kind: 'L2A', name: source.name, detail: `${describeKind(kind)}, ${nir} and ${red}` }],
      parameters: Object.fromEntries(
        Object.entries(params).map(([key, value]) => [
          key,
          { value, origin: request.origins[key] ?? 'default' },
        ]),
      ),
      resources: { ...clock.total(), peak_rss_mb: measurePeakRss(), threads: request.threads.value },
      stages: clock.stages(),
      valid_share: band.valid_share,
      cloud_share: source.cloudPercent === null ? null : statistics.cloudShare,
      bands: [band],
      notes: [],
      flags: [kind],
    }
    await writeReport(join(folder, PRODUCT_FILES.report), report)
    const bbox = await writeNdviItem({
      ...{ folder, name, source, grid, kind, band, versions, createdAt },
      lineage: `${source.name}, NDVI of ${nir} and ${red}, ${describeKind(kind)}.`,
      cloudShare: report.cloud_share,
    })
    request.onProgress(1, 'done')
    return { name, folder, source, bbox, report }
  } finally {
    await kernels.close()
  }
}

const describeKind = (kind: ReflectanceKind): string =>
  kind === 'fre' ? 'reflectance corrected for slopes (FRE)' : 'reflectance for flat ground (SRE)'

/** The grid that all of these files share. Throws GRID_MISMATCH, RASTER_UNREADABLE. */
async function commonGrid(paths: readonly [string, ...string[]]): Promise<Grid> {
  let first: { readonly path: string; readonly grid: Grid } | undefined
  for (const path of paths) {
    const reader = await openRaster(path)
    reader.close()
    const { grid } = reader
    if (grid === null)
      throw new ProcessingError('RASTER_UNREADABLE', `'${path}' has no grid: ${reader.whyNoGrid ?? ''}.`)
    first ??= { path, grid }
    if (describeGrid(grid) !== describeGrid(first.grid))
      throw new ProcessingError(
        'GRID_MISMATCH',
        `'${path}' is ${describeGrid(grid)}, expected ${describeGrid(first.grid)} as of '${first.path}'.`,
      )
  }
  if (first === undefined) throw new ProcessingError('INTERNAL', 'No file, no grid.')
  return first.grid
}

interface Work {
  readonly folder: string
  readonly paths: { readonly nir: string; readonly red: string; readonly mask: string }
  readonly grid: Grid
  readonly pool: KernelPool
  readonly budget: Budget
}

/** NDVI.tif and MASK.tif, block by block: each block of an input is decoded once. */
async function writeIndex(
  { params, blockSize, codec, signal, onProgress }: NdviRequest,
  { folder, paths, grid, pool, budget }: Work,
): Promise<IndexStatistics> {
  const statistics = new IndexStatistics(groundClassTable())
  const readers = new ReaderPool(3 * (budget.capacity + 1))
  const common = { grid, scale: 1, offset: 0, unit: '1', codec, metadata: {} } as const
  const index = openBandWriter(pool, {
    ...common,
    path: join(folder, NDVI_FILE),
    ...{ dtype: 'int16', noData: NO_DATA, scale: 0.0001, overview: 'average' },
    description: 'Normalised difference vegetation index',
  })
  const mask = openBandWriter(pool, {
    ...common,
    path: join(folder, PRODUCT_FILES.mask),
    ...{ dtype: 'uint16', noData: null, overview: 'nearest', metadata: MASK_METADATA },
    description: 'Mask bits of the L2A product, see docs/products.md',
  })
  const writers: readonly BandWriter[] = [index, mask]
  let done = 0
  try {
    await walkBlocks(blocksOf(grid, blockSize), { budget, signal }, async (window) => {
      const pixels = window.width * window.height
      const shared = () => new SharedArrayBuffer(pixels * 2)
      const [a, b, out] = [new Int16Array(shared()), new Int16Array(shared()), new Int16Array(shared())]
      const bits = new Uint16Array(shared())
      await Promise.all([
        budget.run(() => readers.read(paths.nir, window, a)),
        budget.run(() => readers.read(paths.red, window, b)),
        budget.run(() => readers.read(paths.mask, window, bits)),
      ])
      const minSum = Math.round(params.min_sum * 10_000)
      await budget.run(() => pool.normalizedDifference({ a, b, noData: NO_DATA, minSum, out }))
      statistics.add(out, bits)
      await Promise.all([index.writeBlock(window, out), mask.writeBlock(window, bits)])
      done += pixels
      onProgress((0.95 * done) / (grid.width * grid.height), 'index')
    })
    for (const writer of writers) await writer.finish()
    return statistics
  } catch (error) {
    for (const writer of writers) await writer.abort()
    throw error
  } finally {
    readers.close()
  }
}
