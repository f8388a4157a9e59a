/** Tasks of the kernel pool, one exported function each. Runs in piscina's threads: no GDAL, no files, no state but the addon's and memory that is used again. */
import { cellSums, type BlockCells, type CellLayout, type CellSumsArgs } from '../kernels/cell-sums.js'
import {
  correctReflectance,
  REFLECTANCE_NO_DATA,
  type CorrectReflectanceArgs,
} from '../kernels/correct-reflectance.js'
import { encodeTile, TILE } from '../kernels/encode-tile.js'
import { halve, type ProductPixels, type Resampling } from '../kernels/halve.js'
import { levelSigma as sigmaOfLevel, type LevelSigmaArgs } from '../kernels/level-sigma.js'
import { normalizedDifference, type NormalizedDifferenceArgs } from '../kernels/normalized-difference.js'
import { orFlags, type BytePlane } from '../kernels/or-flags.js'
import { packBlock, unpackBlock } from '../kernels/pack-block.js'
import { phaseShifts, type PhaseShiftsArgs } from '../kernels/phase-shift.js'
import { resample, type ResampleArgs } from '../kernels/resample.js'
import { scaleByNodes, type NodeFactors } from '../kernels/scale-by-nodes.js'
import { sigmaByNodes, type VarianceNodes } from '../kernels/sigma-by-nodes.js'
import { summarize } from '../kernels/summarize.js'
import { sensorCells, type SensorCells } from '../kernels/sensor-cells.js'
import type { Codec } from '../domain/codec.js'
import type { Window } from '../domain/grid.js'
import type { PixelSummary } from '../domain/pixel-summary.js'
import type { EncodedTile } from '../raster/cog-writer.js'

/** How the tiles of one image are made. */
export interface TileFormat {
  readonly codec: Codec
  readonly predictor: 1 | 2
  readonly overview: Resampling
  /** Left out of means; any number where there is none (means need one). */
  readonly noData: number
}

/** One image of the pyramid in shared memory, row-major. */
export interface Image {
  readonly pixels: ProductPixels
  readonly width: number
  readonly height: number
}

/** A tile of level 1 that gathers its quarters from blocks. */
export interface HalfTile {
  readonly tileX: number
  readonly tileY: number
  /** TILE x TILE, row-major. */
  readonly pixels: ProductPixels
  /** True where this block alone fills the tile: it is then encoded at once. */
  readonly complete: boolean
}

export interface EncodeBlockTask {
  readonly pixels: ProductPixels
  readonly window: Window
  readonly format: TileFormat
  /** Size of level 0. */
  readonly image: { readonly width: number; readonly height: number }
  /** Empty for an image that has no level 1. */
  readonly halves: readonly HalfTile[]
  /** Level 2, to be filled; absent where there is none. */
  readonly quarter: Image | null
  /** On shared memory, with room for all tiles that this makes. */
  readonly into: Uint8Array
}

/** Of a thread, which runs one task at a time: grown as needed, its content nobody's. */
const memory = { dn: new Uint16Array(0), detector: new Uint8Array(0) }

/** Puts encoded tiles one after another into `into`, which is on shared memory and has room for all. */
class TileSink {
  private used = 0
  readonly tiles: EncodedTile[] = []

  constructor(
    private readonly format: TileFormat,
    private readonly into: Uint8Array,
  ) {}

  add(
    level: number,
    index: number,
    plane: { pixels: ProductPixels; start: number; stride: number; width: number; height: number },
  ): void {
    const size = encodeTile(plane, this.format.predictor, this.format.codec, this.into, this.used)
    this.tiles.push({ level, index, start: this.used, size })
    this.used += size
  }
}

export interface MeasureTask {
  readonly dn: Uint16Array
  readonly detector: Uint8Array
  readonly window: Window
  /** Null: no sums by cells. */
  readonly layout: CellLayout | null
  /** The same by other, finer cells. */
  readonly fine: CellLayout | null
  /** Gets the block packed for a second pass, on shared memory; null: there is none. */
  readonly packed: Uint8Array | null
}

export interface MeasuredBlock {
  readonly cells: SensorCells | null
  readonly fine: SensorCells | null
  /** Bytes of the packed block. */
  readonly packedBytes: number
}

