import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { ForeignBand, ForeignL2a, ForeignLayer, ForeignMask } from '../../domain/foreign-l2a.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import type { S2Band, S2Platform } from '../../domain/sentinel2.js'
import { insideSafe, missingFile } from '../sentinel2/find-parts.js'
import { MetadataReader } from '../sentinel2/metadata-reader.js'
import { readXml } from '../sentinel2/parse-xml.js'

type MaskBit = keyof typeof MASK_BITS
/** Bits of MAJA's masks in bits of MASK.tif, by place; null: not mapped. Sources: docs/inputs.md. */
export const MAJA_MASKS = {
  CLM: [
    'cloudOrShadow',
    'cloud',
    'monoTemporal',
    'multiTemporal',
    'thin',
    'shadowInside',
    'shadowOutside',
    'cirrus',
  ],
  // Cloud (1) and shadow (3) are told by CLM; hidden by relief (5) is no bit of ours.
  MG2: ['water', null, 'snow', null, 'topographicShadow', null, 'lowSun', 'lowSun'],
  // Of group R1: B2, B3, B4, B8. The last is not visible.
  SAT: ['saturatedVisible', 'saturatedVisible', 'saturatedVisible', null, null, null, null, null],
  // Any value but 0 lies outside the image.
  EDG: ['noData', 'noData', 'noData', 'noData', 'noData', 'noData', 'noData', 'noData'],
} as const satisfies Record<string, readonly (MaskBit | null)[]>

const PLATFORMS: Readonly<Record<string, S2Platform>> = {
  SENTINEL2A: 'S2A',
  SENTINEL2B: 'S2B',
  SENTINEL2C: 'S2C',
}
/** What (absolute orbit + this) modulo 143, plus 1, makes the relative orbit: by the names and metadata of ESA's own products. */
const ORBIT_SHIFT: Readonly<Partial<Record<S2Platform, number>>> = { S2A: 2, S2B: -27 }
const BANDS = ['B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B08', 'B8A', 'B11', 'B12'] as const

export const isMajaXml = (name: string): boolean => /_MTD_ALL\.xml$/.test(name)

/**
 * Reads an L2A product of MAJA for Sentinel-2 in the format of MUSCATE, as Theia distributes it: both reflectances (flat ground as `sre`,
 * corrected for slopes as `fre`) or one of them. Files are those that the metadata name.
 * Throws PRODUCT_UNSUPPORTED, PRODUCT_INCOMPLETE (names the file), METADATA_INVALID.
 */
