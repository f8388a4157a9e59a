import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { forecastAir } from '../../domain/forecast-air.js'
import type { Grid } from '../../domain/grid.js'
import { NO_AUXILIARY_AIR, type AuxiliaryAir } from '../../domain/l1-scene.js'
import { footprintOf } from '../../products/stac/footprint.js'
import { readRasterMeans, type DegreeBox, type RasterMean } from '../../raster/read-raster-means.js'
import { gridOutline, toLonLat } from '../../raster/transform.js'

/** A forecast for another half of the day says little of an overpass. */
const MOST_HOURS = 12

export interface Auxiliary {
  readonly air: AuxiliaryAir
  readonly notes: readonly string[]
}

/**
 * The air over an image in files of CAMS or ERA5 that the user has: `path` is one of them, or a folder in which those count whose names have the day in them (20250610 or 2025-06-10). GRIB and NetCDF, the
 * whole Earth or a part; of several times the nearest to `sensedAt` counts. Throws NOT_FOUND where `path` is not there, RASTER_UNREADABLE of a file, BAD_ARGUMENT where a file holds no field that is known here.
 */
export async function readGivenForecast(path: string, image: Grid, sensedAt: string): Promise<Auxiliary> {
  const files = await filesOf(path, sensedAt.slice(0, 10))
  if (files.length === 0)
    return {
      air: NO_AUXILIARY_AIR,
      notes: [`The folder '${path}' has no file of ${sensedAt.slice(0, 10)}: nothing of it was used.`],
    }
  const within = degreesOf(image)
  const fields: (RasterMean & { readonly hours: number })[] = []
  for (const file of files)
    for (const field of await readRasterMeans(file, { within }))
      fields.push({
        ...field,
        hours: field.validAt === null ? 0 : Math.abs(field.validAt - Date.parse(sensedAt)) / 3_600_000,
      })
  const near = fields.filter(({ hours }) => hours <= MOST_HOURS).sort((a, b) => a.hours - b.hours)
  if (near.length === 0)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${path}' says nothing of the air over the image within ${MOST_HOURS} hours of ${sensedAt}: expected fields of CAMS or ERA5 there and then, found ${
        fields.length === 0
          ? 'none over the image'
          : `some ${Math.min(...fields.map(({ hours }) => hours)).toFixed(0)} hours away`
      }.`,
    )
  const found = forecastAir(near)
  if (Object.values(found.air).every((value) => value === null))
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `'${path}' has no field that is known: expected total column water vapour, total column ozone or aerosol optical depth at 550 nm, found ${near
        .slice(0, 5)
        .map(({ description }) => `'${description.slice(0, 80)}'`)
        .join(', ')}.`,
    )
  return found
}

/** What is given, and where it says nothing what comes with the product. */
export const firstOf = (given: Auxiliary, product: Auxiliary): Auxiliary => ({
  air: {
    aot: given.air.aot ?? product.air.aot,
    wv: given.air.wv ?? product.air.wv,
    ozone: given.air.ozone ?? product.air.ozone,
    aerosol: given.air.aerosol ?? product.air.aerosol,
  },
  notes: [...given.notes, ...product.notes],
})

async function filesOf(path: string, day: string): Promise<string[]> {
  const found = await stat(path).catch(() => null)
  if (found === null)
    throw new ProcessingError(
      'NOT_FOUND',
      `'${path}' is not there: expected a file of CAMS or ERA5, or a folder of them.`,
    )
  if (!found.isDirectory()) return [path]
  const names = await readdir(path)
  return names
    .filter((name) => name.includes(day) || name.includes(day.replaceAll('-', '')))
    .sort()
    .map((name) => join(path, name))
}

/** East > 180 over the antimeridian. */
function degreesOf(image: Grid): DegreeBox {
  const [west, south, east, north] = footprintOf(toLonLat(image.epsg, gridOutline(image, 1))).bbox
  return [west, south, east < west ? east + 360 : east, north]
}
