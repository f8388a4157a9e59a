import { join } from 'node:path'
import { blocksOf, type Grid } from '../../domain/grid.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { Codec } from '../../domain/codec.js'
import { isDelivered } from '../../processors/l2a/definition.js'
import { anglesOf, writeAngles } from '../../products/l2a/angles.js'
import { ANGLE_FILES, ANGLE_NO_DATA } from '../../products/layout.js'
import { openBandWriter } from '../band-writer.js'
import type { KernelPool } from '../kernel-pool.js'
import { DirectionField } from './direction-field.js'

/** Rows of the detector map that are read at once. */
const ROWS = 512
const WHAT: Readonly<Record<(typeof ANGLE_FILES)[number], string>> = {
  'SZA.tif': 'Zenith of the sun',
  'SAA.tif': 'Azimuth of the sun, clockwise from north',
  'VZA.tif': 'Zenith of the satellite, seen from the ground',
  'VAA.tif': 'Azimuth of the satellite, seen from the ground, clockwise from north',
}

/**
 * Writes the angles of a scene: `angles.json` with the nodes of all delivered bands and detectors, and rasters of sun and view at the centres of the
 * cells. The view is that of the scene's `viewBand` and of the detector that saw the cell's centre. Rejects with DISK_FULL, WRITE_FAILED, RASTER_UNREADABLE.
 */
export async function writeSceneAngles(
  folder: string,
  scene: L1Scene,
  cells: Grid,
  { pool, codec }: { readonly pool: KernelPool; readonly codec: Codec },
): Promise<void> {
  await writeAngles(
    folder,
    anglesOf(scene, (band) => isDelivered(scene.satellite, band), cells.epsg),
  )
  const layers = await cellAngles(scene, cells)
  for (const file of ANGLE_FILES) {
    const writer = openBandWriter(pool, {
      ...{ path: join(folder, file), grid: cells, codec, dtype: 'uint16', noData: ANGLE_NO_DATA },
      ...{ scale: 0.01, offset: 0, unit: 'degree', description: WHAT[file], metadata: {} },
      overview: 'nearest',
    })
    const pixels = layers[file]
    for (const window of blocksOf(cells, ROWS)) {
      const block = new Uint16Array(window.width * window.height)
      for (let y = 0; y < window.height; y++) {
        const from = (window.y + y) * cells.width + window.x
        block.set(pixels.subarray(from, from + window.width), y * window.width)
      }
      await writer.writeBlock(window, block)
    }
    await writer.finish()
  }
}

async function cellAngles(
  scene: L1Scene,
  cells: Grid,
): Promise<Readonly<Record<(typeof ANGLE_FILES)[number], Uint16Array>>> {
  const make = () => new Uint16Array(cells.width * cells.height).fill(ANGLE_NO_DATA)
  const out = { 'SZA.tif': make(), 'SAA.tif': make(), 'VZA.tif': make(), 'VAA.tif': make() }
  const detectors = await detectorsOfCells(scene, cells)
  const band = scene.bands.find(({ id }) => id === scene.viewBand)
  const views = new Map(band?.detectors.map(({ detector, angles }) => [detector, new DirectionField(angles)]))
  const ofSun = new DirectionField(scene.sun)
  for (let i = 0; i < detectors.length; i++) {
    const x = cells.ulx + ((i % cells.width) + 0.5) * cells.pixelWidthM
    const y = cells.uly - (Math.floor(i / cells.width) + 0.5) * cells.pixelHeightM
    const sun = ofSun.at(x, y)
    out['SZA.tif'][i] = hundredths(sun.zenith)
    out['SAA.tif'][i] = hundredths(sun.azimuth) % 36000
    const view = views.get(detectors[i] ?? 0)?.at(x, y)
    if (view === undefined) continue
    out['VZA.tif'][i] = hundredths(view.zenith)
    out['VAA.tif'][i] = hundredths(view.azimuth) % 36000
  }
  return out
}

const hundredths = (degrees: number): number => Math.round(degrees * 100)

/** The detector at the centre of each cell, that of the nearest pixel where a cell reaches beyond the image; 0 where none saw it. */
async function detectorsOfCells(scene: L1Scene, cells: Grid): Promise<Uint8Array> {
  const out = new Uint8Array(cells.width * cells.height)
  const band = scene.bands.find(({ id }) => id === scene.viewBand)
  if (band === undefined) return out
  const { grid } = band
  const clamp = (index: number, size: number) => Math.min(size - 1, Math.max(0, index))
  const columns = Int32Array.from({ length: cells.width }, (_, i) =>
    clamp(Math.floor((cells.ulx + (i + 0.5) * cells.pixelWidthM - grid.ulx) / grid.pixelWidthM), grid.width),
  )
  const rows = Int32Array.from({ length: cells.height }, (_, j) =>
    clamp(
      Math.floor((grid.uly - cells.uly + (j + 0.5) * cells.pixelHeightM) / grid.pixelHeightM),
      grid.height,
    ),
  )
  const map = await scene.openDetectors(band)
  try {
    for (let y = 0, row = 0; y < grid.height; y += ROWS) {
      const height = Math.min(ROWS, grid.height - y)
      const pixels = new Uint8Array(grid.width * height)
      await map.read({ x: 0, y, width: grid.width, height }, pixels)
      for (; row < cells.height && (rows[row] ?? 0) < y + height; row++)
        for (let i = 0; i < cells.width; i++)
          out[row * cells.width + i] = pixels[((rows[row] ?? 0) - y) * grid.width + (columns[i] ?? 0)] ?? 0
    }
  } finally {
    map.close()
  }
  return out
}
