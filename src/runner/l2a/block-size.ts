/** Tiles of the output; blocks are multiples of it, so that a worker finishes whole tiles. */
export const TILE_SIZE = 512
/** The largest edge of a block in pixels: 16 MB of DN and as much of reflectance. */
const MAX_BLOCK = 3072

/**
 * Edge of the blocks of one band, in pixels: a multiple of the output's tiles, and of the JP2's tiles where that stays small enough,
 * so that each JP2 tile is decoded once. `wanted` is the user's block size (a multiple of 512); the least, 512, is for hosts with little
 * memory and is kept even where JP2 tiles are then decoded more than once.
 */
export function blockSizeFor(jp2Block: number, imageSize: number, wanted: number): number {
  if (imageSize <= wanted) return Math.ceil(imageSize / TILE_SIZE) * TILE_SIZE
  if (wanted <= TILE_SIZE) return TILE_SIZE
  const common = leastCommonMultiple(jp2Block, TILE_SIZE)
  if (common > MAX_BLOCK)
    return imageSize <= MAX_BLOCK ? Math.ceil(imageSize / TILE_SIZE) * TILE_SIZE : wanted
  return Math.max(common, Math.floor(wanted / common) * common)
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b]
  while (y > 0) [x, y] = [y, x % y]
  return (a / x) * b
}
