import { S2_BANDS, type S2Band } from '../domain/sentinel2.js'
import { ANGLE_NODES, ANGLE_STEP_M, DETECTOR_KM, detectorAt, viewAngles, type TilePass } from './orbit.js'
import { sunAngles } from './sun.js'
import { pixelFrom, whereReached, type Direction, type Run, type ViewFrame } from './view-frame.js'

/** Angles of a scene on 23 x 23 nodes, degrees. The view grids of a detector are NaN outside of its footprint, as in real metadata. */
export interface SceneAngles {
  readonly sunZenith: Float64Array
  readonly sunAzimuth: Float64Array
  readonly meanSun: Direction
  readonly views: Readonly<
    Record<
      S2Band,
      readonly { readonly detector: number; readonly zenith: Float64Array; readonly azimuth: Float64Array }[]
    >
  >
  readonly meanView: Readonly<Record<S2Band, Direction>>
}

export function sceneAngles(pass: TilePass): SceneAngles {
  const size = ANGLE_NODES * ANGLE_NODES
  const [sunZenith, sunAzimuth] = [new Float64Array(size), new Float64Array(size)]
  for (let i = 0; i < size; i++) {
    const sun = sunAngles(pass.sensingMs, pass.lon[i] ?? 0, pass.lat[i] ?? 0)
    sunZenith[i] = sun.zenith
    sunAzimuth[i] = sun.azimuth
  }
  const views = Object.fromEntries(S2_BANDS.map((band) => [band, viewGrids(pass, band)])) as Record<
    S2Band,
    ReturnType<typeof viewGrids>
  >
  return {
    sunZenith,
    sunAzimuth,
    meanSun: meanDirection([{ zenith: sunZenith, azimuth: sunAzimuth }]),
    views,
    meanView: Object.fromEntries(S2_BANDS.map((band) => [band, meanDirection(views[band])])) as Record<
      S2Band,
      Direction
    >,
  }
}

/** Detectors with any pixel of the tile, ascending. */
export function detectorsOf(pass: TilePass): number[] {
  const last = ANGLE_NODES - 1
  const found = new Set<number>()
  // The nodes reach 200 m beyond the tile; between them the distance is interpolated, so that no detector hides between two.
  for (let row = 0; row <= 4 * last; row++)
    for (let col = 0; col <= 4 * last; col++)
      found.add(
        detectorAt(acrossAt(pass, (col / 4) * ANGLE_STEP_M * 0.998, (row / 4) * ANGLE_STEP_M * 0.998)),
      )
  found.delete(0)
  return [...found].sort((a, b) => a - b)
}

/** Kilometres from the track of a place `x` metres right of and `y` below the tile's corner: bilinear between nodes. */
export function acrossAt(pass: TilePass, x: number, y: number): number {
  const [c, r] = [
    Math.min(ANGLE_NODES - 2, Math.max(0, Math.floor(x / ANGLE_STEP_M))),
    Math.min(ANGLE_NODES - 2, Math.max(0, Math.floor(y / ANGLE_STEP_M))),
  ]
  const [u, v] = [x / ANGLE_STEP_M - c, y / ANGLE_STEP_M - r]
  const k = r * ANGLE_NODES + c
  const f = pass.acrossKm
  return (
    ((f[k] ?? 0) * (1 - u) + (f[k + 1] ?? 0) * u) * (1 - v) +
    ((f[k + ANGLE_NODES] ?? 0) * (1 - u) + (f[k + ANGLE_NODES + 1] ?? 0) * u) * v
  )
}

/** Where, in metres right of the tile's edge, the left border of each detector 1..13 lies on a row `y` metres below the upper edge. */
export function bordersOnRow(pass: TilePass, y: number): Float64Array {
  const borders = new Float64Array(13)
  const across = Float64Array.from({ length: ANGLE_NODES }, (_, c) => acrossAt(pass, c * ANGLE_STEP_M, y))
  for (let detector = 1; detector <= 13; detector++) {
    borders[detector - 1] = whereReached(across, (detector - 7) * DETECTOR_KM, ANGLE_STEP_M)
  }
  return borders
}

