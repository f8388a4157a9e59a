import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Grid } from '../domain/grid.js'
import { NOMINAL_PIXEL_M, S2_BANDS, type S2Band, type S2Platform } from '../domain/sentinel2.js'
import { createStrips, type StripWriter } from '../raster/encode-jp2.js'
import { s2Optics } from './atmosphere/evaluate-atmosphere.js'
import { BandRenderer, NO_REFLECTANCE, type BandStrip } from './band-renderer.js'
import { encodeScene } from './encode-scene.js'
import { kindSeen, Landscape, type Ground2d } from './landscape.js'
import { CloudTruth } from './clouds/cloud-truth.js'
import { skyStrip } from './clouds/sky-strip.js'
import {
  CENTRAL_NM,
  IRRADIANCE,
  datastripXml,
  hasRasterMasks,
  manifestXml,
  productXml,
  radioOffset,
} from './product-xml.js'
import { detectorsOf, footprintRing, viewFrame } from './scene-angles.js'
import { gridOf, makeScene, type Scene, type SimulateOptions } from './scene.js'
import { noiseModel, S2_NOISE } from './sensor-noise.js'
import { spectraOn } from './spectra.js'
import { sunDistanceFactor } from './sun.js'
import { surfaceTruth, weatherTruth } from './truth-json.js'
import { SceneUnknowns } from './unknowns/scene-unknowns.js'
import { sunOffsets, withinExtent } from './view-frame.js'
import { airOnNodes, writeAirTruth } from './weather.js'
import { maskGml, maskList, tileXml } from './tile-xml.js'

export type { SimulateOptions } from './scene.js'

export interface SimulatedProduct {
  readonly safePath: string
  readonly truthDir: string
  readonly name: string
  readonly tile: string
  readonly date: string
  readonly platform: S2Platform
  readonly relativeOrbit: number
  readonly detectors: readonly number[]
}

const PREVIEW_PIXELS = 343
/** Finest rows of a strip: a multiple of 6, so that it ends on a pixel in every band, and of the 128 rows of a scratch tile at 60 m. */
const STRIP_ROWS = 768
const FACTOR = { 10: 1, 20: 2, 60: 6 } as const

/**
 * Makes a Sentinel-2 L1C product of an invented landscape, and `<name>.truth` beside it: surface reflectance of every band (int16 x 10000,
 * no-data -32768), DEM.tif (m), CLASS.tif (numbers of GROUND) and truth.json. The same options give the same bytes. A full tile at 10 m took
 * 2.8 GB of memory at its peak. Without `unknowns` slopes change pressure and ground cover, not the light. Throws BAD_ARGUMENT, TILE_UNKNOWN, WRITE_FAILED.
 */