export async function readMaja(path: string): Promise<ForeignL2a> {
  const [name] = (await readdir(path)).filter(isMajaXml).sort()
  if (name === undefined)
    throw new ProcessingError('PRODUCT_INCOMPLETE', `'${path}' has no *_MTD_ALL.xml. Download it again.`)
  const file = join(path, name)
  const r = new MetadataReader(await readXml(file), file)
  const about = 'Product_Characteristics'
  const [level, platformName] = [r.text(`${about}/PRODUCT_LEVEL`), r.text(`${about}/PLATFORM`)]
  const platform = PLATFORMS[platformName]
  if (r.root.name !== 'Muscate_Metadata_Document' || level !== 'L2A' || platform === undefined)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${file}' is ${r.root.name} of level ${level} from ${platformName}; expected Muscate_Metadata_Document, L2A, SENTINEL2A to SENTINEL2C.`,
    )
  const lists = 'Product_Organisation/Muscate_Product'
  const named = [
    ...r.root.findAll(`${lists}/Image_List/Image/Image_File_List/IMAGE_FILE`),
    ...r.root.findAll(`${lists}/Mask_List/Mask/Mask_File_List/MASK_FILE`),
  ].map(({ text }) => insideSafe(path, text, file))
  const find = (ending: string): string | null => named.find((one) => one.endsWith(ending)) ?? null
  const need = (ending: string): string => {
    const found = find(ending)
    if (found === null || !existsSync(found)) throw missingFile(found ?? `*${ending}`, file)
    return found
  }
  const notes = ['The metadata do not say the direction of the orbit; a descending one is taken for granted.']
  const quantification = (what: string) => {
    const value = r.number(`Radiometric_Informations/${what}_QUANTIFICATION_VALUE`)
    return value > 0 ? value : r.fail(`${what}_QUANTIFICATION_VALUE is ${value}, expected a positive number`)
  }
  const special = (what: string): number => {
    const list = r.root.findAll('Radiometric_Informations/Special_Values_List/SPECIAL_VALUE')
    const value = Number(list.find((one) => one.attribute('name') === what)?.text ?? NaN)
    return Number.isFinite(value) ? value : r.fail(`SPECIAL_VALUE ${what} is missing or no number`)
  }
  const bands = (['SRE', 'FRE'] as const).flatMap((kind): ForeignBand[] => {
    const files = BANDS.map((id) => find(endingOf(kind, id)))
    if (!files.some((one) => one !== null && existsSync(one))) {
      notes.push(
        `The product has no ${kind} images: ${kind === 'SRE' ? 'flat ground' : 'corrected for slopes'}.`,
      )
      return []
    }
    return BANDS.map((id) => ({
      id,
      kind: kind === 'SRE' ? 'sre' : 'fre',
      path: need(endingOf(kind, id)),
      offset: 0,
      quantification: quantification('REFLECTANCE'),
      noData: special('nodata'),
      saturated: null,
    }))
  })
  if (bands.length === 0) throw missingFile('*_SRE_B2.tif or *_FRE_B2.tif', file)
  const atmosphere = need('_ATB_R1.tif')
  const layer = (band: number, what: string): ForeignLayer => ({
    path: atmosphere,
    band,
    quantification: quantification(what),
    noData: special(`${what.toLowerCase()}_nodata`),
  })
  const version = r.text(`${about}/PRODUCT_VERSION`)
  if (!/^\d+(\.\d+)*$/.test(version)) r.fail(`PRODUCT_VERSION is '${version}', expected numbers`)
  const zone = r.text('Dataset_Identification/GEOGRAPHICAL_ZONE')
  const sun = 'Geometric_Informations/Mean_Value_List/Sun_Angles'
  const sensedAt = r.time(`${about}/ACQUISITION_DATE`)
  return {
    producer: { name: 'MAJA', version: `product version ${version}` },
    baseline: version,
    generatedAt: r.time(`${about}/PRODUCTION_DATE`),
    datatakeId: null,
    path,
    productUri: r.text(`${about}/PRODUCT_ID`),
    platform,
    tile: /^T?(\d{2}[C-X][A-Z]{2})$/.exec(zone)?.[1] ?? r.fail(`GEOGRAPHICAL_ZONE '${zone}' names no tile`),
    namedAt: sensedAt,
    sensedAt,
    relativeOrbit: relativeOrbitOf(r, `${about}/ORBIT_NUMBER`, platform),
    orbitDirection: 'DESCENDING',
    sun: { zenith: r.number(`${sun}/ZENITH_ANGLE`), azimuth: r.number(`${sun}/AZIMUTH_ANGLE`) },
    bands,
    aot: layer(1, 'AEROSOL_OPTICAL_THICKNESS'),
    wv: layer(0, 'WATER_VAPOR_CONTENT'),
    masks: (Object.keys(MAJA_MASKS) as (keyof typeof MAJA_MASKS)[]).map((mask): ForeignMask => ({
      path: need(`_${mask}_R1.tif`),
      bitsOf: tableOf(MAJA_MASKS[mask]),
    })),
    sceneClasses: null,
    notes,
  }
}

/** `_SRE_B2.tif`, `_FRE_B8A.tif`: bands have no leading zero. */
const endingOf = (kind: string, id: S2Band): string => `_${kind}_${id.replace('B0', 'B')}.tif`

/** ORBIT_NUMBER is the absolute one unless its type is `Path`. */
function relativeOrbitOf(r: MetadataReader, path: string, platform: S2Platform): number {
  const number = r.number(path)
  if (!Number.isInteger(number) || number < 1) r.fail(`${path} is ${number}, expected a whole number`)
  if (r.element(path).attribute('type') === 'Path') return number
  const shift = ORBIT_SHIFT[platform]
  if (shift === undefined)
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${r.file}' gives an absolute orbit of ${platform}; how it relates to the relative orbit is known of S2A and S2B only.`,
    )
  return ((number + shift + 143) % 143) + 1
}

function tableOf(places: readonly (MaskBit | null)[]): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, value) =>
    places.reduce(
      (bits, name, place) =>
        name !== null && (value & (1 << place)) !== 0 ? bits | (1 << MASK_BITS[name]) : bits,
      0,
    ),
  )
}
