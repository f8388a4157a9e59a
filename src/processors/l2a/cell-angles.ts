import type { AngleGrid } from '../../domain/l1-scene.js'
import { bracketOfIndex, newBracket } from './interpolate.js'

const [ACROSS, DOWN] = [newBracket(), newBracket()]

/** Cosine of the sun's zenith above a place, metres of the product's CRS: bilinear between the nodes of the grid of angles, constant beyond them. */
export function cosineAt(sun: AngleGrid, x: number, y: number): number {
  const across = bracketOfIndex((x - sun.ulx) / sun.stepXM, sun.cols - 1, ACROSS)
  const down = bracketOfIndex((sun.uly - y) / sun.stepYM, sun.rows - 1, DOWN)
  const cosine = (below: number, right: number) =>
    Math.cos((sun.zenith[(down.index + below) * sun.cols + across.index + right]! * Math.PI) / 180)
  const row = (below: number) => (1 - across.fraction) * cosine(below, 0) + across.fraction * cosine(below, 1)
  return (1 - down.fraction) * row(0) + down.fraction * row(1)
}
