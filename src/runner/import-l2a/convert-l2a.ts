import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import type { ForeignBand, ForeignL2a, ForeignLayer } from '../../domain/foreign-l2a.js'
import { blocksOf, type Grid, type Window } from '../../domain/grid.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { PRODUCT_FILES, bandFile, productName } from '../../products/layout.js'
import {
  BandStatisticsBuilder,
  measurePeakRss,
  writeReport,
  type BandStatistics,
  type Report,
} from '../../products/report.js'
import { readNearest } from '../../products/sentinel2/read-nearest.js'
import { importL2a } from '../../processors/import_l2a/definition.js'
import { openMaskRaster, type MaskRaster } from '../../raster/open-mask-raster.js'
import { openRaster } from '../../raster/open-raster.js'
import { openBandWriter, type BandWriterSpec } from '../band-writer.js'
import { openKernels } from '../open-kernels.js'
import { StageClock } from '../l2a/stage-clock.js'
import { drawQuicklook } from '../l2a/draw-quicklook.js'
import { softwareVersions } from '../software-versions.js'
import type { ThreadBudget } from '../step-context.js'
import { writeForeignItem } from './write-foreign-item.js'

const NO_DATA = -32768
/** Edge of a block in pixels where memory suffices: whole tiles of the output, and of the 1024-pixel tiles of ESA's images. */
export const BLOCK_SIZE = 1024

export interface ConvertOptions {
  readonly source: ForeignL2a
  /** Existing folder that gets a folder named after the product. */
  readonly into: string
  readonly accept?: (name: string) => Promise<void>
  readonly threads: ThreadBudget
  /** Multiple of 512; changes memory and speed, no pixel. */
  readonly blockSize: number
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  /** Where the product was made a moment ago by a processor that we ran, and not imported: what the report says of that. */
  readonly made?: {
    readonly processor: Report['processor']
    readonly inputs: Report['inputs']
    readonly parameters: Report['parameters']
    readonly stage: Report['stages'][number]
    readonly notes: readonly string[]
  }
}

/** Stored value of our products for one digital number: round((DN + offset) / quantification x 10000), clipped to int16; no-data -32768. */
export function storedReflectance(
  dn: number,
  band: Pick<ForeignBand, 'offset' | 'quantification' | 'noData'>,
): number {
  if (dn === band.noData) return NO_DATA
  const stored = Math.round(((dn + band.offset) * 10_000) / band.quantification)
  return Math.max(NO_DATA + 1, Math.min(32_767, stored))
}

export interface ConvertedL2a {
  readonly name: string
  readonly folder: string
  /** West, south, east, north in degrees; east > 180 over the antimeridian. */
  readonly bbox: readonly [number, number, number, number]
  readonly report: Report
}

/** A file of the product that is written. */
export interface ConvertedRaster {
  readonly file: string
  readonly grid: Grid
  readonly statistics: BandStatistics | null
}

/**
 * Writes another processor's L2A product in our layout: the same files, scales and no-data as our own, its masks in our bits, its scene
 * classes as they are. No pixel is corrected or resampled. Report and item name the processor that made it.
 * @throws ProcessingError RASTER_UNREADABLE, GRID_MISMATCH, NO_VALID_PIXEL, DISK_FULL, WRITE_FAILED; the signal's reason when aborted.
 */
