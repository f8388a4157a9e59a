import { ProcessingError } from '../../domain/errors.js'
import type { Grid, Window } from '../../domain/grid.js'
import type { DetectorMap, L1cBand } from '../../domain/sentinel2.js'
import { openMaskRaster } from '../../raster/open-mask-raster.js'
import { columnFrom, spansAt, yRangeOf, type Polygon } from './polygon-spans.js'
import { readGmlMask } from './read-gml-mask.js'
import { readNearest } from './read-nearest.js'

/**
 * Opens the detector footprint of a band on the band's own grid.
 * GML: each pixel centre takes the detector whose polygon holds it. Neighbours overlap by some 1.5 km, where both have view angles; a
 * stretch of an image row that n detectors cover is split into n equal parts, given from west to east to the detectors in the order
 * of their own stretches' middles: with two detectors the border runs in the middle of their overlap. A pixel in no polygon takes
 * the detector nearest in its row; rows north or south of all polygons take the nearest row that has one. Only a row between two
 * footprints (a gap of a datastrip) stays 0.
 * Raster (MSK_DETFOO_Bxx.jp2): the value of the pixel, 0 where no detector saw it; of another size than the band, the nearest one.
 * Throws METADATA_INVALID, RASTER_UNREADABLE; reading throws METADATA_INVALID for values above 12.
 */
export async function openDetectorMap(band: L1cBand): Promise<DetectorMap> {
  const { path } = band.footprint
  if (band.footprint.kind === 'gml') return detectorMapOfPolygons(await footprintPolygons(path), band.grid)
  const mask = await openMaskRaster(path)
  return {
    async read(window, out) {
      await readNearest(mask, band.grid, window, out)
      const length = window.width * window.height
      for (let i = 0; i < length; i++)
        if ((out[i] ?? 0) > 12)
          throw new ProcessingError(
            'METADATA_INVALID',
            `'${path}' holds detector ${out[i]}; detectors are 1 to 12. Download the product again.`,
          )
    },
    close: () => {
      mask.close()
    },
  }
}

export interface DetectorPolygon {
  readonly detector: number
  readonly polygon: Polygon
}

/** The detector number is in the feature's id, `detector_footprint-B04-07-0`: band, detector, running number. */
export async function footprintPolygons(path: string): Promise<DetectorPolygon[]> {
  const features = await readGmlMask(path)
  return features.map(({ id, polygon }) => {
    const detector = Number(/^detector_footprint-B[0-9A]{1,2}-(\d{1,2})-\d+$/.exec(id)?.[1] ?? NaN)
    if (!(detector >= 1 && detector <= 12))
      throw new ProcessingError(
        'METADATA_INVALID',
        `'${path}' has a feature '${id}', expected 'detector_footprint-Bxx-DD-n' with detectors 01 to 12.`,
      )
    return { detector, polygon }
  })
}

/** The map of given polygons on a grid; see `openDetectorMap` for the rules. Rows are worked out once, when first read. */
export function detectorMapOfPolygons(polygons: readonly DetectorPolygon[], grid: Grid): DetectorMap {
  const rows = new Map<number, Uint32Array>()
  const ranges = polygons.map(({ polygon }) => yRangeOf(polygon))
  const low = Math.min(...ranges.map(([a]) => a))
  const high = Math.max(...ranges.map(([, b]) => b))
  const rowOf = (row: number): Uint32Array => {
    let runs = rows.get(row)
    if (runs === undefined) {
      const centre = grid.uly - (row + 0.5) * grid.pixelHeightM
      // Edges count from their lower end, so the highest usable line lies just below the upper edge.
      const y = Math.min(Math.max(centre, low), high - 1e-6 * grid.pixelHeightM)
      runs = runsOf(polygons, ranges, y, grid)
      rows.set(row, runs)
    }
    return runs
  }
  return {
    read(window: Window, out: Uint8Array): Promise<void> {
      for (let j = 0; j < window.height; j++) {
        const runs = rowOf(window.y + j)
        const base = j * window.width
        let from = 0
        for (let k = 0; k < runs.length; k += 2) {
          const to = Math.min(window.width, Math.max(0, (runs[k] ?? 0) - window.x))
          if (to > from) out.fill(runs[k + 1] ?? 0, base + from, base + to)
          from = Math.max(from, to)
        }
      }
      return Promise.resolve()
    },
    close: () => {
      rows.clear()
    },
  }
}

/** One row as pairs (end column, detector): the run reaches from the last end up to this one. Covers all columns. */
function runsOf(
  polygons: readonly DetectorPolygon[],
  ranges: readonly (readonly [number, number])[],
  y: number,
  grid: Grid,
): Uint32Array {
  const stretches: { from: number; to: number; detector: number }[] = []
  polygons.forEach(({ detector, polygon }, i) => {
    const [low, high] = ranges[i] ?? [Infinity, -Infinity]
    if (y < low || y > high) return
    for (const [from, to] of spansAt(polygon, y)) stretches.push({ from, to, detector })
  })
  if (stretches.length === 0) return Uint32Array.of(grid.width, 0)
  const cuts = [...new Set(stretches.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b)
  /** Stretches of ground with one detector each, west to east. */
  const parts: { from: number; to: number; detector: number }[] = []
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [from, to] = [cuts[i] ?? NaN, cuts[i + 1] ?? NaN]
    const covering = stretches
      .filter((s) => s.from <= from && s.to >= to)
      .sort((a, b) => a.from + a.to - (b.from + b.to) || a.detector - b.detector)
    // Two polygons of one detector are one.
    const detectors = [...new Set(covering.map((s) => s.detector))]
    detectors.forEach((detector, k) => {
      const share = (to - from) / detectors.length
      parts.push({ from: from + k * share, to: from + (k + 1) * share, detector })
    })
  }
  const runs: number[] = []
  parts.forEach((part, i) => {
    const next = parts[i + 1]
    // A gap is shared: its western half goes to the part before it, its eastern half to the one after.
    const end = next === undefined ? Infinity : (part.to + next.from) / 2
    runs.push(columnFrom(end, grid.ulx, grid.pixelWidthM, grid.width), part.detector)
  })
  return Uint32Array.from(runs)
}
