import type { Grid, Window } from '../../domain/grid.js'
import type { PixelBytes, Placement } from '../../domain/l1-scene.js'
import { fromUtm, toUtm } from '../../domain/utm.js'
import { NODE_STEP, type ImagePlaces } from '../../kernels/resample.js'

/** Pixels around a place that cubic convolution reads. */
const REACH = 2

const zoneOf = (epsg: number): number => epsg % 100
const isSouthOf = (epsg: number): boolean => epsg >= 32700

/**
 * Where the pixels of a block of `grid` lie in an image, which has pixels of the same size. Grids of one UTM zone are moved alike, even from its northern to its southern
 * CRS; into another zone places are computed on nodes (Krueger's series), and bilinear between them is off by less than 0.1 m: zones are turned against each other by an angle that changes
 * by 2e-7 a metre at 50 degrees of latitude.
 */
export function placesOf(grid: Grid, window: Window, { image, eastM, northM }: Placement): ImagePlaces {
  const southern = (epsg: number) => (isSouthOf(epsg) ? 1e7 : 0)
  if (zoneOf(grid.epsg) === zoneOf(image.epsg)) {
    const fromNorth = southern(image.epsg) - southern(grid.epsg)
    return {
      kind: 'shift',
      columns: (grid.ulx - image.ulx - eastM) / image.pixelWidthM,
      rows: (image.uly - fromNorth - grid.uly + northM) / image.pixelHeightM,
    }
  }
  const columns = Math.floor((window.width - 1) / NODE_STEP) + 2
  const rows = Math.floor((window.height - 1) / NODE_STEP) + 2
  const [column, row] = [new Float64Array(columns * rows), new Float64Array(columns * rows)]
  for (let i = 0; i < column.length; i++) {
    const x = grid.ulx + (window.x + (i % columns) * NODE_STEP + 0.5) * grid.pixelWidthM - eastM
    const y = grid.uly - (window.y + Math.floor(i / columns) * NODE_STEP + 0.5) * grid.pixelHeightM - northM
    const [east, north] = toImage([x, y], grid.epsg, image.epsg)
    column[i] = (east - image.ulx) / image.pixelWidthM - 0.5
    row[i] = (image.uly - north) / image.pixelHeightM - 0.5
  }
  return { kind: 'nodes', column, row, columns, rows }
}

/** A point of one UTM CRS in another, metres of each. */
export function toImage(
  [x, y]: readonly [number, number],
  from: number,
  to: number,
): readonly [number, number] {
  if (from === to) return [x, y]
  const [lon, lat] = fromUtm(x, y, zoneOf(from), isSouthOf(from))
  return toUtm(lon, lat, zoneOf(to), isSouthOf(to))
}

/** The pixels of an image that a block needs; null where it needs none. */
export function neededOf(places: ImagePlaces, window: Window, image: Grid): Window | null {
  const range = (values: Float64Array): readonly [number, number] => {
    let [low, high] = [Infinity, -Infinity]
    for (const value of values) {
      low = Math.min(low, value)
      high = Math.max(high, value)
    }
    return [low, high]
  }
  const [columns, rows] =
    places.kind === 'nodes'
      ? [range(places.column), range(places.row)]
      : [
          [window.x + places.columns, window.x + window.width - 1 + places.columns] as const,
          [window.y + places.rows, window.y + window.height - 1 + places.rows] as const,
        ]
  const clip = ([low, high]: readonly [number, number], size: number) =>
    [Math.max(0, Math.floor(low) - REACH), Math.min(size, Math.floor(high) + REACH + 2)] as const
  const [left, right] = clip(columns, image.width)
  const [top, bottom] = clip(rows, image.height)
  return left >= right || top >= bottom
    ? null
    : { x: left, y: top, width: right - left, height: bottom - top }
}

/** Bytes of an image as a placed band's grid has them: those of the nearest pixels, 0 beyond the image. Closes what it was given. */
export function placedBytes(bytes: PixelBytes, grid: Grid, placement: Placement): PixelBytes {
  return {
    async read(window, out) {
      const places = placesOf(grid, window, placement)
      const from = neededOf(places, window, placement.image)
      out.fill(0, 0, window.width * window.height)
      if (from === null) return
      const piece = new Uint8Array(from.width * from.height)
      await bytes.read(from, piece)
      if (places.kind === 'shift') shiftNearest(piece, from, places, window, out)
      else takeNearest(piece, from, places, window, out)
    },
    close: () => {
      bytes.close()
    },
  }
}

function shiftNearest(
  piece: Uint8Array,
  from: Window,
  { columns, rows }: Extract<ImagePlaces, { kind: 'shift' }>,
  window: Window,
  out: Uint8Array,
): void {
  const right = window.x + Math.floor(columns + 0.5) - from.x
  const down = window.y + Math.floor(rows + 0.5) - from.y
  const first = Math.max(0, -right)
  const last = Math.min(window.width, from.width - right)
  if (first >= last) return
  for (let row = Math.max(0, -down); row < Math.min(window.height, from.height - down); row++) {
    const at = (row + down) * from.width + right
    out.set(piece.subarray(at + first, at + last), row * window.width + first)
  }
}

function takeNearest(
  piece: Uint8Array,
  from: Window,
  { column, row, columns }: Extract<ImagePlaces, { kind: 'nodes' }>,
  window: Window,
  out: Uint8Array,
): void {
  for (let y = 0; y < window.height; y++) {
    const upper = Math.floor(y / NODE_STEP) * columns
    const v = (y % NODE_STEP) / NODE_STEP
    const between = (of: Float64Array, node: number) => {
      const [a, b] = [of[node] ?? NaN, of[node + columns] ?? NaN]
      return a + v * (b - a)
    }
    // From node to node places change evenly along a row.
    for (let first = 0; first < window.width; first += NODE_STEP) {
      const node = upper + first / NODE_STEP
      const [c0, r0] = [between(column, node), between(row, node)]
      const stepC = (between(column, node + 1) - c0) / NODE_STEP
      const stepR = (between(row, node + 1) - r0) / NODE_STEP
      const to = y * window.width + first
      const pixels = Math.min(NODE_STEP, window.width - first)
      for (let i = 0; i < pixels; i++) {
        const c = Math.floor(c0 + i * stepC + 0.5) - from.x
        const r = Math.floor(r0 + i * stepR + 0.5) - from.y
        if (c >= 0 && r >= 0 && c < from.width && r < from.height)
          out[to + i] = piece[r * from.width + c] ?? 0
      }
    }
  }
}