/** What each detector sees of a row of pixels whose centres lie `y` metres below the upper edge. */
export function runsOnRow(
  pass: TilePass,
  detectors: readonly number[],
  y: number,
  pixelM: number,
  width: number,
): Run[] {
  const borders = bordersOnRow(pass, y)
  return detectors
    .map((detector) => ({
      detector,
      from: pixelFrom(borders[detector - 1] ?? 0, pixelM, width),
      to: pixelFrom(borders[detector] ?? 0, pixelM, width),
    }))
    .filter(({ from, to }) => from < to)
}

/** The pass as the renderer sees it; band indices are those of S2_BANDS. */
export function viewFrame(pass: TilePass, angles: SceneAngles): ViewFrame {
  const detectors = detectorsOf(pass)
  return {
    cols: ANGLE_NODES,
    rows: ANGLE_NODES,
    stepM: ANGLE_STEP_M,
    sunZenith: angles.sunZenith,
    sunAzimuth: angles.sunAzimuth,
    detectors,
    view: (node, detector, band) => {
      const across = pass.acrossKm[node] ?? 0
      if (Math.abs(across / DETECTOR_KM - (detector - 6.5)) > 0.85) return null
      return viewAngles(across, pass.sideAzimuth[node] ?? 0, detector, S2_BANDS[band] ?? 'B02')
    },
    runs: (y, pixelM, width) => runsOnRow(pass, detectors, y, pixelM, width),
  }
}

/** Footprint of a detector in a square of `edgeM`: a ring of points every 600 m along its borders, cut 1 km outside of the square. Null where it has no area. */
export function footprintRing(
  pass: TilePass,
  detector: number,
  xmin: number,
  ymax: number,
  edgeM: number,
): [number, number][] | null {
  const left: [number, number][] = []
  const right: [number, number][] = []
  let area = 0
  const step = 600
  for (let y = 0; y <= edgeM; y += Math.min(step, Math.max(edgeM - y, 1))) {
    const borders = bordersOnRow(pass, y)
    // Cut outside of the square, or the slanted border would be bent where it enters.
    const clip = (v: number) => Math.min(edgeM + 1000, Math.max(-1000, v))
    const [a, b] = [clip(borders[detector - 1] ?? 0), clip(borders[detector] ?? 0)]
    if (b <= a) continue
    area += Math.max(0, Math.min(edgeM, b) - Math.max(0, a))
    const digits = (v: number) => Number(v.toFixed(3))
    left.push([digits(xmin + a), ymax - y])
    right.push([digits(xmin + b), ymax - y])
  }
  const first = left[0]
  return area === 0 || left.length < 2 || first === undefined ? null : [...left, ...right.reverse(), first]
}

function viewGrids(pass: TilePass, band: S2Band) {
  const size = ANGLE_NODES * ANGLE_NODES
  return detectorsOf(pass).map((detector) => {
    const [zenith, azimuth] = [new Float64Array(size).fill(NaN), new Float64Array(size).fill(NaN)]
    for (let i = 0; i < size; i++) {
      // Real grids reach a little over the border, so that detectors with few nodes still have some.
      const beyond = Math.abs((pass.acrossKm[i] ?? 0) / DETECTOR_KM - (detector - 6.5)) - 0.5
      if (beyond > 1.4 / DETECTOR_KM) continue
      const view = viewAngles(pass.acrossKm[i] ?? 0, pass.sideAzimuth[i] ?? 0, detector, band)
      zenith[i] = view.zenith
      azimuth[i] = view.azimuth
    }
    return { detector, zenith, azimuth }
  })
}

/** Direction of the mean unit vector, degrees. */
function meanDirection(
  grids: readonly { readonly zenith: Float64Array; readonly azimuth: Float64Array }[],
): Direction {
  let [x, y, z] = [0, 0, 0]
  const rad = Math.PI / 180
  for (const g of grids)
    g.zenith.forEach((zenith, i) => {
      if (Number.isNaN(zenith)) return
      const azimuth = (g.azimuth[i] ?? 0) * rad
      x += Math.sin(zenith * rad) * Math.sin(azimuth)
      y += Math.sin(zenith * rad) * Math.cos(azimuth)
      z += Math.cos(zenith * rad)
    })
  return { zenith: Math.atan2(Math.hypot(x, y), z) / rad, azimuth: (Math.atan2(x, y) / rad + 360) % 360 }
}
