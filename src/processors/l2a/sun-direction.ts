import type { AngleGrid } from '../../domain/l1-scene.js'

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

/** Toward the sun or the sensor at a point of the grid, metres of its CRS: bilinear between the nodes of its angles, constant beyond them. */
export function directionAt(angles: AngleGrid, x: number, y: number, convergenceDeg: number): Direction {
  const place = (at: number, last: number): readonly [number, number] => {
    const clamped = Math.min(Math.max(at, 0), last)
    const index = Math.min(Math.floor(clamped), Math.max(0, last - 1))
    return [index, clamped - index]
  }
  const [column, fx] = place((x - angles.ulx) / angles.stepXM, angles.cols - 1)
  const [row, fy] = place((angles.uly - y) / angles.stepYM, angles.rows - 1)
  const node = (r: number, c: number): Direction => {
    const i = Math.min(r, angles.rows - 1) * angles.cols + Math.min(c, angles.cols - 1)
    return direction(angles.zenith[i] ?? NaN, angles.azimuth[i] ?? NaN, convergenceDeg)
  }
  const mix = (part: 'east' | 'north'): number => {
    const upper = node(row, column)[part] * (1 - fx) + node(row, column + 1)[part] * fx
    const lower = node(row + 1, column)[part] * (1 - fx) + node(row + 1, column + 1)[part] * fx
    return upper * (1 - fy) + lower * fy
  }
  return { east: mix('east'), north: mix('north') }
}