export async function convertL2a(options: ConvertOptions): Promise<ConvertedL2a> {
  const { source, signal } = options
  const clock = new StageClock()
  const name = productName({
    ...source,
    level: 'L2A',
    sensedAt: source.namedAt,
    madeBy: source.producer.name.toUpperCase(),
  })
  await options.accept?.(name)
  const folder = join(options.into, name)
  await mkdir(folder)
  const kernels = await openKernels(options.threads)
  const { pool } = kernels
  const open = (spec: Omit<BandWriterSpec, 'codec' | 'metadata' | 'path'>, file: string) =>
    openBandWriter(pool, { ...spec, path: join(folder, file), codec: options.codec, metadata: {} })
  const work = { blockSize: options.blockSize, signal, open }
  try {
    const rasters: ConvertedRaster[] = []
    const missing: MissingPlane[] = []
    for (const [i, band] of source.bands.entries()) {
      options.onProgress((0.8 * i) / source.bands.length, `converting ${band.id}`)
      const { raster, plane } = await clock.stage(band.id, () => convertBand(band, work))
      rasters.push(raster)
      missing.push(plane)
    }
    if (rasters.every(({ statistics }) => statistics?.valid_share === 0))
      throw new ProcessingError('NO_VALID_PIXEL', `'${source.path}' has no pixel with data in any band.`)
    options.onProgress(0.82, 'masks')
    const finest = rasters.reduce((a, b) => (b.grid.pixelWidthM < a.grid.pixelWidthM ? b : a)).grid
    const shares = await clock.stage('masks', () => writeMask(source, finest, missing, work))
    if (source.sceneClasses !== null) rasters.push(await writeSceneClasses(source.sceneClasses, work))
    for (const [file, layer, unit, description] of [
      [PRODUCT_FILES.aot, source.aot, '1', 'Aerosol optical thickness at 550 nm'],
      [PRODUCT_FILES.wv, source.wv, 'g/cm2', 'Water vapour column'],
    ] as const)
      if (layer !== null) rasters.push(await convertLayer(layer, file, unit, description, work))
    rasters.push({ file: PRODUCT_FILES.mask, grid: finest, statistics: null })
    const kind = source.bands[0]?.kind ?? 'sre'
    const drawn = source.bands.filter((band) => band.kind === kind).map(({ id }) => id)
    await drawQuicklook(folder, drawn, (band) => bandFile(band, kind))
    const created = new Date().toISOString()
    const versions = softwareVersions()
    const report: Report = {
      schema: 'tilth-report/1',
      product: name,
      processor: options.made?.processor ?? { name: importL2a.name, version: importL2a.version },
      versions: { ...versions, [source.producer.name.toLowerCase()]: source.producer.version },
      created,
      inputs: [
        ...(options.made?.inputs ?? []),
        {
          kind: 'FOREIGN_L2A',
          name: source.productUri,
          detail: `${source.producer.name}, ${source.producer.version}`,
        },
      ],
      parameters: options.made?.parameters ?? {},
      resources: { ...clock.total(), peak_rss_mb: measurePeakRss(), threads: options.threads.value },
      stages: [...(options.made === undefined ? [] : [options.made.stage]), ...clock.stages()],
      valid_share: shares.valid,
      cloud_share: shares.cloud,
      bands: rasters.flatMap(({ statistics }) => statistics ?? []),
      notes: [...source.notes, ...(options.made?.notes ?? [])],
      flags: ['foreign_l2a'],
    }
    await writeReport(join(folder, PRODUCT_FILES.report), report)
    const bbox = await writeForeignItem({
      source,
      name,
      folder,
      rasters,
      finest,
      cloudShare: shares.cloud,
      versions,
      createdAt: created,
    })
    options.onProgress(1, 'done')
    return { name, folder, bbox, report }
  } finally {
    await kernels.close()
  }
}

interface Work {
  readonly blockSize: number
  readonly signal: AbortSignal
  readonly open: (
    spec: Omit<BandWriterSpec, 'codec' | 'metadata' | 'path'>,
    file: string,
  ) => ReturnType<typeof openBandWriter>
}

/** One byte a pixel of a band: 1 no data, 2 saturated in a visible band. */
interface MissingPlane {
  readonly grid: Grid
  readonly bytes: Uint8Array
}
const VISIBLE: readonly string[] = ['B02', 'B03', 'B04']

async function convertBand(
  band: ForeignBand,
  work: Work,
): Promise<{ raster: ConvertedRaster; plane: MissingPlane }> {
  const reader = await openRaster(band.path)
  try {
    const grid = reader.grid
    if (grid === null)
      throw new ProcessingError('RASTER_UNREADABLE', `'${band.path}' has no grid: ${reader.whyNoGrid ?? ''}.`)
    const file = bandFile(band.id, band.kind)
    const writer = work.open(
      {
        grid,
        dtype: 'int16',
        noData: NO_DATA,
        scale: 0.0001,
        offset: 0,
        unit: '1',
        description: `${band.id} surface reflectance`,
        overview: 'average',
      },
      file,
    )
    const statistics = new BandStatisticsBuilder()
    const bytes = new Uint8Array(grid.width * grid.height)
    const marksSaturation = band.saturated !== null && VISIBLE.includes(band.id)
    for (const window of blocksOf(grid, work.blockSize)) {
      work.signal.throwIfAborted()
      const dn = new Float32Array(window.width * window.height)
      await reader.read(0, window, dn)
      const stored = new Int16Array(new SharedArrayBuffer(dn.length * 2))
      for (let i = 0; i < dn.length; i++) {
        const value = dn[i] ?? band.noData
        stored[i] = storedReflectance(value, band)
        const flag = (value === band.noData ? 1 : 0) | (marksSaturation && value === band.saturated ? 2 : 0)
        if (flag !== 0) {
          const [row, column] = [Math.floor(i / window.width), i % window.width]
          bytes[(window.y + row) * grid.width + window.x + column] = flag
        }
      }
      statistics.add(stored, NO_DATA)
      await writer.writeBlock(window, stored)
    }
    await writer.finish()
    return {
      raster: { file, grid, statistics: statistics.result(file, '1', 0.0001, 0) },
      plane: { grid, bytes },
    }
  } finally {
    reader.close()
  }
}