export async function simulateL1c(options: SimulateOptions): Promise<SimulatedProduct> {
  const scene = makeScene(options)
  const { names } = scene
  const work = join(options.outDir, `.${names.safe}.making`)
  const safePath = join(options.outDir, names.safe)
  const truthDir = join(options.outDir, `${names.safe}.truth`)
  await rm(work, { recursive: true, force: true })
  const safe = join(work, 'safe')
  const truth = join(work, 'truth')
  const scratch = join(work, 'scratch')
  const granule = join(safe, 'GRANULE', names.granule)
  for (const folder of [
    join(granule, 'IMG_DATA'),
    join(granule, 'QI_DATA'),
    join(granule, 'AUX_DATA'),
    join(safe, 'DATASTRIP', names.datastrip),
    truth,
    scratch,
  ])
    await mkdir(folder, { recursive: true })
  try {
    const { cloudPercent } = renderScene(scene, scratch, truth)
    await encodeScene(scene, scratch, granule)
    await writeMetadata(scene, safe, granule, cloudPercent)
    await writeFile(join(truth, 'truth.json'), `${JSON.stringify(truthOf(scene, cloudPercent), null, 2)}\n`)
    await rm(safePath, { recursive: true, force: true })
    await rm(truthDir, { recursive: true, force: true })
    await rename(truth, truthDir)
    await rename(safe, safePath)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return {
    safePath,
    truthDir,
    name: names.safe,
    tile: scene.square.tile,
    date: options.date,
    platform: names.platform,
    relativeOrbit: scene.pass.relativeOrbit,
    detectors: detectorsOf(scene.pass),
  }
}

/** Cloudy share of the pixels with data, percent. */
interface RenderedSky {
  readonly cloudPercent: number
}

/** Streams the scene from top to bottom: every strip of ground is made once and seen by all bands. */
function renderScene(scene: Scene, scratch: string, truth: string): RenderedSky {
  const { square, sizes, pass } = scene
  const spectra = spectraOn(scene.dayOfYear, square.isSouth, scene.year)
  const offset = radioOffset(scene.names.baseline)
  const frame = withinExtent(viewFrame(pass, scene.angles), scene.extentM)
  const { decks } = scene.weather
  // Zones lie apart in the landscape, as their maps do.
  const left = square.xmin + square.zone * 1_000_000
  const north = square.ymax - (square.isSouth ? 10_000_000 : 0)
  const nodes = airOnNodes(scene.weather, frame, left, north)
  writeAirTruth(nodes, frame, gridOf(scene, 60), (name) => join(truth, `${name}.tif`))
  const sun = { offsets: sunOffsets(frame), frame, left, top: north }
  const clouds =
    decks.length === 0
      ? null
      : new CloudTruth(
          (name) => join(truth, `${name}.tif`),
          gridOf(scene, 10),
          frame,
          S2_BANDS.indexOf('B04'),
          {
            stride: 1,
            first: 0,
          },
        )
  const landscape = new Landscape(scene.seed, scene.year, scene.snow)
  const air = (node: number) => nodes[node] ?? scene.weather.air
  const unknowns = scene.unknowns === null ? null : new SceneUnknowns(scene, landscape, left, north)
  const bands = S2_BANDS.map((band) => {
    const resolution = NOMINAL_PIXEL_M[band]
    const { pixelM, pixels } = sizes[resolution]
    const factor = FACTOR[resolution]
    const image = {
      footprint: { stride: factor, first: 0, taps: new Array<number>(factor).fill(1) },
      pixelM,
      width: pixels,
      scale: 10000,
      shift: -offset,
      bySun: false,
      um: (CENTRAL_NM[scene.names.platform][S2_BANDS.indexOf(band)] ?? 0) / 1000,
      maxDn: 65534,
      noiseDn: noiseOf(scene, band),
      seed: scene.seed + scene.dayOfYear * 7919,
    }
    return {
      band,
      pixels,
      factor,
      renderer: new BandRenderer(
        frame,
        S2_BANDS.indexOf(band),
        image,
        spectra[band],
        s2Optics(scene.names.platform, band, scene.unknowns?.aerosol),
        unknowns === null ? air : (node, altitudeM) => unknowns.airAbove(air(node), altitudeM),
        decks,
        unknowns?.ofBand(band, spectra[band]) ?? null,
      ),
      dn: createStrips(join(scratch, `${band}.tif`), gridOf(scene, resolution), 'uint16', {
        compress: false,
      }),
      truth: createStrips(join(truth, `${band}.tif`), gridOf(scene, resolution), 'int16', {
        compress: true,
        noData: NO_REFLECTANCE,
        description: `${band} surface reflectance x 10000`,
      }),
      level:
        scene.unknowns?.slopes === true
          ? createStrips(join(truth, `${band}_level.tif`), gridOf(scene, resolution), 'int16', {
              compress: true,
              noData: NO_REFLECTANCE,
              description: `${band} surface reflectance x 10000 if the ground were level`,
            })
          : null,
    }
  })
  const dem = createStrips(join(truth, 'DEM.tif'), gridOf(scene, 10), 'int16', {
    compress: true,
    noData: NO_REFLECTANCE,
    description: 'metres above the geoid',
  })
  const classes = createStrips(join(truth, 'CLASS.tif'), gridOf(scene, 10), 'uint8', {
    compress: true,
    noData: 0,
    description: 'kind of ground',
  })
  const pictures = new Pictures(scene, scratch)
  const fine = sizes[10]
  const canvas = 6 * sizes[60].pixels
  for (let top = 0; top < canvas; top += STRIP_ROWS) {
    const height = Math.min(STRIP_ROWS, canvas - top)
    const window = {
      easting: left + scene.shiftM[0],
      northing: north - top * fine.pixelM + scene.shiftM[1],
      pixelM: fine.pixelM,
      width: canvas,
      height,
    }
    const ground = landscape.fill(window)
    const sky = clouds === null ? null : skyStrip(decks, ground, window, sun)
    const detail = unknowns?.detailOf(ground, window, frame, sun.offsets) ?? null
    const rows = Math.min(height, fine.pixels - top)
    if (rows > 0 && sky) clouds?.add(top, rows, ground, sky)
    if (rows > 0) writeGround(ground, canvas, rows, fine.pixels, top, dem, classes)
    const visible: Partial<Record<S2Band, BandStrip>> = {}
    for (const b of bands) {
      const first = top / b.factor
      const count = Math.min(Math.ceil(height / b.factor), b.pixels - first)
      if (count <= 0) continue
      const strip = b.renderer.render(ground, canvas, first, count, sky, detail)
      b.dn.write(first, count, strip.dn)
      b.truth.write(first, count, strip.truth)
      if (strip.level) b.level?.write(first, count, strip.level)
      if (b.band === 'B02' || b.band === 'B03' || b.band === 'B04') visible[b.band] = strip
    }
    if (rows > 0) pictures.add(top, rows, visible)
  }
  for (const b of bands) {
    b.dn.close()
    b.truth.close()
    b.level?.close()
  }
  dem.close()
  classes.close()
  clouds?.close()
  pictures.close()
  return { cloudPercent: clouds?.percent ?? 0 }
}

/** Standard deviation in digital numbers by reflectance. The sensor's own: with the mean sun of the scene. */
function noiseOf(scene: Scene, band: S2Band): (reflectance: number) => number {
  const { noiseDn } = scene
  if (noiseDn !== 'sensor') return () => noiseDn
  const irradiance = IRRADIANCE[S2_BANDS.indexOf(band)] ?? 0
  const sun =
    Math.cos((scene.angles.meanSun.zenith * Math.PI) / 180) * sunDistanceFactor(scene.pass.sensingMs)
  const sigma = noiseModel(S2_NOISE[band], (irradiance * sun) / Math.PI)
  return (reflectance) => 10000 * sigma(reflectance)
}

function writeGround(
  ground: Ground2d,
  canvas: number,
  rows: number,
  width: number,
  top: number,
  dem: StripWriter,
  classes: StripWriter,
): void {
  const [altitude, kind] = [new Int16Array(width * rows), new Uint8Array(width * rows)]
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < width; i++) {
      const k = row * canvas + i
      altitude[row * width + i] = Math.round(ground.altitudeM[k] ?? 0)
      kind[row * width + i] = kindSeen(ground, k)
    }
  dem.write(top, rows, altitude)
  classes.write(top, rows, kind)
}

