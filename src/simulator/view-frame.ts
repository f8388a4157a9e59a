/** A direction from the ground: zenith angle and azimuth clockwise from north, degrees. */
export interface Direction {
  readonly zenith: number
  readonly azimuth: number
}

/** Columns `from` to `to` (exclusive) of a row that one detector sees. */
export interface Run {
  readonly detector: number
  readonly from: number
  readonly to: number
}

/** Where sun and sensor stand over an image: fields on nodes, row-major, `stepM` apart from the upper-left corner, and who sees what. */
export interface ViewFrame {
  readonly cols: number
  readonly rows: number
  readonly stepM: number
  /** Degrees. */
  readonly sunZenith: Float64Array
  readonly sunAzimuth: Float64Array
  /** Parts of the focal plane that see the image, ascending. */
  readonly detectors: readonly number[]
  /** Towards the sensor from a node as the band of this index sees it; null where the node is farther than a cell from the detector's footprint. */
  view(node: number, detector: number, band: number): Direction | null
  /** Who sees the pixels of a row whose centres lie `yM` below the upper edge; what no run covers has no data. */
  runs(yM: number, pixelM: number, width: number): readonly Run[]
}

/** The same for an image of this edge in metres: what no place in it needs is not seen. */
export function withinExtent(frame: ViewFrame, extentM: number): ViewFrame {
  const last = Math.ceil(extentM / frame.stepM) + 1
  return {
    ...frame,
    view: (node, detector, band) =>
      node % frame.cols > last || Math.floor(node / frame.cols) > last
        ? null
        : frame.view(node, detector, band),
  }
}

/** The first pixel whose centre lies at or right of `border` (metres from the edge), within 0..width. */
export function pixelFrom(border: number, pixelM: number, width: number): number {
  return Math.min(width, Math.max(0, Math.ceil(border / pixelM - 0.5)))
}

/** A field on nodes at `y` metres below the upper edge: its values at the nodes of that row. */
export function nodesOnRow(
  field: Float64Array,
  cols: number,
  rows: number,
  stepM: number,
  y: number,
): Float64Array {
  const r = Math.min(rows - 2, Math.max(0, Math.floor(y / stepM)))
  const v = y / stepM - r
  const out = new Float64Array(cols)
  for (let c = 0; c < cols; c++)
    out[c] = (field[r * cols + c] ?? 0) * (1 - v) + (field[(r + 1) * cols + c] ?? 0) * v
  return out
}

/** Metres from the left edge where values that ascend from node to node reach `wanted`; beyond the nodes the last stretch goes on. */
export function whereReached(values: Float64Array, wanted: number, stepM: number): number {
  let c = 0
  while (c < values.length - 2 && (values[c + 1] ?? 0) < wanted) c++
  const [a, b] = [values[c] ?? 0, values[c + 1] ?? 0]
  return (c + (wanted - a) / (b - a)) * stepM
}

/** Directions on the nodes as offsets east and north on a plane one unit above the ground: what may be interpolated where angles may not. */
export interface Offsets {
  readonly east: Float64Array
  readonly north: Float64Array
}

export function offsetsOf(size: number, at: (node: number) => Direction | null): Offsets {
  const [east, north] = [new Float64Array(size), new Float64Array(size)]
  const rad = Math.PI / 180
  for (let i = 0; i < size; i++) {
    const direction = at(i)
    if (direction === null) continue
    const far = Math.tan(direction.zenith * rad)
    east[i] = far * Math.sin(direction.azimuth * rad)
    north[i] = far * Math.cos(direction.azimuth * rad)
  }
  return { east, north }
}

/** Towards the sun. */
export const sunOffsets = (frame: ViewFrame): Offsets =>
  offsetsOf(frame.sunZenith.length, (i) => ({
    zenith: frame.sunZenith[i] ?? 0,
    azimuth: frame.sunAzimuth[i] ?? 0,
  }))

/** Towards the sensor, by detector, as one band sees it. */
export const viewOffsets = (frame: ViewFrame, band: number): ReadonlyMap<number, Offsets> =>
  new Map(
    frame.detectors.map((detector) => [
      detector,
      offsetsOf(frame.sunZenith.length, (i) => frame.view(i, detector, band)),
    ]),
  )

/** Offsets along a row `y` metres below the upper edge; `at` gives east and north `x` metres from the left edge. */
export class OffsetsOnRow {
  private readonly east: Float64Array
  private readonly north: Float64Array
  constructor(
    offsets: Offsets,
    private readonly frame: ViewFrame,
    y: number,
  ) {
    const { cols, rows, stepM } = frame
    this.east = nodesOnRow(offsets.east, cols, rows, stepM, y)
    this.north = nodesOnRow(offsets.north, cols, rows, stepM, y)
  }

  at(x: number): readonly [number, number] {
    const { cols, stepM } = this.frame
    const c = Math.min(cols - 2, Math.max(0, Math.floor(x / stepM)))
    const u = x / stepM - c
    return [
      (this.east[c] ?? 0) * (1 - u) + (this.east[c + 1] ?? 0) * u,
      (this.north[c] ?? 0) * (1 - u) + (this.north[c + 1] ?? 0) * u,
    ]
  }
}
