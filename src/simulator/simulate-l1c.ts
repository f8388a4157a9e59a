import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { ProcessingError } from '../domain/errors.js'
import type { Grid } from '../domain/grid.js'
import { TILE_SIZE_M, tileSquare, type TileSquare } from '../domain/mgrs.js'
import { NOMINAL_PIXEL_M, S2_BANDS, S2_PLATFORMS, type S2Band, type S2Platform } from '../domain/sentinel2.js'
import { createStrips, encodeJp2, type StripWriter } from '../raster/encode-jp2.js'
import { BandRenderer, NO_REFLECTANCE, pixelFrom, type BandStrip } from './band-renderer.js'
import { Landscape, type Ground2d } from './landscape.js'
import { passOver, type TilePass } from './orbit.js'
import { productNames, type ProductNames } from './product-names.js'
import { datastripXml, hasRasterMasks, manifestXml, productXml, radioOffset } from './product-xml.js'
import { bordersOnRow, detectorsOf, footprintRing, sceneAngles, type SceneAngles } from './scene-angles.js'
import { GROUND, VARIANTS, spectraOn } from './spectra.js'
import { sunDistanceFactor } from './sun.js'
import { maskGml, maskList, tileXml, type ImageSizes } from './tile-xml.js'

export interface SimulateOptions {
  /** Sentinel-2 tile, e.g. `31TCJ`. */
  readonly tile: string
  /** Day of acquisition, `yyyy-mm-dd`. */
  readonly date: string
  /** Folder in which the SAFE folder and its truth are made. */
  readonly outDir: string
  /** Edge in metres of the finest pixels, 10..2000; the coarser bands have twice and six times that. */
  readonly pixelSizeM: number
  /** Processing baseline `NN.NN`; below 04.00 with GML masks and no offset. Default 05.11. */
  readonly baseline?: string
  readonly seed?: number
  readonly platform?: S2Platform
  /** Relative orbit 1..143; default the nearest track. */
  readonly orbit?: number
  /** Aerosol optical thickness at 550 nm above the ground, 0..1.4. Default 0.15. */
  readonly aot?: number
  /** Water vapour of a column at sea level, g/cm2, 0..8. Default 2. */
  readonly wv?: number
  /** Ozone, DU, 100..600. Default 300. */
  readonly ozoneDu?: number
  /** Standard deviation of the sensor's noise in digital numbers, 0..100. Default 4. */
  readonly noiseDn?: number
  /** True-colour image; default only for pixels of 20 m and more, for it costs as much as three bands. */
  readonly withTci?: boolean
}

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

interface Scene {
  readonly square: TileSquare
  readonly pass: TilePass
  readonly names: ProductNames
  readonly angles: SceneAngles
  readonly sizes: ImageSizes
  readonly seed: number
  readonly noiseDn: number
  readonly air: {
    readonly platform: S2Platform
    readonly aot: number
    readonly wv: number
    readonly ozone: number
  }
  readonly dayOfYear: number
  readonly withTci: boolean
}

const PREVIEW_PIXELS = 343
/** Finest rows of a strip: a multiple of 6, so that it ends on a pixel in every band, and of the scratch tiles of 256 at 60 m. */
const STRIP_ROWS = 1536
const FACTOR = { 10: 1, 20: 2, 60: 6 } as const