/** The true-colour image and its small preview: reflectance 0..0.33 to 1..255, 0 is no-data. */
class Pictures {
  private readonly tci: StripWriter | null
  private readonly preview = [0, 1, 2].map(() => new Uint8Array(PREVIEW_PIXELS * PREVIEW_PIXELS))
  constructor(
    private readonly scene: Scene,
    private readonly scratch: string,
  ) {
    this.tci = scene.withTci
      ? createStrips(join(scratch, 'TCI.tif'), gridOf(scene, 10), 'uint8', { compress: false, planes: 3 })
      : null
  }

  add(top: number, rows: number, strips: Partial<Record<S2Band, BandStrip>>): void {
    const { pixels } = this.scene.sizes[10]
    const offset = radioOffset(this.scene.names.baseline)
    const grey = (dn: number) =>
      dn === 0 ? 0 : Math.max(1, Math.min(255, Math.round(((dn + offset) * 255) / 3300)))
    ;(['B04', 'B03', 'B02'] as const).forEach((band, plane) => {
      const dn = strips[band]?.dn
      if (dn === undefined) return
      const small = this.preview[plane]
      for (let y = 0; small && y < PREVIEW_PIXELS; y++) {
        const row = Math.floor(((y + 0.5) * pixels) / PREVIEW_PIXELS) - top
        if (row < 0 || row >= rows) continue
        for (let x = 0; x < PREVIEW_PIXELS; x++)
          small[y * PREVIEW_PIXELS + x] = grey(
            dn[row * pixels + Math.floor(((x + 0.5) * pixels) / PREVIEW_PIXELS)] ?? 0,
          )
      }
      this.tci?.write(top, rows, Uint8Array.from(dn, grey), plane)
    })
  }

