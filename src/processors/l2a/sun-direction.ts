import type { AngleGrid } from '../../domain/l1-scene.js'
import { bracketOfIndex, newBracket } from './interpolate.js'

/** Toward the sun or the sensor: tangent of the zenith angle times sine and cosine of the azimuth, clockwise from the grid's north. */
export interface Direction {
  readonly east: number
  readonly north: number
}

const RADIAN = Math.PI / 180

/**
 * @param zenithDeg [0, 90). @param azimuthDeg clockwise from true north.
 * @param convergenceDeg of the grid: true north minus grid north, clockwise positive when grid north lies east of true north.
 */
export function direction(zenithDeg: number, azimuthDeg: number, convergenceDeg: number): Direction {
  const tangent = Math.tan(zenithDeg * RADIAN)
  const azimuth = (azimuthDeg - convergenceDeg) * RADIAN
  return { east: tangent * Math.sin(azimuth), north: tangent * Math.cos(azimuth) }
}

/** Convergence of a UTM grid at a place, degrees: the angle from true north to grid north, clockwise positive (east of the central meridian). @param epsg 326xx or 327xx; 0 for any other CRS. */
export function gridConvergence(epsg: number, lonDeg: number, latDeg: number): number {
  const zone = epsg % 100
  const isUtm = Math.floor(epsg / 100) === 326 || Math.floor(epsg / 100) === 327
  if (!isUtm) return 0
  const offset = ((lonDeg - (6 * zone - 183) + 540) % 360) - 180
  return Math.atan(Math.tan(offset * RADIAN) * Math.sin(latDeg * RADIAN)) / RADIAN
}

/** Of a place between nodes: the lower node and the share of the next. */
const [ACROSS, DOWN] = [newBracket(), newBracket()]

/** Toward the sun or the sensor at a point of the grid, metres of its CRS: bilinear between the nodes of its angles, constant beyond them. */
export function directionAt(angles: AngleGrid, x: number, y: number, convergenceDeg: number): Direction {
  const { rows, cols } = angles
  bracketOfIndex((x - angles.ulx) / angles.stepXM, cols - 1, ACROSS)
  bracketOfIndex((angles.uly - y) / angles.stepYM, rows - 1, DOWN)
  let [east, north] = [0, 0]
  for (let corner = 0; corner < 4; corner++) {
    const [right, below] = [corner & 1, corner >> 1]
    const share =
      (right === 1 ? ACROSS.fraction : 1 - ACROSS.fraction) *
      (below === 1 ? DOWN.fraction : 1 - DOWN.fraction)
    if (share === 0) continue
    const node = Math.min(DOWN.index + below, rows - 1) * cols + Math.min(ACROSS.index + right, cols - 1)
    const toward = direction(angles.zenith[node] ?? NaN, angles.azimuth[node] ?? NaN, convergenceDeg)
    east += share * toward.east
    north += share * toward.north
  }
  return { east, north }
}