/**
 * Makes a Sentinel-2 L1C product of an invented landscape, and `<name>.truth` beside it: surface reflectance of every band (int16 x 10000,
 * no-data -32768), DEM.tif (m), CLASS.tif (numbers of GROUND) and truth.json. The same options give the same bytes. Memory stays below
 * 1 GB at 10 m. Flat illumination: slopes change pressure and ground cover, not the light. Throws BAD_ARGUMENT, TILE_UNKNOWN, WRITE_FAILED.
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
    renderScene(scene, scratch, truth)
    await encodeAll(scene, scratch, granule)
    await writeMetadata(scene, safe, granule)
    await writeFile(join(truth, 'truth.json'), `${JSON.stringify(truthOf(scene), null, 2)}\n`)
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

function makeScene(options: SimulateOptions): Scene {
  const within = (name: string, value: number, low: number, high: number) => {
    if (!(value >= low && value <= high))
      throw new ProcessingError(
        'BAD_ARGUMENT',
        `${name}: expected a number from ${low} to ${high}, found ${value}.`,
      )
    return value
  }
  const baseline = options.baseline ?? '05.11'
  if (!/^\d\d\.\d\d$/.test(baseline))
    throw new ProcessingError('BAD_ARGUMENT', `baseline: expected NN.NN such as 05.11, found ${baseline}.`)
  if (!/^\d{4}-\d\d-\d\d$/.test(options.date) || Number.isNaN(Date.parse(options.date)))
    throw new ProcessingError('BAD_ARGUMENT', `date: expected yyyy-mm-dd, found ${options.date}.`)
  const platform = options.platform ?? 'S2A'
  if (!S2_PLATFORMS.includes(platform))
    throw new ProcessingError('BAD_ARGUMENT', `platform: expected one of ${S2_PLATFORMS.join(', ')}.`)
  if (options.orbit !== undefined) within('orbit', options.orbit, 1, 143)
  const square = tileSquare(options.tile)
  const pixelM = within('pixel size', options.pixelSizeM, 10, 2000)
  const pass = passOver(square, options.date, platform, options.orbit)
  if (detectorsOf(pass).length === 0)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Relative orbit ${pass.relativeOrbit} does not see tile ${square.tile}; leave --orbit out for the nearest.`,
    )
  const angles = sceneAngles(pass)
  within('sun zenith angle of this date and tile', angles.meanSun.zenith, 0, 76)
  const size = (f: number) => ({ pixelM: pixelM * f, pixels: Math.ceil(TILE_SIZE_M / (pixelM * f) - 1e-9) })
  return {
    square,
    pass,
    angles,
    names: productNames(platform, square, baseline, pass),
    sizes: { 10: size(1), 20: size(2), 60: size(6) },
    seed: within('seed', options.seed ?? 1, 0, 1e9),
    noiseDn: within('noise', options.noiseDn ?? 4, 0, 100),
    air: {
      platform,
      aot: within('aot', options.aot ?? 0.15, 0, 1.4),
      wv: within('wv', options.wv ?? 2, 0, 8),
      ozone: within('ozone', options.ozoneDu ?? 300, 100, 600) / 1000,
    },
    dayOfYear:
      Math.round((Date.parse(options.date) - Date.parse(`${options.date.slice(0, 4)}-01-01`)) / 86_400_000) +
      1,
    withTci: options.withTci ?? pixelM >= 20,
  }
}

const gridOf = (scene: Scene, resolution: 10 | 20 | 60): Grid => {
  const { pixelM, pixels } = scene.sizes[resolution]
  return {
    epsg: scene.square.epsg,
    ulx: scene.square.xmin,
    uly: scene.square.ymax,
    pixelWidthM: pixelM,
    pixelHeightM: pixelM,
    width: pixels,
    height: pixels,
  }
}

/** Streams the scene from top to bottom: every strip of ground is made once and seen by all bands. */
function renderScene(scene: Scene, scratch: string, truth: string): void {
  const { square, sizes, pass } = scene
  const spectra = spectraOn(scene.dayOfYear, square.isSouth)
  const offset = radioOffset(scene.names.baseline)
  const bands = S2_BANDS.map((band) => {
    const resolution = NOMINAL_PIXEL_M[band]
    const { pixelM, pixels } = sizes[resolution]
    const frame = {
      factor: FACTOR[resolution],
      pixelM,
      width: pixels,
      offset,
      noiseDn: scene.noiseDn,
      seed: scene.seed + scene.dayOfYear * 7919,
    }
    return {
      band,
      pixels,
      factor: frame.factor,
      renderer: new BandRenderer(pass, band, frame, spectra[band], scene.air, scene.angles),
      dn: createStrips(join(scratch, `${band}.tif`), gridOf(scene, resolution), 'uint16', {
        compress: false,
      }),
      truth: createStrips(join(truth, `${band}.tif`), gridOf(scene, resolution), 'int16', {
        compress: true,
        noData: NO_REFLECTANCE,
        description: `${band} surface reflectance x 10000`,
      }),
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
  const landscape = new Landscape(scene.seed)
  const fine = sizes[10]
  const canvas = 6 * sizes[60].pixels
  for (let top = 0; top < canvas; top += STRIP_ROWS) {
    const height = Math.min(STRIP_ROWS, canvas - top)
    const northing = square.ymax - (square.isSouth ? 10_000_000 : 0) - top * fine.pixelM
    // Zones lie apart in the landscape, as their maps do.
    const ground = landscape.fill({
      easting: square.xmin + square.zone * 1_000_000,
      northing,
      pixelM: fine.pixelM,
      width: canvas,
      height,
    })
    const rows = Math.min(height, fine.pixels - top)
    if (rows > 0) writeGround(ground, canvas, rows, fine.pixels, top, dem, classes)
    const visible: Partial<Record<S2Band, BandStrip>> = {}
    for (const b of bands) {
      const first = top / b.factor
      const count = Math.min(Math.ceil(height / b.factor), b.pixels - first)
      if (count <= 0) continue
      const strip = b.renderer.render(ground, canvas, first, count)
      b.dn.write(first, count, strip.dn)
      b.truth.write(first, count, strip.truth)
      if (b.band === 'B02' || b.band === 'B03' || b.band === 'B04') visible[b.band] = strip
    }
    if (rows > 0) pictures.add(top, rows, visible)
  }
  for (const b of bands) {
    b.dn.close()
    b.truth.close()
  }
  dem.close()
  classes.close()
  pictures.close()
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
      kind[row * width + i] = Math.floor((ground.kinds[k] ?? 0) / VARIANTS)
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

/** Compresses all images, two at a time, the largest first; what equals another image is copied. */
async function encodeAll(scene: Scene, scratch: string, granule: string): Promise<void> {
  const { names } = scene
  const image = (what: string) => join(granule, 'IMG_DATA', `${names.image}_${what}.jp2`)
  const jobs: { from: string; to: string; copies: string[] }[] = []
  if (scene.withTci) jobs.push({ from: 'TCI', to: image('TCI'), copies: [] })
  const bySize = [...S2_BANDS].sort((a, b) => NOMINAL_PIXEL_M[a] - NOMINAL_PIXEL_M[b])
  for (const band of bySize) jobs.push({ from: band, to: image(band), copies: [] })
  jobs.push({ from: 'PVI', to: join(granule, 'QI_DATA', `${names.image}_PVI.jp2`), copies: [] })
  if (hasRasterMasks(names.baseline)) {
    for (const resolution of [10, 20, 60] as const) {
      writeRasterMasks(scene, scratch, resolution)
      const bands = S2_BANDS.filter((band) => NOMINAL_PIXEL_M[band] === resolution)
      for (const type of ['DETFOO', 'QUALIT']) {
        const [to, ...copies] = bands.map((band) => join(granule, 'QI_DATA', `MSK_${type}_${band}.jp2`))
        if (to !== undefined) jobs.push({ from: `${type}_${resolution}`, to, copies })
      }
    }
    createStrips(join(scratch, 'CLASSI.tif'), gridOf(scene, 60), 'uint8', {
      compress: true,
      planes: 3,
    }).close()
    jobs.push({ from: 'CLASSI', to: join(granule, 'QI_DATA', 'MSK_CLASSI_B00.jp2'), copies: [] })
  }
  const worker = async () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
      const source = join(scratch, `${job.from}.tif`)
      await encodeJp2(source, job.to)
      for (const copy of job.copies) await copyFile(job.to, copy)
      await rm(source)
    }
  }
  await Promise.all([worker(), worker()])
}

/** MSK_DETFOO (the detector's number) and MSK_QUALIT (8 planes; the sixth tells pixels without data) of one pixel size. */
function writeRasterMasks(scene: Scene, scratch: string, resolution: 10 | 20 | 60): void {
  const grid = gridOf(scene, resolution)
  const footprint = createStrips(join(scratch, `DETFOO_${resolution}.tif`), grid, 'uint8', { compress: true })
  const quality = createStrips(join(scratch, `QUALIT_${resolution}.tif`), grid, 'uint8', {
    compress: true,
    planes: 8,
  })
  const detectors = detectorsOf(scene.pass)
  for (let top = 0; top < grid.height; top += 1024) {
    const rows = Math.min(1024, grid.height - top)
    const plane = new Uint8Array(grid.width * rows)
    for (let row = 0; row < rows; row++) {
      const borders = bordersOnRow(scene.pass, (top + row + 0.5) * grid.pixelHeightM)
      for (const detector of detectors) {
        const from = pixelFrom(borders[detector - 1] ?? 0, grid.pixelWidthM, grid.width)
        const to = pixelFrom(borders[detector] ?? 0, grid.pixelWidthM, grid.width)
        if (from < to) plane.fill(detector, row * grid.width + from, row * grid.width + to)
      }
    }
    footprint.write(top, rows, plane)
    if (plane.includes(0))
      quality.write(
        top,
        rows,
        plane.map((detector) => (detector === 0 ? 1 : 0)),
        5,
      )
  }
  footprint.close()
  quality.close()
}

async function writeMetadata(scene: Scene, safe: string, granule: string): Promise<void> {
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
  await writeFile(join(granule, 'MTD_TL.xml'), tileXml(names, square, scene.sizes, scene.angles))
  await writeFile(join(safe, 'DATASTRIP', names.datastrip, 'MTD_DS.xml'), datastripXml(names))
  await writeFile(
    join(safe, 'MTD_MSIL1C.xml'),
    productXml(names, {
      footprint: [0, 22, 528, 506, 0].map(corner),
      u: sunDistanceFactor(pass.sensingMs),
      withTci: scene.withTci,
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

function truthOf(scene: Scene) {
  const { names, air, angles, pass } = scene
  return {
    product: names.safe,
    tile: names.tile,
    platform: names.platform,
    baseline: names.baseline,
    seed: scene.seed,
    noise_dn: scene.noiseDn,
    sensing_time: names.sensingIso,
    relative_orbit: pass.relativeOrbit,
    detectors: detectorsOf(pass),
    atmosphere: {
      aot550: air.aot,
      aot_reference: 'column above the ground',
      wv_g_cm2: air.wv,
      wv_reference: 'column at sea level',
      ozone_du: air.ozone * 1000,
      aerosol: 'continental',
    },
    sun: angles.meanSun,
    view: angles.meanView,
    pixel_size_m: { 10: scene.sizes[10].pixelM, 20: scene.sizes[20].pixelM, 60: scene.sizes[60].pixelM },
    reflectance: {
      scale: 10000,
      no_data: NO_REFLECTANCE,
      illumination: 'flat: slopes do not change the light',
    },
    classes: Object.fromEntries(GROUND.map((name, i) => [i, name])),
  }
}
