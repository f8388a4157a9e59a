import { join } from 'node:path'
import { createStrips, type ScratchArray, type StripWriter } from '../../raster/encode-jp2.js'
import { oliOptics } from '../atmosphere/evaluate-atmosphere.js'
import { BandRenderer, NO_REFLECTANCE, type Footprint } from '../band-renderer.js'
import { Landscape, type Ground2d } from '../landscape.js'
import { noiseModel, OLI_NOISE } from '../sensor-noise.js'
import { GROUND, VARIANTS } from '../spectra.js'
import type { Run } from '../view-frame.js'
import { AnglePlanes } from './angle-planes.js'
import { RADIANCE_1AU, REFLECTANCE_ADD, REFLECTANCE_MULT, TIRS_BANDS } from './calibration.js'
import { panchromaticGrid, reflectiveGrid, type LandsatScene } from './landsat-scene.js'
import { OLI_BANDS } from './oli.js'
import { oliSpectraOn } from './oli-spectra.js'
import { groundTemperatures, thermalDn } from './thermal.js'

/** Reflective rows of a strip. */
const STRIP_ROWS = 256
/** A reflective pixel is a panchromatic one, and half of each neighbour; the ground begins one fine pixel before the panchromatic band. */
const REFLECTIVE: Footprint = { stride: 2, first: 0, taps: [0.5, 1, 0.5] }
const PANCHROMATIC: Footprint = { stride: 1, first: 1, taps: [1] }
/** Values of QA_PIXEL (collection 2) and BQA (collection 1): fill, clear land, clear water, saturated or missing nothing. Source: USGS product guides. */
const QUALITY = {
  2: { fill: 1, land: 21824, water: 21952 },
  1: { fill: 1, land: 2720, water: 2720 },
} as const
const WATER = [GROUND.indexOf('river'), GROUND.indexOf('lake')]

/** What was counted while rendering. */
export interface Rendered {
  /** Share of the frame's pixels that have data, unit 1. */
  readonly filled: number
  /** Share of these that truth calls cloud, percent. */
  readonly cloudPercent: number
  /** Bands with a pixel at the top of the scale. */
  readonly saturated: ReadonlySet<string>
}

