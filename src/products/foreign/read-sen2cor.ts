import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { ForeignBand, ForeignL2a, ForeignLayer } from '../../domain/foreign-l2a.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import { NOMINAL_PIXEL_M, S2_BANDS, type S2Band } from '../../domain/sentinel2.js'
import { insideSafe, missingFile, readNamed } from '../sentinel2/find-parts.js'
import { MetadataReader, platformOf } from '../sentinel2/metadata-reader.js'
import { readXml, type XmlElement } from '../sentinel2/parse-xml.js'

/**
 * What Sen2Cor's scene classes say in bits of MASK.tif. 0 no data; 1 saturated or defective; 3 cloud shadow; 6 water; 8, 9 cloud of medium
 * and high probability; 10 thin cirrus; 11 snow or ice. 2 (dark area, or topographic shadow since 2.10), 4, 5, 7 say nothing certain.
 * Source: Sen2Cor L2A Product Definition Document, S2-PDGS-MPC-L2A-PDD, scene classification.
 */
export const MASK_OF_SCENE_CLASS: Readonly<Record<number, readonly (keyof typeof MASK_BITS)[]>> = {
  0: ['noData'],
  1: ['saturatedVisible'],
  3: ['cloudOrShadow', 'shadowInside'],
  6: ['water'],
  8: ['cloudOrShadow', 'cloud'],
  9: ['cloudOrShadow', 'cloud'],
  10: ['cirrus'],
  11: ['snow'],
}

/** Bands that have surface reflectance in our products; B09 is not the ground's. */
const BANDS: readonly S2Band[] = S2_BANDS.filter((band) => band !== 'B09' && band !== 'B10')

/** Product metadata of a folder: the XML at its top whose root is Level-2A_User_Product. Null where there is none. */
export async function findSen2corXml(path: string): Promise<string | null> {
  for (const name of (await readdir(path)).filter((one) => /^MTD_MSIL2A.*\.xml$/.test(one)).sort())
    if ((await readXml(join(path, name))).name === 'Level-2A_User_Product') return join(path, name)
  return null
}

/**
 * Reads a Sen2Cor L2A product (compact SAFE of one tile, processing baselines from 02.08 on, with and without BOA_ADD_OFFSET). Of each band
 * the image of its native pixel size is taken, else the finest there is.
 * Throws PRODUCT_UNSUPPORTED, PRODUCT_INCOMPLETE (names the file or band), METADATA_INVALID.
 */
