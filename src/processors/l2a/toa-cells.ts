import type { Grid, Window } from '../../domain/grid.js'
import type { AngleGrid } from '../../domain/l1-scene.js'
import { cosineAt } from './cell-angles.js'

/** What one band measured on cells, row-major. */
export interface ToaBand {
  /** Mean reflectance at the sensor, unit 1, divided by the cosine of the sun's zenith; NaN where less than half of a cell was measured. */
  readonly rho: Float32Array
  /** 1 where half of the measured pixels or more are saturated. */
  readonly isSaturated: Uint8Array
  /** Bit d: detector d measured in the cell (31: that or a higher one). */
  readonly detectors: Uint32Array
}

/** What a scene measured on cells, by band. A band that the scene lacks is missing. */
export interface ToaCells {
  readonly grid: Grid
  readonly bands: ReadonlyMap<string, ToaBand>
}

/** 1 where one of the bands that are there is saturated. */
export function anySaturated({ grid, bands }: ToaCells, ids: readonly string[]): Uint8Array {
  const any = new Uint8Array(grid.width * grid.height)
  for (const id of ids) {
    const { isSaturated } = bands.get(id) ?? {}
    for (let i = 0; isSaturated && i < any.length; i++) if (isSaturated[i] === 1) any[i] = 1
  }
  return any
}

/** One block's part, as the kernel adds it up. */
interface Part {
  readonly x: number
  readonly y: number
  readonly columns: number
  readonly sums: Uint32Array
  readonly counts: Int32Array
  readonly saturated: Int32Array
  readonly detectors: Uint32Array
}

/** What a number of the sensor means: rho = (DN + offset) / quantification, to be divided by the cosine of the sun's zenith where that is `missing`. */
interface Radiometry {
  readonly offset: number
  readonly quantification: number
  readonly sunCosine: 'applied' | 'missing'
  readonly sun: AngleGrid
}

const SATURATED_DN = 65535

/** Adds up the parts of one band as they come, in any order: sums of whole numbers, so the result is the same for any blocks. */
export class ToaSums {
  private readonly sums: Float64Array
  private readonly counts: Int32Array
  private readonly saturated: Int32Array
  private readonly detectors: Uint32Array

  constructor(
    private readonly grid: Grid,
    /** Pixels along a cell; 1 where a cell takes one pixel alone. */
    private readonly side: number,
  ) {
    const cells = grid.width * grid.height
    this.sums = new Float64Array(cells)
    this.counts = new Int32Array(cells)
    this.saturated = new Int32Array(cells)
    this.detectors = new Uint32Array(cells)
  }

  add(part: Part): void {
    for (let i = 0; i < part.sums.length; i++) {
      const at = (part.y + Math.floor(i / part.columns)) * this.grid.width + part.x + (i % part.columns)
      this.sums[at]! += part.sums[i]!
      this.counts[at]! += part.counts[i]!
      this.saturated[at]! += part.saturated[i]!
      this.detectors[at]! |= part.detectors[i]!
    }
  }

  /** Saturated pixels stay out of the mean; where all of a cell are, it is the reflectance of the largest number. */
  result({ offset, quantification, sunCosine, sun }: Radiometry): ToaBand {
    const cells = this.sums.length
    const [rho, isSaturated] = [new Float32Array(cells).fill(NaN), new Uint8Array(cells)]
    const enough = (this.side * this.side) / 2
    const { ulx, uly, pixelWidthM, pixelHeightM, width } = this.grid
    for (let i = 0; i < cells; i++) {
      const [count, saturated] = [this.counts[i]!, this.saturated[i]!]
      if (count + saturated < enough) continue
      const dn = count === 0 ? SATURATED_DN : this.sums[i]! / count
      const x = ulx + ((i % width) + 0.5) * pixelWidthM
      const y = uly - (Math.floor(i / width) + 0.5) * pixelHeightM
      const cosine = sunCosine === 'applied' ? 1 : cosineAt(sun, x, y)
      rho[i] = (dn + offset) / quantification / cosine
      isSaturated[i] = 2 * saturated >= count + saturated ? 1 : 0
    }
    return { rho, isSaturated, detectors: this.detectors }
  }
}

/** Whether cells are whole numbers of an image's pixels and begin where pixels do: then their means are made of whole pixels. */
export function isOfWholePixels(cells: Grid, image: Grid): boolean {
  const isWhole = (ratio: number) => Math.abs(ratio - Math.round(ratio)) < 1e-6
  return (
    cells.pixelWidthM / image.pixelWidthM > 0.999 &&
    isWhole(cells.pixelWidthM / image.pixelWidthM) &&
    isWhole((image.ulx - cells.ulx) / image.pixelWidthM) &&
    isWhole((cells.uly - image.uly) / image.pixelHeightM)
  )
}

/** Of an image whose pixels are larger than cells, or do not fit them, each cell takes the pixel below its centre. For images that are not at their nominal resolution. */
export function cellsUnder(
  cells: Grid,
  image: Grid,
  window: Window,
  { dn, detector }: { readonly dn: Uint16Array; readonly detector: Uint8Array },
): Part {
  const first = (from: number, cell: number) => Math.max(0, Math.ceil(from / cell - 0.5))
  const x = first(image.ulx + window.x * image.pixelWidthM - cells.ulx, cells.pixelWidthM)
  const y = first(cells.uly - image.uly + window.y * image.pixelHeightM, cells.pixelHeightM)
  const end = (from: number, count: number, at: number, size: number, cell: number, most: number) =>
    Math.min(most, first(at + (from + count) * size, cell))
  const right = end(
    window.x,
    window.width,
    image.ulx - cells.ulx,
    image.pixelWidthM,
    cells.pixelWidthM,
    cells.width,
  )
  const bottom = end(
    window.y,
    window.height,
    cells.uly - image.uly,
    image.pixelHeightM,
    cells.pixelHeightM,
    cells.height,
  )
  const [columns, rows] = [Math.max(0, right - x), Math.max(0, bottom - y)]
  const n = columns * rows
  const part = {
    x,
    y,
    columns,
    sums: new Uint32Array(n),
    counts: new Int32Array(n),
    saturated: new Int32Array(n),
  }
  const detectors = new Uint32Array(n)
  const pixelOf = (place: number, start: number, size: number, count: number) =>
    Math.min(Math.max(Math.floor(place / size) - start, 0), count - 1)
  for (let i = 0; i < n; i++) {
    const east = cells.ulx - image.ulx + (x + (i % columns) + 0.5) * cells.pixelWidthM
    const south = image.uly - cells.uly + (y + Math.floor(i / columns) + 0.5) * cells.pixelHeightM
    const column = pixelOf(east, window.x, image.pixelWidthM, window.width)
    const row = pixelOf(south, window.y, image.pixelHeightM, window.height)
    const at = row * window.width + column
    if (dn[at] === 0 || detector[at] === 0) continue
    if (dn[at] === SATURATED_DN) part.saturated[i] = 1
    else {
      part.sums[i] = dn[at]!
      part.counts[i] = 1
    }
    detectors[i] = (1 << Math.min(detector[at]!, 31)) >>> 0
  }
  return { ...part, detectors }
}