/** Streams the scene from top to bottom into `<scratch>/<band>.tif` and `<truth>/<band>.tif`. */
export function renderLandsat(scene: LandsatScene, scratch: string, truth: string): Rendered {
  const { platform, view, samples, lines, pixelM } = scene
  const [reflective, panchromatic] = [reflectiveGrid(scene), panchromaticGrid(scene)]
  const spectra = oliSpectraOn(scene.dayOfYear, scene.wrs.lat < 0, platform)
  const bands = OLI_BANDS.map((band, index) => {
    const grid = band === 'B8' ? panchromatic : reflective
    const radiance = RADIANCE_1AU[platform][band] / scene.distanceAu ** 2
    const sigma = noiseModel(OLI_NOISE[band], radiance)
    const noiseDn = scene.noiseDn
    const image = {
      footprint: band === 'B8' ? PANCHROMATIC : REFLECTIVE,
      pixelM: grid.pixelWidthM,
      width: grid.width,
      scale: 1 / REFLECTANCE_MULT,
      shift: -REFLECTANCE_ADD / REFLECTANCE_MULT,
      bySun: true,
      maxDn: 65535,
      noiseDn: noiseDn === null ? (r: number) => sigma(r) / REFLECTANCE_MULT : () => noiseDn,
      seed: scene.seed + scene.dayOfYear * 7919 + 31,
    }
    return {
      band,
      renderer: new BandRenderer(
        view,
        index,
        image,
        spectra[band],
        oliOptics(platform, band),
        () => scene.air,
      ),
      dn: createStrips(join(scratch, `${band}.tif`), grid, 'uint16', { compress: false, noData: 0 }),
      truth: createStrips(join(truth, `${band}.tif`), grid, 'int16', {
        compress: true,
        noData: NO_REFLECTANCE,
        description: `${band} surface reflectance x 10000`,
      }),
    }
  })
  const open = (name: string, type: 'uint16' | 'int16', noData?: number) =>
    createStrips(join(scratch, `${name}.tif`), reflective, type, {
      compress: false,
      ...(noData === undefined ? {} : { noData }),
    })
  const thermal = TIRS_BANDS.map((band) => ({
    dnOf: thermalDn(platform, band),
    file: open(band, 'uint16', 0),
  }))
  const kelvin = groundTemperatures(scene.dayOfYear, scene.wrs.lat, scene.sun.zenith)
  const quality = open(scene.collection === 2 ? 'QA_PIXEL' : 'BQA', 'uint16')
  const saturation = scene.collection === 2 ? open('QA_RADSAT', 'uint16') : null
  const angles = scene.collection === 2 ? new AnglePlanes(scene, (name) => open(name, 'int16')) : null
  const dem = createStrips(join(truth, 'DEM.tif'), reflective, 'int16', {
    compress: true,
    noData: NO_REFLECTANCE,
    description: 'metres above the geoid',
  })
  const classes = createStrips(join(truth, 'CLASS.tif'), reflective, 'uint8', {
    compress: true,
    noData: 0,
    description: 'kind of ground',
  })
  const landscape = new Landscape(scene.seed)
  const fine = pixelM / 2
  const canvas = 2 * samples + 1
  let filled = 0
  const saturated = new Set<string>()
  for (let top = 0; top < lines; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, lines - top)
    const ground = landscape.fill({
      // Zones lie apart in the landscape, as their maps do; the same offset as Sentinel-2's tiles have.
      easting: reflective.ulx - fine / 2 + scene.wrs.zone * 1_000_000,
      northing: reflective.uly + fine / 2 - 2 * top * fine,
      pixelM: fine,
      width: canvas,
      height: 2 * rows + 1,
    })
    const runs = Array.from({ length: rows }, (_, row) =>
      view.runs((top + row + 0.5) * pixelM, pixelM, samples),
    )
    const radsat = new Uint16Array(samples * rows)
    for (const b of bands) {
      const isPan = b.band === 'B8'
      const [first, count] = isPan
        ? [2 * top, Math.min(2 * rows, panchromatic.height - 2 * top)]
        : [top, rows]
      const strip = b.renderer.render(ground, canvas, first, count)
      b.dn.write(first, count, strip.dn)
      b.truth.write(first, count, strip.truth)
      if (!strip.dn.includes(65535)) continue
      saturated.add(b.band)
      if (!isPan)
        strip.dn.forEach((dn, i) => {
          if (dn === 65535) radsat[i] = (radsat[i] ?? 0) | (1 << (Number(b.band.slice(1)) - 1))
        })
    }
    filled += writeGround(ground, canvas, top, rows, runs)
    saturation?.write(top, rows, radsat)
    angles?.write(top, rows, runs)
  }
  for (const b of bands) {
    b.dn.close()
    b.truth.close()
  }
  for (const file of [dem, classes, quality, saturation, ...thermal.map((t) => t.file)]) file?.close()
  angles?.close()
  return { filled: filled / (samples * lines), cloudPercent: 0, saturated }

  /** Writes what needs only the ground: truth, temperature, quality. Returns the number of pixels with data. */
  function writeGround(
    ground: Ground2d,
    width: number,
    top: number,
    rows: number,
    runs: readonly (readonly Run[])[],
  ): number {
    const size = samples * rows
    const [altitude, kind] = [new Int16Array(size), new Uint8Array(size)]
    const flags = new Uint16Array(size).fill(QUALITY[scene.collection].fill)
    const warm = thermal.map(() => new Uint16Array(size))
    let seen = 0
    for (let row = 0; row < rows; row++) {
      // The fine pixel in the middle stands for the pixel.
      const line = (2 * row + 1) * width + 1
      for (let i = 0; i < samples; i++) {
        const k = line + 2 * i
        altitude[row * samples + i] = Math.round(ground.altitudeM[k] ?? 0)
        kind[row * samples + i] = Math.floor((ground.kinds[k] ?? 0) / VARIANTS)
      }
      for (const { from, to } of runs[row] ?? [])
        for (let i = from; i < to; i++) {
          const [k, n] = [line + 2 * i, row * samples + i]
          thermal.forEach(({ dnOf }, t) => {
            const plane = warm[t]
            if (plane) plane[n] = dnOf(kelvin[ground.kinds[k] ?? 0] ?? 280, ground.altitudeM[k] ?? 0)
          })
          const { water, land } = QUALITY[scene.collection]
          flags[n] = WATER.includes(kind[n] ?? 0) ? water : land
          seen++
        }
    }
    write(dem, altitude)
    write(classes, kind)
    write(quality, flags)
    thermal.forEach(({ file }, t) => {
      const plane = warm[t]
      if (plane) write(file, plane)
    })
    return seen
    function write(file: StripWriter, data: ScratchArray) {
      file.write(top, rows, data)
    }
  }
}