export function measure({ dn, detector, window, packed, ...by }: MeasureTask): MeasuredBlock {
  const [cells, fine] = [by.layout, by.fine].map((layout) =>
    layout === null ? null : sensorCells({ dn, detector, window, ...layout }),
  ) as [SensorCells | null, SensorCells | null]
  const { width, height } = window
  const packedBytes = packed === null ? 0 : packBlock({ dn, detector, width, height, out: packed })
  return { cells, fine, packedBytes }
}

export interface CorrectPackedTask extends Omit<CorrectReflectanceArgs, 'dn' | 'detector'> {
  readonly packed: Uint8Array
  readonly cells: CellLayout | null
  /** Null: not asked for. */
  readonly nbar: { readonly scale: NodeFactors; readonly out: Int16Array } | null
  readonly sigma: { readonly variance: VarianceNodes; readonly out: Int16Array } | null
  /** Only with `flat` and `sigma`. */
  readonly levelSigma: Pick<LevelSigmaArgs, 'terrain' | 'nodes' | 'light' | 'out'> | null
}

/** Of one block; layers that were not asked for are null. */
export interface CorrectedSums {
  /** Null where no cells are asked for. */
  readonly cells: BlockCells | null
  readonly sre: PixelSummary
  readonly fre: PixelSummary | null
  readonly nbar: PixelSummary | null
  readonly sigma: PixelSummary | null
  readonly fre_sigma: PixelSummary | null
}

/** Unpacks a block, corrects it and sums it up; false where the bytes are no such block. */
export function correctPacked({
  packed,
  cells,
  nbar,
  sigma,
  levelSigma,
  ...task
}: CorrectPackedTask): CorrectedSums | false {
  const { window, out } = task
  const pixels = window.width * window.height
  if (memory.dn.length < pixels) {
    memory.dn = new Uint16Array(pixels)
    memory.detector = new Uint8Array(pixels)
  }
  const [dn, detector] = [memory.dn.subarray(0, pixels), memory.detector.subarray(0, pixels)]
  if (!unpackBlock(packed, { dn, detector, width: window.width, height: window.height })) return false
  correctReflectance({ ...task, dn, detector })
  const pixelsOf = { pixels: out, detector, window, noData: REFLECTANCE_NO_DATA }
  if (nbar !== null) scaleByNodes({ ...pixelsOf, ...nbar })
  if (sigma !== null) sigmaByNodes({ ...pixelsOf, ...sigma })
  if (levelSigma !== null && sigma !== null && task.flat)
    sigmaOfLevel({ ...pixelsOf, ...levelSigma, level: task.flat, sigma: sigma.out })
  const summaryOf = (layer: Int16Array | null | undefined) =>
    layer ? summarize(layer, REFLECTANCE_NO_DATA) : null
  return {
    cells: cells === null ? null : cellSums({ pixels: out, window, noData: REFLECTANCE_NO_DATA, ...cells }),
    sre: summarize(out, REFLECTANCE_NO_DATA),
    fre: summaryOf(task.flat),
    nbar: summaryOf(nbar?.out),
    sigma: summaryOf(sigma?.out),
    fre_sigma: summaryOf(levelSigma?.out),
  }
}

export function orPlane(task: {
  window: Window
  mask: Uint16Array
  plane: BytePlane
  bitsOf: Uint16Array
}): void {
  orFlags(task)
}

export function difference(task: NormalizedDifferenceArgs): void {
  normalizedDifference(task)
}

export function cells(task: CellSumsArgs): BlockCells {
  return cellSums(task)
}

/** Digital numbers of a block out of a piece of an image. */
export function resampleBlock(task: ResampleArgs): void {
  resample(task)
}

export function shifts(task: PhaseShiftsArgs): void {
  phaseShifts(task)
}

export { castShadows, meansAround, slopes } from '../kernels/ground.js'
export { addDate, finishComposite } from './composite/composite-tasks.js'
export { decideCellMasks } from './l2a/mask-task.js'

