import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import { pressureAtAltitude } from '../src/processors/l2a/pressure.js'
import { correct, shippedModel } from './accuracy-measures.js'
import { DATA } from './reference-table.js'

const SCENE = join(DATA, 's2-sr-reference/T53JQJ_20201031_S2A')
export const hasSurfaceReference = existsSync(SCENE)

/** Ground reflectances put under the reference's atmosphere. */
export const GROUNDS = [0.02, 0.05, 0.1, 0.2, 0.4] as const

/** One band: what our correction makes of the signal that the reference's coefficients give, by pixel. */
export interface SurfaceComparison {
  readonly band: string
  /** Our path reflectance with gases, minus pi B / (esun mu_s). */
  readonly path: readonly number[]
  /** By GROUNDS: ours minus the ground. */
  readonly deviations: readonly (readonly number[])[]
}

type Planes = ReadonlyMap<string, Float64Array>

function read(name: string): Planes {
  const dataset = gdal.open(join(SCENE, `${name}.tif`))
  try {
    const { x, y } = dataset.rasterSize
    return new Map(
      dataset.bands.map((band) => [
        band.description,
        Float64Array.from(band.pixels.read(0, 0, x, y) as ArrayLike<number>),
      ]),
    )
  } finally {
    dataset.close()
  }
}

function plane(planes: Planes, name: string): Float64Array {
  const found = planes.get(name)
  if (found === undefined) throw new Error(`No band '${name}' among ${[...planes.keys()].join(', ')}.`)
  return found
}

/** Solar irradiance by band that the reference run used, W m-2 um-1, distance included. */
function solarIrradiance(): ReadonlyMap<string, number> {
  const text = readFileSync(join(SCENE, 'processing_metadata.yaml'), 'utf8')
  return new Map([...text.matchAll(/^ {4}(BAND-\w+): ([\d.]+)$/gm)].map((m) => [m[1] ?? '', Number(m[2])]))
}

export interface ReferenceAir {
  readonly aerosol: string
  /** Beside the AOT that the reference was given. */
  readonly aotError: number
  /** Ozone, in units of what the reference was given; 1 without. */
  readonly ozoneFactor?: number
}

/**
 * Tile T53JQJ of 2020-10-31 (S2A) as Geoscience Australia's wagl saw it through MODTRAN 6: the signal is L = B + A rho / (1 - S rho) with its
 * coefficients A, B, S of each pixel, and is corrected with its AOT (0.096), water vapour, ozone, angles and heights. An independent code, gas
 * absorption and aerosol (rural).
 */
export function compareWithSurfaceReference({
  aerosol,
  aotError,
  ozoneFactor = 1,
}: ReferenceAir): SurfaceComparison[] {
  const { ancillary } = JSON.parse(readFileSync(join(SCENE, 'ancillary.json'), 'utf8')) as {
    ancillary: { AEROSOL: number; OZONE: number; 'WATER-VAPOUR': number }
  }
  const irradiance = solarIrradiance()
  const model = shippedModel()
  return [2, 0, 1].flatMap((group) => {
    const coefficients = read(`coefficients_${group}`)
    const angles = read(`angles_${group}`)
    const elevation = plane(read(`terrain_${group}`), 'ELEVATION_M')
    const sunZenith = plane(angles, 'SOLAR-ZENITH')
    const viewZenith = plane(angles, 'SATELLITE-VIEW')
    const relativeAzimuth = plane(angles, 'RELATIVE-AZIMUTH')
    const names = [...coefficients.keys()]
      .filter((name) => name.startsWith('A/'))
      .map((name) => name.slice(2))
    return names.map((name) => {
      const band = `B${name.replace('BAND-', '').padStart(2, '0')}`
      const [a, b, s] = ['A', 'B', 'S'].map((c) => plane(coefficients, `${c}/${name}`))
      const esun = irradiance.get(name) ?? NaN
      const comparison = { band, path: [] as number[], deviations: GROUNDS.map(() => [] as number[]) }
      for (const [i, sza] of sunZenith.entries()) {
        const reflectance = (radiance: number) =>
          (Math.PI * radiance) / (esun * Math.cos((sza * Math.PI) / 180))
        const [gain, path, albedo] = [a?.[i] ?? NaN, b?.[i] ?? NaN, s?.[i] ?? NaN]
        if (![gain, path, albedo, sza, viewZenith[i]].every((value) => Number.isFinite(value)) || gain <= 0)
          continue
        const c = model.bandCoefficients({
          platform: 'S2A',
          band,
          sunZenithDeg: sza,
          viewZenithDeg: viewZenith[i]!,
          relativeAzimuthDeg: relativeAzimuth[i]!,
          aot550: ancillary.AEROSOL + aotError,
          wv: ancillary['WATER-VAPOUR'],
          ozone: ancillary.OZONE * 1000 * ozoneFactor,
          pressureHpa: pressureAtAltitude(elevation[i]!),
          aerosol,
        })
        comparison.path.push(c.gasPath - reflectance(path))
        GROUNDS.forEach((rho, k) => {
          const toa = reflectance(path + (gain * rho) / (1 - albedo * rho))
          comparison.deviations[k]?.push(correct(toa, c) - rho)
        })
      }
      return comparison
    })
  })
}
