import type { Grid, Window } from '../../domain/grid.js'
import type { MaskRaster } from '../../raster/open-mask-raster.js'

/**
 * Reads a mask for a window of another grid: each pixel takes the mask pixel that holds its centre, the nearest one outside the mask.
 * Masks without georeference are taken to cover the same ground as the grid. Same size and corner: a plain read.
 */
export async function readNearest(
  mask: MaskRaster,
  grid: Grid,
  window: Window,
  out: Uint8Array,
): Promise<void> {
  const from: Grid = mask.grid ?? {
    ...grid,
    width: mask.width,
    height: mask.height,
    pixelWidthM: (grid.width * grid.pixelWidthM) / mask.width,
    pixelHeightM: (grid.height * grid.pixelHeightM) / mask.height,
  }
  const same =
    from.ulx === grid.ulx &&
    from.uly === grid.uly &&
    from.pixelWidthM === grid.pixelWidthM &&
    from.pixelHeightM === grid.pixelHeightM
  if (same && window.x + window.width <= mask.width && window.y + window.height <= mask.height)
    return mask.read(window, out)
  const columns = Int32Array.from({ length: window.width }, (_, i) =>
    clamp(
      Math.floor((grid.ulx + (window.x + i + 0.5) * grid.pixelWidthM - from.ulx) / from.pixelWidthM),
      mask.width,
    ),
  )
  const rows = Int32Array.from({ length: window.height }, (_, j) =>
    clamp(
      Math.floor((from.uly - (grid.uly - (window.y + j + 0.5) * grid.pixelHeightM)) / from.pixelHeightM),
      mask.height,
    ),
  )
  const x = columns[0] ?? 0
  const y = rows[0] ?? 0
  const part: Window = { x, y, width: (columns.at(-1) ?? x) - x + 1, height: (rows.at(-1) ?? y) - y + 1 }
  const pixels = new Uint8Array(part.width * part.height)
  await mask.read(part, pixels)
  for (let j = 0; j < window.height; j++) {
    const base = ((rows[j] ?? y) - y) * part.width - x
    for (let i = 0; i < window.width; i++) out[j * window.width + i] = pixels[base + (columns[i] ?? x)] ?? 0
  }
}

function clamp(index: number, size: number): number {
  return Math.min(size - 1, Math.max(0, index))
}
