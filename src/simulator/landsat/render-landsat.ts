import { join } from 'node:path'
import { createStrips } from '../../raster/encode-jp2.js'
import { oliOptics } from '../atmosphere/evaluate-atmosphere.js'
import { BandRenderer, NO_REFLECTANCE, type Footprint } from '../band-renderer.js'
import { CloudTruth } from '../clouds/cloud-truth.js'
import { skyStrip } from '../clouds/sky-strip.js'
import { Landscape } from '../landscape.js'
import { noiseModel, OLI_NOISE } from '../sensor-noise.js'
import { sunOffsets } from '../view-frame.js'
import { airOnNodes, writeAirTruth } from '../weather.js'
import { AnglePlanes } from './angle-planes.js'
import { CENTRAL_UM, RADIANCE_1AU, REFLECTANCE_ADD, REFLECTANCE_MULT } from './calibration.js'
import { GroundImages } from './ground-images.js'
import { panchromaticGrid, reflectiveGrid, type LandsatScene } from './landsat-scene.js'
import { OLI_BANDS } from './oli.js'
import { oliSpectraOn } from './oli-spectra.js'

/** Reflective rows of a strip. */
const STRIP_ROWS = 256
/** A reflective pixel is a panchromatic one, and half of each neighbour; the ground begins one fine pixel before the panchromatic band. */
const REFLECTIVE: Footprint = { stride: 2, first: 0, taps: [0.5, 1, 0.5] }
const PANCHROMATIC: Footprint = { stride: 1, first: 1, taps: [1] }
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
  const { decks } = scene.weather
  // Zones lie apart in the landscape, as their maps do; the same offset as Sentinel-2's tiles have.
  const [left, north] = [reflective.ulx + scene.wrs.zone * 1_000_000, reflective.uly]
  const nodes = airOnNodes(scene.weather, view, left, north)
  const truthPath = (name: string) => join(truth, `${name}.tif`)
  writeAirTruth(nodes, view, reflective, truthPath)
  const sun = { offsets: sunOffsets(view), frame: view, left, top: north }
  const clouds =
    decks.length === 0
      ? null
      : new CloudTruth(truthPath, reflective, view, OLI_BANDS.indexOf('B4'), { stride: 2, first: 1 })
  const spectra = oliSpectraOn(scene.dayOfYear, scene.wrs.lat < 0, platform, scene.year)
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
      um: CENTRAL_UM[band],
      maxDn: 65535,
      noiseDn: noiseDn === 'sensor' ? (r: number) => sigma(r) / REFLECTANCE_MULT : () => noiseDn,
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
        (node) => nodes[node] ?? scene.weather.air,
        decks,
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
  const images = new GroundImages(scene, open, truthPath)
  const saturation = scene.collection === 2 ? open('QA_RADSAT', 'uint16') : null
  const angles = scene.collection === 2 ? new AnglePlanes(scene, (name) => open(name, 'int16')) : null
  const landscape = new Landscape(scene.seed, scene.year, scene.snow)
  const fine = pixelM / 2
  const canvas = 2 * samples + 1
  let filled = 0
  const saturated = new Set<string>()
  for (let top = 0; top < lines; top += STRIP_ROWS) {
    const rows = Math.min(STRIP_ROWS, lines - top)
    const window = {
      easting: left - fine / 2,
      northing: north + fine / 2 - 2 * top * fine,
      pixelM: fine,
      width: canvas,
      height: 2 * rows + 1,
    }
    const ground = landscape.fill(window)
    const sky = clouds === null ? null : skyStrip(decks, ground, window, sun)
    const runs = Array.from({ length: rows }, (_, row) =>
      view.runs((top + row + 0.5) * pixelM, pixelM, samples),
    )
    const radsat = new Uint16Array(samples * rows)
    for (const b of bands) {
      const isPan = b.band === 'B8'
      const [first, count] = isPan
        ? [2 * top, Math.min(2 * rows, panchromatic.height - 2 * top)]
        : [top, rows]
      const strip = b.renderer.render(ground, canvas, first, count, sky)
      b.dn.write(first, count, strip.dn)
      b.truth.write(first, count, strip.truth)
      if (!strip.dn.includes(65535)) continue
      saturated.add(b.band)
      if (!isPan)
        strip.dn.forEach((dn, i) => {
          if (dn === 65535) radsat[i] = (radsat[i] ?? 0) | (1 << (Number(b.band.slice(1)) - 1))
        })
    }
    const covered = sky === null ? null : (clouds?.add(top, rows, ground, sky) ?? null)
    filled += images.write(top, ground, canvas, runs, covered)
    saturation?.write(top, rows, radsat)
    angles?.write(top, rows, runs)
  }
  for (const b of bands) {
    b.dn.close()
    b.truth.close()
  }
  images.close()
  saturation?.close()
  angles?.close()
  clouds?.close()
  return { filled: filled / (samples * lines), cloudPercent: clouds?.percent ?? 0, saturated }
}
