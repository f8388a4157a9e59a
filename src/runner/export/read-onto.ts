import { ProcessingError } from '../../domain/errors.js'
import type { Grid, Window } from '../../domain/grid.js'
import { openRaster, type PixelArray } from '../../raster/open-raster.js'

/** A raster of a product, read row by row on another grid over the same ground. */
export interface LayerReader {
  readonly grid: Grid
  /** Means by area over the valid pixels; NaN where less than half of the area is valid. Row-major, the grid's whole width. */
  mean(grid: Grid, y: number, height: number): Promise<Float32Array>
  /** Bits that are set in any pixel below. */
  any(grid: Grid, y: number, height: number): Promise<Uint16Array>
  /** The pixel under each pixel's centre. */
  nearest(grid: Grid, y: number, height: number): Promise<Uint16Array>
  close(): void
}

/** Source pixels under each pixel along one axis: the first of them, how many, and how much of each lies below. */
interface Axis {
  readonly start: number
  readonly end: number
  readonly first: Int32Array
  readonly weights: readonly Float64Array[]
}

/** Shares of a pixel below this come from rounding of corners, not from images that lie aside. */
const EPSILON = 1e-6

/** `offset` and `ratio` in source pixels: of the first pixel's edge, and from pixel to pixel. The axis is clipped to `size` source pixels. */
export function axisOf(offset: number, ratio: number, from: number, count: number, size: number): Axis {
  const clamp = (index: number) => Math.min(size - 1, Math.max(0, index))
  const first = new Int32Array(count)
  const weights: Float64Array[] = []
  for (let i = 0; i < count; i++) {
    const [a, b] = [offset + (from + i) * ratio, offset + (from + i + 1) * ratio]
    const start = clamp(Math.floor(a + EPSILON))
    const last = Math.max(start, clamp(Math.ceil(b - EPSILON) - 1))
    first[i] = start
    weights.push(
      Float64Array.from({ length: last - start + 1 }, (_, k) =>
        Math.max(EPSILON, Math.min(b, start + k + 1) - Math.max(a, start + k)),
      ),
    )
  }
  const start = first[0] ?? 0
  return { start, end: (first[count - 1] ?? 0) + (weights[count - 1]?.length ?? 1), first, weights }
}

/** Opens a raster of a product. Rejects with RASTER_UNREADABLE. */
export async function openLayer(path: string, noData: number | null): Promise<LayerReader> {
  const reader = await openRaster(path)
  const from = reader.grid
  if (from === null) {
    reader.close()
    throw new ProcessingError('RASTER_UNREADABLE', `'${path}' has no grid: ${reader.whyNoGrid ?? ''}.`)
  }
  const axes = (grid: Grid, y: number, height: number) => ({
    columns: axisOf(
      (grid.ulx - from.ulx) / from.pixelWidthM,
      grid.pixelWidthM / from.pixelWidthM,
      0,
      grid.width,
      from.width,
    ),
    rows: axisOf(
      (from.uly - grid.uly) / from.pixelHeightM,
      grid.pixelHeightM / from.pixelHeightM,
      y,
      height,
      from.height,
    ),
  })
  const read = async <T extends PixelArray>(columns: Axis, rows: Axis, make: (pixels: number) => T) => {
    const window: Window = {
      x: columns.start,
      y: rows.start,
      width: columns.end - columns.start,
      height: rows.end - rows.start,
    }
    const pixels = make(window.width * window.height)
    await reader.read(0, window, pixels)
    return { pixels, width: window.width }
  }
  const isOwn = (grid: Grid) =>
    grid.ulx === from.ulx &&
    grid.uly === from.uly &&
    grid.pixelWidthM === from.pixelWidthM &&
    grid.width === from.width
  return {
    grid: from,
    mean: async (grid, y, height) => {
      const { columns, rows } = axes(grid, y, height)
      const { pixels, width } = await read(columns, rows, (n) => new Float32Array(n))
      if (noData !== null) for (let i = 0; i < pixels.length; i++) if (pixels[i] === noData) pixels[i] = NaN
      return isOwn(grid) ? pixels : meanOver(pixels, width, columns, rows)
    },
    any: async (grid, y, height) => {
      const { columns, rows } = axes(grid, y, height)
      const { pixels, width } = await read(columns, rows, (n) => new Uint16Array(n))
      if (isOwn(grid)) return pixels
      const out = new Uint16Array(columns.first.length * height)
      eachBelow(columns, rows, width, (at, source) => {
        out[at] = (out[at] ?? 0) | (pixels[source] ?? 0)
      })
      return out
    },
    nearest: async (grid, y, height) => {
      const { columns, rows } = axes(grid, y, height)
      const { pixels, width } = await read(columns, rows, (n) => new Uint16Array(n))
      if (isOwn(grid)) return pixels
      const centre = ({ first, weights }: Axis, i: number, offset: number, ratio: number, at: number) =>
        Math.min(
          (first[i] ?? 0) + (weights[i]?.length ?? 1) - 1,
          Math.max(first[i] ?? 0, Math.floor(offset + (at + 0.5) * ratio)),
        )
      const out = new Uint16Array(columns.first.length * height)
      const x0 = (grid.ulx - from.ulx) / from.pixelWidthM
      const y0 = (from.uly - grid.uly) / from.pixelHeightM
      const [dx, dy] = [grid.pixelWidthM / from.pixelWidthM, grid.pixelHeightM / from.pixelHeightM]
      for (let j = 0; j < height; j++) {
        const row = (centre(rows, j, y0, dy, y + j) - rows.start) * width
        for (let i = 0; i < grid.width; i++)
          out[j * grid.width + i] = pixels[row + centre(columns, i, x0, dx, i) - columns.start] ?? 0
      }
      return out
    },
    close: () => {
      reader.close()
    },
  }
}

function eachBelow(
  columns: Axis,
  rows: Axis,
  width: number,
  visit: (at: number, source: number, weight: number) => void,
): void {
  const count = columns.first.length
  for (let j = 0; j < rows.first.length; j++) {
    const down = rows.weights[j] ?? []
    for (let i = 0; i < count; i++) {
      const across = columns.weights[i] ?? []
      const left = (columns.first[i] ?? 0) - columns.start
      for (let v = 0; v < down.length; v++) {
        const row = ((rows.first[j] ?? 0) - rows.start + v) * width + left
        for (let u = 0; u < across.length; u++)
          visit(j * count + i, row + u, (down[v] ?? 0) * (across[u] ?? 0))
      }
    }
  }
}

function meanOver(pixels: Float32Array, width: number, columns: Axis, rows: Axis): Float32Array {
  const length = columns.first.length * rows.first.length
  const [sum, valid, all] = [new Float64Array(length), new Float64Array(length), new Float64Array(length)]
  eachBelow(columns, rows, width, (at, source, weight) => {
    const value = pixels[source] ?? NaN
    all[at] = (all[at] ?? 0) + weight
    if (Number.isNaN(value)) return
    sum[at] = (sum[at] ?? 0) + weight * value
    valid[at] = (valid[at] ?? 0) + weight
  })
  return Float32Array.from(sum, (total, i) =>
    (valid[i] ?? 0) * 2 < (all[i] ?? 0) || valid[i] === 0 ? NaN : total / (valid[i] ?? 1),
  )
}
