import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Grid } from '../../domain/grid.js'
import { coverClass } from '../../processors/l2a/masks/ground-cover.js'
import { classify, sceneClassTable } from '../../processors/l2a/scene-mask.js'
import { PRODUCT_FILES } from '../../products/layout.js'
import {
  BOA_ADD_OFFSET,
  classPercents,
  SEN2COR_IMAGES,
  SEN2COR_SIZES,
  sen2corImage,
  sen2corManifest,
  sen2corNames,
  sen2corProductXml,
  sen2corTileXml,
  type Sen2corSize,
} from '../../products/layouts/sen2cor.js'
import { publishError } from '../../products/publish.js'
import {
  openAot,
  openBand,
  openMask,
  openWv,
  toStored,
  withLayers,
  type Exported,
  type ExportWork,
} from './export-work.js'
import { openLayer, type LayerReader } from './read-onto.js'
import { writeJp2, type Rows } from './write-strips.js'

/** Reflectance x 10000 in digital numbers: 0 is no-data, 65535 saturated. */
const REFLECTANCE = { scale: 1, offset: -BOA_ADD_OFFSET, least: 1, greatest: 65534, noData: 0 }
/** AOT and water vapour x 1000; a true 0 becomes the least number that is not no-data. */
const ATMOSPHERE = { scale: 1, offset: 0, least: 1, greatest: 65534, noData: 0 }
/** 255 stands for a reflectance of 0.2, as in the true-colour images of ESA's L2A. */
const TCI = { scale: 255 / 2000, offset: 0, least: 1, greatest: 255, noData: 0 }

/**
 * Writes the layout of Sen2Cor (compact SAFE, as from baseline 04.00 on): reflectance for flat ground as DN = 10000 x rho + 1000, classes as they are.
 * Every band at its own and all larger pixel sizes, means by area. Rejects with PRODUCT_INCOMPLETE, RASTER_UNREADABLE, DISK_FULL, WRITE_FAILED.
 */