async function convertLayer(
  layer: ForeignLayer,
  file: string,
  unit: string,
  description: string,
  work: Work,
): Promise<ConvertedRaster> {
  const reader = await openRaster(layer.path)
  try {
    const { grid } = reader
    if (grid === null) throw new ProcessingError('RASTER_UNREADABLE', `'${layer.path}' has no grid.`)
    const writer = work.open(
      {
        grid,
        dtype: 'int16',
        noData: NO_DATA,
        scale: 0.001,
        offset: 0,
        unit,
        description,
        overview: 'average',
      },
      file,
    )
    for (const window of blocksOf(grid, work.blockSize)) {
      const dn = new Float32Array(window.width * window.height)
      await reader.read(layer.band, window, dn)
      const stored = Int16Array.from(dn, (value) =>
        value === layer.noData
          ? NO_DATA
          : Math.min(32_767, Math.round((value * 1000) / layer.quantification)),
      )
      await writer.writeBlock(window, stored)
    }
    await writer.finish()
    return { file, grid, statistics: null }
  } finally {
    reader.close()
  }
}

/** MASK.tif on the finest grid: bits of all masks of the product, no-data of any band, saturation of visible ones. */
async function writeMask(
  source: ForeignL2a,
  grid: Grid,
  missing: readonly MissingPlane[],
  work: Work,
): Promise<{ valid: number; cloud: number | null }> {
  const masks: { raster: MaskRaster; bitsOf: Uint16Array }[] = []
  try {
    for (const { path, bitsOf } of source.masks) masks.push({ raster: await openMaskRaster(path), bitsOf })
    const writer = work.open(
      {
        grid,
        dtype: 'uint16',
        noData: null,
        scale: 1,
        offset: 0,
        unit: '1',
        description: 'Mask bits, see docs/products.md',
        overview: 'nearest',
      },
      PRODUCT_FILES.mask,
    )
    const flagBits = [
      0,
      1 << MASK_BITS.noData,
      1 << MASK_BITS.saturatedVisible,
      (1 << MASK_BITS.noData) | (1 << MASK_BITS.saturatedVisible),
    ]
    let [valid, cloudy] = [0, 0]
    for (const window of blocksOf(grid, work.blockSize)) {
      work.signal.throwIfAborted()
      const bits = new Uint16Array(new SharedArrayBuffer(window.width * window.height * 2))
      const bytes = new Uint8Array(bits.length)
      for (const { raster, bitsOf } of masks) {
        await readNearest(raster, grid, window, bytes)
        for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) | (bitsOf[bytes[i] ?? 0] ?? 0)
      }
      for (const plane of missing) addPlane(bits, window, grid, plane, flagBits)
      for (const value of bits) {
        if ((value & (1 << MASK_BITS.noData)) !== 0) continue
        valid++
        if ((value & (1 << MASK_BITS.cloudOrShadow)) !== 0) cloudy++
      }
      await writer.writeBlock(window, bits)
    }
    await writer.finish()
    return { valid: valid / (grid.width * grid.height), cloud: valid === 0 ? null : cloudy / valid }
  } finally {
    for (const { raster } of masks) raster.close()
  }
}

/** The planes cover the same ground as the mask: a pixel takes the byte under its centre. */
function addPlane(
  bits: Uint16Array,
  window: Window,
  grid: Grid,
  plane: MissingPlane,
  flagBits: readonly number[],
): void {
  const { width, height } = plane.grid
  for (let j = 0; j < window.height; j++) {
    const row = Math.min(height - 1, Math.floor(((window.y + j + 0.5) * height) / grid.height))
    for (let i = 0; i < window.width; i++) {
      const column = Math.min(width - 1, Math.floor(((window.x + i + 0.5) * width) / grid.width))
      const flag = plane.bytes[row * width + column] ?? 0
      if (flag !== 0) bits[j * window.width + i] = (bits[j * window.width + i] ?? 0) | (flagBits[flag] ?? 0)
    }
  }
}

async function writeSceneClasses(path: string, work: Work): Promise<ConvertedRaster> {
  const reader = await openRaster(path)
  try {
    const { grid } = reader
    if (grid === null) throw new ProcessingError('RASTER_UNREADABLE', `'${path}' has no grid.`)
    const writer = work.open(
      {
        grid,
        dtype: 'uint8',
        noData: 0,
        scale: 1,
        offset: 0,
        unit: '1',
        description: "Scene class, Sen2Cor's numbers",
        overview: 'nearest',
      },
      PRODUCT_FILES.scl,
    )
    for (const window of blocksOf(grid, work.blockSize)) {
      const classes = new Uint8Array(new SharedArrayBuffer(window.width * window.height))
      await reader.read(0, window, classes)
      await writer.writeBlock(window, classes)
    }
    await writer.finish()
    return { file: PRODUCT_FILES.scl, grid, statistics: null }
  } finally {
    reader.close()
  }
}