/** Encodes the tiles of one block, halves it into tiles of level 1, and finishes those that are complete. */
export function encodeBlock(task: EncodeBlockTask): EncodedTile[] {
  const { window, pixels, format, into } = task
  const sink = new TileSink(format, into)
  const across = Math.ceil(task.image.width / TILE)
  for (let y = 0; y < window.height; y += TILE)
    for (let x = 0; x < window.width; x += TILE)
      sink.add(0, ((window.y + y) / TILE) * across + (window.x + x) / TILE, {
        pixels,
        start: y * window.width + x,
        stride: window.width,
        width: Math.min(TILE, window.width - x),
        height: Math.min(TILE, window.height - y),
      })
  for (const half of task.halves) {
    // What of this block lies below the half tile, in pixels of level 0.
    const left = Math.max(window.x, half.tileX * 2 * TILE)
    const top = Math.max(window.y, half.tileY * 2 * TILE)
    const width = Math.min(window.x + window.width, (half.tileX + 1) * 2 * TILE) - left
    const height = Math.min(window.y + window.height, (half.tileY + 1) * 2 * TILE) - top
    halve(
      {
        pixels,
        start: (top - window.y) * window.width + left - window.x,
        stride: window.width,
        width,
        height,
      },
      {
        pixels: half.pixels,
        start: (top / 2 - half.tileY * TILE) * TILE + left / 2 - half.tileX * TILE,
        stride: TILE,
        width: Math.ceil(width / 2),
        height: Math.ceil(height / 2),
      },
      format.overview,
      format.noData,
    )
    if (half.complete) finishHalf(task, half, sink)
  }
  return sink.tiles
}

/** Encodes one tile of level 1 whose quarters came from several blocks. */
export function encodeHalf(
  task: Omit<EncodeBlockTask, 'pixels' | 'window'> & { readonly half: HalfTile },
): EncodedTile[] {
  const sink = new TileSink(task.format, task.into)
  finishHalf(task, task.half, sink)
  return sink.tiles
}

function finishHalf(
  task: Pick<EncodeBlockTask, 'image' | 'format' | 'quarter'>,
  half: HalfTile,
  sink: TileSink,
): void {
  const levelWidth = Math.ceil(task.image.width / 2)
  const levelHeight = Math.ceil(task.image.height / 2)
  const width = Math.min(TILE, levelWidth - half.tileX * TILE)
  const height = Math.min(TILE, levelHeight - half.tileY * TILE)
  const plane = { pixels: half.pixels, start: 0, stride: TILE, width, height }
  sink.add(1, half.tileY * Math.ceil(levelWidth / TILE) + half.tileX, plane)
  const { quarter } = task
  if (quarter === null) return
  const at = half.tileY * (TILE / 2) * quarter.width + half.tileX * (TILE / 2)
  const out = {
    pixels: quarter.pixels,
    start: at,
    stride: quarter.width,
    width: Math.ceil(width / 2),
    height: Math.ceil(height / 2),
  }
  halve(plane, out, task.format.overview, task.format.noData)
}

/** Encodes level 2, which is whole now, and all smaller ones. */
export function encodeRest(task: {
  readonly quarter: Image
  readonly format: TileFormat
  readonly into: Uint8Array
}): EncodedTile[] {
  let image = task.quarter
  const sink = new TileSink(task.format, task.into)
  for (let level = 2; ; level++) {
    const across = Math.ceil(image.width / TILE)
    for (let y = 0; y < image.height; y += TILE)
      for (let x = 0; x < image.width; x += TILE)
        sink.add(level, (y / TILE) * across + x / TILE, {
          pixels: image.pixels,
          start: y * image.width + x,
          stride: image.width,
          width: Math.min(TILE, image.width - x),
          height: Math.min(TILE, image.height - y),
        })
    if (image.width <= TILE && image.height <= TILE) return sink.tiles
    const width = Math.ceil(image.width / 2)
    const height = Math.ceil(image.height / 2)
    const Pixels = image.pixels.constructor as new (length: number) => ProductPixels
    const next = { pixels: new Pixels(width * height), width, height }
    halve(
      { ...image, start: 0, stride: image.width },
      { ...next, start: 0, stride: width },
      task.format.overview,
      task.format.noData,
    )
    image = next
  }
}
