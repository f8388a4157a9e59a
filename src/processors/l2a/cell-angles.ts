import type { AngleGrid } from '../../domain/l1-scene.js'
import { bracketOf, newBracket } from './interpolate.js'

const [ACROSS, DOWN] = [newBracket(), newBracket()]
const axes = new Map<number, Float64Array>()
const countTo = (n: number): Float64Array => {
  const known = axes.get(n) ?? Float64Array.from({ length: n }, (_, i) => i)
  axes.set(n, known)
  return known
}

/** Cosine of the sun's zenith above a place, metres of the product's CRS: bilinear between the nodes of the grid of angles, constant beyond them. */
export function cosineAt(sun: AngleGrid, x: number, y: number): number {
  const across = bracketOf(countTo(sun.cols), (x - sun.ulx) / sun.stepXM, ACROSS)
  const down = bracketOf(countTo(sun.rows), (sun.uly - y) / sun.stepYM, DOWN)
  const cosine = (below: number, right: number) =>
    Math.cos((sun.zenith[(down.index + below) * sun.cols + across.index + right]! * Math.PI) / 180)
  const row = (below: number) => (1 - across.fraction) * cosine(below, 0) + across.fraction * cosine(below, 1)
  return (1 - down.fraction) * row(0) + down.fraction * row(1)
}