export async function readSen2cor(path: string): Promise<ForeignL2a> {
  const xmlPath = await findSen2corXml(path)
  if (xmlPath === null && existsSync(join(path, 'GRANULE')))
    throw new ProcessingError(
      'PRODUCT_INCOMPLETE',
      `'${path}' has a GRANULE folder, but no product metadata with root Level-2A_User_Product. Copy or download it again.`,
    )
  if (xmlPath === null)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${path}' has no MTD_MSIL2A.xml with root Level-2A_User_Product.`,
    )
  const r = new MetadataReader(await readXml(xmlPath), xmlPath)
  const info = 'General_Info/Product_Info'
  const images = imagesOf(r, path)
  // What the metadata list has to be there: a coarser image in place of a lost one would pass for the band.
  const image = (name: string, sizes: readonly number[]): string | null => {
    for (const size of sizes) {
      const base = images.get(`${name}_${size}m`)
      if (base === undefined) continue
      const file = [`${base}.jp2`, `${base}.tif`].find((one) => existsSync(one))
      if (file === undefined) throw missingFile(`${base}.jp2`, xmlPath)
      return file
    }
    return null
  }
  const lists = 'General_Info/Product_Image_Characteristics'
  const quantification = (what: string) => {
    const value = r.number(`${lists}/QUANTIFICATION_VALUES_LIST/${what}_QUANTIFICATION_VALUE`)
    return value > 0 ? value : r.fail(`${what}_QUANTIFICATION_VALUE is ${value}, expected a positive number`)
  }
  const offsets = new Map(
    r.root
      .findAll(`${lists}/BOA_ADD_OFFSET_VALUES_LIST/BOA_ADD_OFFSET`)
      .map((element) => [Number(element.attribute('band_id') ?? NaN), Number(element.text)]),
  )
  const bands = BANDS.map((id): ForeignBand => {
    const native = NOMINAL_PIXEL_M[id]
    const file = image(id, [native, ...[10, 20, 60].filter((size) => size !== native)])
    if (file === null) throw missingFile(`image of band ${id}`, xmlPath)
    const offset = offsets.size === 0 ? 0 : offsets.get(S2_BANDS.indexOf(id))
    if (offset === undefined || !Number.isFinite(offset))
      return r.fail(`BOA_ADD_OFFSET of band ${id} is missing or no number`)
    return {
      id,
      kind: 'sre',
      path: file,
      offset,
      quantification: quantification('BOA'),
      noData: 0,
      saturated: 65535,
    }
  })
  const layer = (name: string): ForeignLayer | null => {
    const file = image(name, [20, 60, 10])
    return file === null ? null : { path: file, band: 0, quantification: quantification(name), noData: 0 }
  }
  const sceneClasses = image('SCL', [20, 60])
  if (sceneClasses === null) throw missingFile('image SCL', xmlPath)
  const granule = dirname(dirname(dirname(sceneClasses)))
  const tilePath = join(granule, 'MTD_TL.xml')
  const tile = new MetadataReader(await readNamed(tilePath, xmlPath), tilePath)
  const tileId = tile.text('General_Info/TILE_ID')
  const direction = r.text(`${info}/Datatake/SENSING_ORBIT_DIRECTION`)
  const sun = 'Geometric_Info/Tile_Angles/Mean_Sun_Angle'
  const baseline = r.text(`${info}/PROCESSING_BASELINE`)
  if (!/^\d+(\.\d+)*$/.test(baseline)) r.fail(`PROCESSING_BASELINE is '${baseline}', expected numbers`)
  return {
    producer: { name: 'Sen2Cor', version: `baseline ${baseline}` },
    baseline,
    generatedAt: r.time(`${info}/GENERATION_TIME`),
    datatakeId: r.element(`${info}/Datatake`).attribute('datatakeIdentifier') ?? null,
    path,
    productUri: r.text(`${info}/PRODUCT_URI`),
    platform: platformOf(r.text(`${info}/Datatake/SPACECRAFT_NAME`), xmlPath),
    tile: /_T(\d{2}[C-X][A-Z]{2})(?:_|$)/.exec(tileId)?.[1] ?? tile.fail(`TILE_ID '${tileId}' names no tile`),
    namedAt: r.time(`${info}/Datatake/DATATAKE_SENSING_START`),
    sensedAt: tile.time('General_Info/SENSING_TIME'),
    relativeOrbit: r.number(`${info}/Datatake/SENSING_ORBIT_NUMBER`),
    orbitDirection: direction === 'ASCENDING' ? 'ASCENDING' : 'DESCENDING',
    sun: { zenith: tile.number(`${sun}/ZENITH_ANGLE`), azimuth: tile.number(`${sun}/AZIMUTH_ANGLE`) },
    bands,
    aot: layer('AOT'),
    wv: layer('WVP'),
    masks: [{ path: sceneClasses, bitsOf: maskOfSceneClasses() }],
    sceneClasses,
    notes: [],
  }
}

function imagesOf(r: MetadataReader, path: string): Map<string, string> {
  const granules: XmlElement[] = r.root.findAll(
    'General_Info/Product_Info/Product_Organisation/Granule_List/Granule',
  )
  const [granule, ...others] = granules
  if (granule === undefined || others.length > 0)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${r.file}' lists ${granules.length} granules; expected one.`,
    )
  return new Map(
    granule
      .findAll('IMAGE_FILE')
      .map(({ text }) => [/_(\w{3}_\d0m)$/.exec(text)?.[1] ?? text, insideSafe(path, text, r.file)]),
  )
}

export function maskOfSceneClasses(): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, value) =>
    (MASK_OF_SCENE_CLASS[value] ?? []).reduce((bits, name) => bits | (1 << MASK_BITS[name]), 0),
  )
}