export async function exportSen2cor(work: ExportWork): Promise<Exported> {
  const { facts, product } = work
  const kind = work.kinds.includes('sre') ? 'sre' : 'fre'
  const names = sen2corNames(facts)
  const folder = join(work.into, names.safe)
  await work.accept(names.safe)
  const { grids } = facts
  const images = SEN2COR_SIZES.flatMap((size) =>
    SEN2COR_IMAGES[size].filter((name) => isThere(work, name)).map((name) => ({ name, size })),
  )
  const counts = new Array<number>(12).fill(0)
  const hasClasses = product.files.has(PRODUCT_FILES.scl)
  const table = sceneClassTable()
  const rowsOf = (name: string, size: Sen2corSize, layers: readonly LayerReader[]): Rows => {
    const grid = grids[size]
    const [first] = layers
    if (first === undefined) throw new Error('no layer')
    if (name === 'SCL')
      return async (y, height) => {
        const classes = hasClasses
          ? Uint8Array.from(await first.nearest(grid, y, height))
          : await classesOfMask([first, ...layers.slice(1)], table, { grid, y, height })
        if (size === 20) for (const value of classes) counts[value] = (counts[value] ?? 0) + 1
        return [classes]
      }
    const as = name === 'TCI' ? TCI : name === 'AOT' || name === 'WVP' ? ATMOSPHERE : REFLECTANCE
    return async (y, height) =>
      Promise.all(
        layers.map(async (layer) => {
          const values = await layer.mean(grid, y, height)
          return toStored(
            values,
            name === 'TCI' ? new Uint8Array(values.length) : new Uint16Array(values.length),
            as,
          )
        }),
      )
  }
  const sources = (name: string): (() => Promise<LayerReader>)[] => {
    if (name === 'SCL' && !hasClasses)
      return [() => openMask(work), ...bandsOfCover(work).map((band) => () => openBand(work, band, kind))]
    if (name === 'SCL') return [async () => openLayer(await product.path(PRODUCT_FILES.scl), null)]
    if (name === 'AOT') return [() => openAot(work)]
    if (name === 'WVP') return [() => openWv(work)]
    const bands = name === 'TCI' ? ['B04', 'B03', 'B02'] : [name]
    return bands.map((band) => () => openBand(work, band, kind))
  }
  for (const [i, { name, size }] of images.entries()) {
    work.onProgress((0.95 * i) / images.length, `writing ${name} at ${size} m`)
    const path = join(folder, `${sen2corImage(names, name, size)}.jp2`)
    await mkdir(dirname(path), { recursive: true })
    const grid = grids[size]
    await withLayers(sources(name), (layers) =>
      writeJp2(path, {
        ...{ grid, signal: work.signal, bands: layers.length, rows: rowsOf(name, size, layers) },
        dtype: name === 'TCI' || name === 'SCL' ? 'uint8' : 'uint16',
      }),
    )
  }
  const percents = classPercents(counts)
  const files = images.map(({ name, size }) => `${sen2corImage(names, name, size)}.jp2`)
  const write = async (path: string, text: string) => {
    try {
      await writeFile(join(folder, path), text)
    } catch (cause) {
      throw publishError(`Writing '${path}'`, cause)
    }
    files.push(path)
  }
  await write(`GRANULE/${names.granule}/MTD_TL.xml`, sen2corTileXml(facts, names, grids, percents))
  await write('MTD_MSIL2A.xml', sen2corProductXml(facts, names, images, percents))
  const sized = await Promise.all(
    files.sort().map(async (path) => ({ path, bytes: (await stat(join(folder, path))).size })),
  )
  await write('manifest.safe', sen2corManifest(sized))
  return {
    ...{ name: names.safe, folder },
    notes: [
      'Reflectance below -0.0999 is written as -0.0999: smaller digital numbers stand for no-data.',
      ...(facts.absoluteOrbit === null
        ? ['The product does not say its absolute orbit: names have A000000 in its place.']
        : []),
      ...(facts.angles === null
        ? ['The product has no angles.json: the tile metadata have mean angles of the sun alone.']
        : []),
    ],
  }
}

/** In the order in which `coverClass` takes them. */
const COVER_BANDS = ['B02', 'B03', 'B04', 'B8A', 'B11'] as const

/** The bands that tell vegetation from soil; none where one is missing. */
const bandsOfCover = ({ bands }: ExportWork): readonly string[] =>
  COVER_BANDS.every((band) => bands.includes(band)) ? COVER_BANDS : []

/** Classes of imported products that have none (MAJA's): they follow from the mask, those of clear land from surface reflectance. */
async function classesOfMask(
  [mask, ...bands]: readonly [LayerReader, ...LayerReader[]],
  table: Uint8Array,
  { grid, y, height }: { readonly grid: Grid; readonly y: number; readonly height: number },
): Promise<Uint8Array> {
  const bits = await mask.nearest(grid, y, height)
  const [blue, green, red, nir, swir16] = await Promise.all(bands.map((band) => band.mean(grid, y, height)))
  const rho = (band: Float32Array | undefined, i: number) => (band?.[i] ?? NaN) / 10_000
  const cover = Uint8Array.from(bits, (_, i) =>
    coverClass(rho(blue, i), rho(green, i), rho(red, i), rho(nir, i), rho(swir16, i)),
  )
  const classes = new Uint8Array(bits.length)
  classify(bits, cover, table, classes)
  return classes
}

function isThere({ bands, product }: ExportWork, name: string): boolean {
  if (name === 'AOT') return product.files.has(PRODUCT_FILES.aot)
  if (name === 'WVP') return product.files.has(PRODUCT_FILES.wv)
  if (name === 'TCI') return ['B02', 'B03', 'B04'].every((band) => bands.includes(band))
  return name === 'SCL' || bands.includes(name)
}
