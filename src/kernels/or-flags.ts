import type { Window } from '../domain/grid.js'
import { addon, type Axes } from './addon.js'

/** Bytes on a grid of their own: flags, classes or detector numbers, [rows][columns]. */
export interface BytePlane {
  readonly bytes: Uint8Array
  readonly rows: number
  readonly columns: number
  /** Position of the centre of mask pixel c in plane pixels from the plane's left edge: x0 + dx * c; its integer part is the column. */
  readonly axes: Axes
}

/**
 * Axes that lay a plane over a mask of `ratio` times smaller pixels (2 for 20 m bytes under a 10 m mask, 0.5 the other way)
 * that starts on the same corner. `firstX`, `firstY`: plane pixel that `bytes` starts with, where it is only a part.
 */
export function planeAxes(ratio: number, firstX = 0, firstY = 0): Axes {
  return { x0: 0.5 / ratio - firstX, dx: 1 / ratio, y0: 0.5 / ratio - firstY, dy: 1 / ratio }
}

/** mask[p] |= bitsOf[plane at the nearest pixel by ground position], for each pixel of `window` (position in the mask's image). */
export function orFlags(args: {
  readonly window: Window
  /** window.width x window.height, changed in place. */
  readonly mask: Uint16Array
  readonly plane: BytePlane
  /** [256]: what each byte adds. */
  readonly bitsOf: Uint16Array
}): void {
  const { window, ...rest } = args
  addon().orFlags({ ...rest, ...window })
}
