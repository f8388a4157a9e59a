import type { Window } from '../domain/grid.js'
import { addon } from './addon.js'

/** A piece of an image of digital numbers (0 no-data, 65535 saturated), row-major; the window tells where it lies in the image. */
export interface ImagePiece extends Window {
  readonly pixels: Uint16Array
}

/** Pixels from one node to the next, see `ImagePlaces`. */
export const NODE_STEP = 64

/**
 * Where the centres of a block's pixels lie in an image, in pixels from the centre of its first: moved alike by a shift, or stated on nodes [rows][columns] over the
 * block's pixels 0, NODE_STEP, 2 NODE_STEP ... and bilinear between.
 */
export type ImagePlaces =
  | { readonly kind: 'shift'; readonly columns: number; readonly rows: number }
  | {
      readonly kind: 'nodes'
      readonly column: Float64Array
      readonly row: Float64Array
      readonly columns: number
      readonly rows: number
    }

export interface ResampleArgs {
  readonly image: ImagePiece
  readonly places: ImagePlaces
  /** The block that is made. */
  readonly window: Window
  /** window.width x window.height, row-major. */
  readonly out: Uint16Array
}

/**
 * Digital numbers of a block between the pixels of an image by cubic convolution; no-data and saturated pixels by the nearest (native/kernels/resample.hpp). On the calling
 * thread. Throws TypeError or RangeError on malformed arguments.
 */
export function resample({ image, places, window, out }: ResampleArgs): void {
  const { width, height } = window
  if (places.kind === 'shift')
    addon().shiftCubic({ image, ...window, columns: places.columns, rows: places.rows, out })
  else addon().resampleCubic({ image, places, width, height, out })
}