  close(): void {
    this.tci?.close()
    const pixelM = 320
    const grid: Grid = {
      ...gridOf(this.scene, 10),
      pixelWidthM: pixelM,
      pixelHeightM: pixelM,
      width: PREVIEW_PIXELS,
      height: PREVIEW_PIXELS,
    }
    const writer = createStrips(join(this.scratch, 'PVI.tif'), grid, 'uint8', { compress: false, planes: 3 })
    this.preview.forEach((plane, i) => {
      writer.write(0, PREVIEW_PIXELS, plane, i)
    })
    writer.close()
  }
}

async function writeMetadata(
  scene: Scene,
  safe: string,
  granule: string,
  cloudPercent: number,
): Promise<void> {
  const { names, square, pass } = scene
  if (!hasRasterMasks(names.baseline))
    for (const mask of maskList(names)) {
      const edge =
        mask.band === null
          ? 0
          : scene.sizes[NOMINAL_PIXEL_M[mask.band]].pixelM * scene.sizes[NOMINAL_PIXEL_M[mask.band]].pixels
      const members =
        mask.type !== 'DETFOO'
          ? []
          : detectorsOf(pass).flatMap((detector) => {
              const ring = footprintRing(pass, detector, square.xmin, square.ymax, edge)
              return ring === null ? [] : [{ detector, ring }]
            })
      await writeFile(
        join(granule, 'QI_DATA', mask.file),
        maskGml(names, square, mask.type, mask.band, members),
      )
    }
  const corner = (k: number): [number, number] => [pass.lat[k] ?? 0, pass.lon[k] ?? 0]
  await writeFile(
    join(granule, 'MTD_TL.xml'),
    tileXml(names, square, scene.sizes, scene.angles, cloudPercent),
  )
  await writeFile(join(safe, 'DATASTRIP', names.datastrip, 'MTD_DS.xml'), datastripXml(names))
  await writeFile(
    join(safe, 'MTD_MSIL1C.xml'),
    productXml(names, {
      footprint: [0, 22, 528, 506, 0].map(corner),
      u: sunDistanceFactor(pass.sensingMs),
      withTci: scene.withTci,
      cloudPercent,
    }),
  )
  const files = (await readdir(safe, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const listed = []
  for (const file of files) {
    const sum = createHash('sha3-256')
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) sum.update(chunk as Buffer)
    listed.push({ path: relative(safe, file), size: (await stat(file)).size, sha3: sum.digest('hex') })
  }
  await writeFile(join(safe, 'manifest.safe'), manifestXml(listed))
}

function truthOf(scene: Scene, cloudPercent: number) {
  const { names, angles, pass } = scene
  return {
    product: names.safe,
    tile: names.tile,
    platform: names.platform,
    baseline: names.baseline,
    seed: scene.seed,
    noise_dn: scene.noiseDn,
    snow_line_m: scene.snow?.lineM ?? null,
    sensing_time: names.sensingIso,
    relative_orbit: pass.relativeOrbit,
    detectors: detectorsOf(pass),
    ...weatherTruth(scene.weather, cloudPercent, 'B04', scene.unknowns),
    sun: angles.meanSun,
    view: angles.meanView,
    pixel_size_m: { 10: scene.sizes[10].pixelM, 20: scene.sizes[20].pixelM, 60: scene.sizes[60].pixelM },
    ...surfaceTruth(scene.unknowns),
  }
}
