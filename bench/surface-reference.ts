import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import gdal from 'gdal-async'
import type { AerosolModel } from '../src/processors/l2a/definition.js'
import { closedForms } from '../src/processors/l2a/closed-forms.js'
import { pressureAtAltitude } from '../src/processors/l2a/pressure.js'
import { invert } from './accuracy-measures.js'
import { DATA } from './reference-table.js'

const SCENE = join(DATA, 's2-sr-reference/T53JQJ_20201031_S2A')
export const hasSurfaceReference = existsSync(SCENE)

/** Deviations of one band from the reference's Lambertian reflectance, and that reflectance itself. */
export interface SurfaceComparison {
  readonly band: string
  readonly deviations: readonly number[]
  readonly reference: readonly number[]
}

interface Rasters {
  readonly names: readonly string[]
  readonly planes: readonly Float64Array[]
}

function read(name: string): Rasters {
  const dataset = gdal.open(join(SCENE, `${name}.tif`))
  try {
    const { x, y } = dataset.rasterSize
    return {
      names: dataset.bands.map((band) => band.description),
      planes: dataset.bands.map((band) =>
        Float64Array.from(band.pixels.read(0, 0, x, y) as ArrayLike<number>),
      ),
    }
  } finally {
    dataset.close()
  }
}

function plane(rasters: Rasters, name: string): Float64Array {
  const found = rasters.planes[rasters.names.indexOf(name)]
  if (found === undefined) throw new Error(`No band '${name}' among ${rasters.names.join(', ')}.`)
  return found
}

/**
 * Corrects the scene T53JQJ of 2020-10-31 (S2A) with the AOT, water vapour and ozone that the reference run used, pixel by pixel
 * with its angles and heights, and compares with that run's Lambertian reflectance: MODTRAN 6 with a rural aerosol, an independent
 * code and aerosol. The top-of-atmosphere reflectance is the one that the reference's own coefficients imply.
 */
export function compareWithSurfaceReference(aerosol: AerosolModel): SurfaceComparison[] {
  const { ancillary } = JSON.parse(readFileSync(join(SCENE, 'ancillary.json'), 'utf8')) as {
    ancillary: { AEROSOL: number; OZONE: number; 'WATER-VAPOUR': number }
  }
  return [2, 0, 1].flatMap((group) => {
    const toa = read(`implied_toa_reflectance_${group}`)
    const reference = read(`lambertian_${group}`)
    const angles = read(`angles_${group}`)
    const elevation = plane(read(`terrain_${group}`), 'ELEVATION_M')
    const sunZenith = plane(angles, 'SOLAR-ZENITH')
    const viewZenith = plane(angles, 'SATELLITE-VIEW')
    const relativeAzimuth = plane(angles, 'RELATIVE-AZIMUTH')
    return toa.names.map((name) => {
      const number = name.replace('BAND-', '')
      const band = `B${number.padStart(2, '0')}`
      const ours = plane(toa, name)
      const theirs = plane(reference, name)
      const deviations: number[] = []
      const values: number[] = []
      for (const [i, rho] of ours.entries()) {
        // Their values are floored at 0.0001: such a pixel says nothing.
        if (
          !Number.isFinite(rho) ||
          theirs[i]! <= 1 ||
          !Number.isFinite(sunZenith[i]!) ||
          !Number.isFinite(viewZenith[i]!)
        )
          continue
        const c = closedForms.bandCoefficients({
          platform: 'S2A',
          band,
          sunZenithDeg: sunZenith[i]!,
          viewZenithDeg: viewZenith[i]!,
          relativeAzimuthDeg: relativeAzimuth[i]!,
          aot550: ancillary.AEROSOL,
          wv: ancillary['WATER-VAPOUR'],
          ozone: ancillary.OZONE * 1000,
          pressureHpa: pressureAtAltitude(elevation[i]!),
          aerosol,
        })
        deviations.push(
          invert(rho, c.gasPath, c.gasTransmittance * c.transmittance, c.sphericalAlbedo) -
            theirs[i]! / 10000,
        )
        values.push(theirs[i]! / 10000)
      }
      return { band, deviations, reference: values }
    })
  })
}
