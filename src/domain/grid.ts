/**
 * A north-up raster grid. `ulx`, `uly` are the outer corner of the first pixel in metres of `epsg`;
 * pixels are square-ish: `pixelWidthM` > 0 eastwards, `pixelHeightM` > 0 southwards.
 */
export interface Grid {
  readonly epsg: number
  readonly ulx: number
  readonly uly: number
  readonly pixelWidthM: number
  readonly pixelHeightM: number
  readonly width: number
  readonly height: number
}

/** A rectangle of pixels: column and row of its first pixel, then its size. */
export interface Window {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export function describeGrid(g: Grid): string {
  return `EPSG:${g.epsg} ${g.width} x ${g.height} pixels of ${g.pixelWidthM} x ${g.pixelHeightM} m at (${g.ulx}, ${g.uly})`
}

/** True where both grids cover the same ground in the same CRS, whatever their pixel sizes; `toleranceM` in metres. */
export function sameExtent(a: Grid, b: Grid, toleranceM: number): boolean {
  const right = (g: Grid) => g.ulx + g.width * g.pixelWidthM
  const bottom = (g: Grid) => g.uly - g.height * g.pixelHeightM
  const near = (p: number, q: number) => Math.abs(p - q) <= toleranceM
  return (
    a.epsg === b.epsg &&
    near(a.ulx, b.ulx) &&
    near(a.uly, b.uly) &&
    near(right(a), right(b)) &&
    near(bottom(a), bottom(b))
  )
}

/** Splits a grid into windows of at most `size` x `size` pixels, row by row. */
export function blocksOf(g: Pick<Grid, 'width' | 'height'>, size: number): Window[] {
  const blocks: Window[] = []
  for (let y = 0; y < g.height; y += size)
    for (let x = 0; x < g.width; x += size)
      blocks.push({ x, y, width: Math.min(size, g.width - x), height: Math.min(size, g.height - y) })
  return blocks
}
