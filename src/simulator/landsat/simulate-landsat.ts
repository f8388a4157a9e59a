import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { pack } from 'tar-stream'
import { encodePointCog } from '../../raster/encode-cog.js'
import { surfaceTruth, weatherTruth } from '../truth-json.js'
import { makeLandsatScene, type LandsatScene, type SimulateLandsatOptions } from './landsat-scene.js'
import { imageNames, metadataGroups, metadataOdl, metadataXml } from './mtl.js'
import type { LandsatPlatform } from './oli.js'
import { renderLandsat, type Rendered } from './render-landsat.js'

export type { SimulateLandsatOptions } from './landsat-scene.js'

export interface SimulatedLandsat {
  /** The product's folder, or its tar. */
  readonly productPath: string
  readonly truthDir: string
  /** Product identifier, e.g. `LC08_L1TP_198030_20250510_20250511_02_T1`. */
  readonly name: string
  readonly tile: string
  readonly date: string
  readonly platform: LandsatPlatform
}

/**
 * Makes a Landsat-8 or -9 L1TP scene of the landscape that Sentinel-2 sees at the same place and seed, and `<name>.truth` beside it: surface reflectance of
 * every band (int16 x 10000, no-data -32768), DEM.tif (m), CLASS.tif (numbers of GROUND) and truth.json. The same options give the same bytes.
 * Flat illumination. Throws BAD_ARGUMENT, TILE_UNKNOWN, WRITE_FAILED.
 */
export async function simulateLandsat(options: SimulateLandsatOptions): Promise<SimulatedLandsat> {
  const scene = makeLandsatScene(options)
  const name = scene.productId
  const work = join(options.outDir, `.${name}.making`)
  const truthDir = join(options.outDir, `${name}.truth`)
  const [product, truth, scratch] = [join(work, 'product'), join(work, 'truth'), join(work, 'scratch')]
  await rm(work, { recursive: true, force: true })
  for (const folder of [product, truth, scratch]) await mkdir(folder, { recursive: true })
  const ending = options.tar !== true ? '' : scene.collection === 2 ? '.tar' : '.tar.gz'
  const productPath = join(options.outDir, `${name}${ending}`)
  try {
    const rendered = renderLandsat(scene, scratch, truth)
    await encodeImages(scene, scratch, product)
    const { root, groups } = metadataGroups(scene, rendered)
    await writeFile(join(product, `${name}_MTL.txt`), metadataOdl(root, groups))
    if (scene.collection === 2) await writeFile(join(product, `${name}_MTL.xml`), metadataXml(root, groups))
    await writeFile(join(truth, 'truth.json'), `${JSON.stringify(truthOf(scene, rendered), null, 2)}\n`)
    if (ending !== '') await packFolder(product, join(work, 'packed'), ending === '.tar.gz', scene.timeMs)
    await rm(productPath, { recursive: true, force: true })
    await rm(truthDir, { recursive: true, force: true })
    await rename(truth, truthDir)
    await rename(ending === '' ? product : join(work, 'packed'), productPath)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return { productPath, truthDir, name, tile: options.tile, date: options.date, platform: scene.platform }
}

/** Two images at a time, the large panchromatic one first. */
async function encodeImages(scene: LandsatScene, scratch: string, product: string): Promise<void> {
  const names = [...imageNames(scene.collection)].sort((a, b) => Number(b === 'B8') - Number(a === 'B8'))
  const worker = async () => {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const source = join(scratch, `${name}.tif`)
      await encodePointCog(source, join(product, `${scene.productId}_${name}.TIF`))
      await rm(source)
    }
  }
  await Promise.all([worker(), worker()])
}

/** A flat tar as the USGS delivers it; times of members are the acquisition's, so that the bytes depend on the options alone. */
async function packFolder(folder: string, target: string, compress: boolean, timeMs: number): Promise<void> {
  const tar = pack()
  const writing = compress
    ? pipeline(tar, createGzip(), createWriteStream(target))
    : pipeline(tar, createWriteStream(target))
  const adding = (async () => {
    for (const name of (await readdir(folder)).sort()) {
      const { size } = await stat(join(folder, name))
      const entry = tar.entry({ name, size, mtime: new Date(timeMs), mode: 0o644 })
      await pipeline(createReadStream(join(folder, name)), entry)
    }
    tar.finalize()
  })()
  await Promise.all([writing, adding])
}

function truthOf(scene: LandsatScene, rendered: Rendered) {
  const { sun, wrs } = scene
  return {
    product: scene.productId,
    path: wrs.path,
    row: wrs.row,
    platform: scene.platform,
    collection: scene.collection,
    seed: scene.seed,
    noise_dn: scene.noiseDn,
    snow_line_m: scene.snow?.lineM ?? null,
    sensing_time: new Date(scene.timeMs).toISOString(),
    ...weatherTruth(scene.weather, rendered.cloudPercent, 'B4'),
    sun,
    share_with_data: rendered.filled,
    pixel_size_m: { reflective: scene.pixelM, panchromatic: scene.pixelM / 2 },
    ...surfaceTruth(),
  }
}
