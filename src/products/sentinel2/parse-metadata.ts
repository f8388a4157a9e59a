import { ProcessingError } from '../../domain/errors.js'
import type { AngleGrid, DetectorAngles, SpectralResponse } from '../../domain/l1-scene.js'
import { S2_BANDS, type S2Band, type S2Platform } from '../../domain/sentinel2.js'
import { fillByPlane, readRawAngles, readViewAngles } from './angle-grids.js'
import { MetadataReader, platformOf } from './metadata-reader.js'
import type { XmlElement } from './parse-xml.js'
import { readResponses } from './read-responses.js'

/** What MTD_MSIL1C.xml says, checked. */
export interface ProductMetadata {
  readonly productUri: string
  readonly platform: S2Platform
  readonly baseline: string
  readonly datatakeId: string
  readonly datatakeStart: string
  readonly generationTime: string
  readonly relativeOrbit: number
  readonly orbitDirection: 'ASCENDING' | 'DESCENDING'
  readonly cloudPercent: number | null
  readonly quantification: number
  /** By bandId 0..12; 0 where the element is absent. */
  readonly offsets: readonly number[]
  /** By bandId; null where the product states none. */
  readonly responses: readonly (SpectralResponse | null)[]
  readonly granules: readonly GranuleMetadata[]
}

/** One tile of a product. */
export interface GranuleMetadata {
  /** `S2A_OPER_MSI_L1C_TL_...`; before December 2016 also the name of its folder. */
  readonly id: string
  /** Image paths below the SAFE folder without extension, by band. */
  readonly images: ReadonlyMap<S2Band, string>
}

/** A tile's grid as MTD_TL.xml describes it, for the finest pixel size it lists. */
export interface XmlGeometry {
  readonly epsg: number
  readonly ulx: number
  readonly uly: number
  readonly widthM: number
  readonly heightM: number
}

/** What MTD_TL.xml says, checked. */
export interface TileMetadata {
  readonly tile: string
  /** When the granule was made, from its TILE_ID, whole seconds: the same however it is packed. Null where the id does not say. */
  readonly generationTime: string | null
  readonly sensingTime: string
  readonly cloudPercent: number | null
  readonly geometry: XmlGeometry
  readonly sun: AngleGrid
  /** By bandId. */
  readonly viewAngles: ReadonlyMap<number, readonly DetectorAngles[]>
  /** MASK_FILENAME entries; `bandId` is null for masks of the whole tile. */
  readonly masks: readonly { readonly type: string; readonly bandId: number | null; readonly path: string }[]
}

/** Parses MTD_MSIL1C.xml. Throws METADATA_INVALID with file and element; PRODUCT_UNSUPPORTED for other levels and platforms. */
export function parseProductMetadata(root: XmlElement, file: string): ProductMetadata {
  const r = new MetadataReader(root, file)
  const info = 'General_Info/Product_Info'
  const level = root.find(`${info}/PROCESSING_LEVEL`)?.text ?? ''
  if (root.name !== 'Level-1C_User_Product' || level !== 'Level-1C')
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${file}' describes '${root.name}' of level '${level}'; expected a Sentinel-2 Level-1C product.`,
    )
  const platform = platformOf(r.text(`${info}/Datatake/SPACECRAFT_NAME`), file)
  const direction = r.text(`${info}/Datatake/SENSING_ORBIT_DIRECTION`)
  if (direction !== 'ASCENDING' && direction !== 'DESCENDING')
    return r.fail(`SENSING_ORBIT_DIRECTION is '${direction}', expected ASCENDING or DESCENDING`)
  const granules = readGranules(r, `${info}/Product_Organisation/Granule_List`)
  const characteristics = 'General_Info/Product_Image_Characteristics'
  const quantification = r.number(`${characteristics}/QUANTIFICATION_VALUE`)
  if (quantification <= 0) r.fail(`QUANTIFICATION_VALUE is ${quantification}, expected a positive number`)
  return {
    productUri: r.text(`${info}/PRODUCT_URI`),
    platform,
    baseline: r.text(`${info}/PROCESSING_BASELINE`),
    datatakeId:
      r.element(`${info}/Datatake`).attribute('datatakeIdentifier') ??
      r.fail('Datatake has no datatakeIdentifier'),
    datatakeStart: r.time(`${info}/Datatake/DATATAKE_SENSING_START`),
    generationTime: r.time(`${info}/GENERATION_TIME`),
    relativeOrbit: r.number(`${info}/Datatake/SENSING_ORBIT_NUMBER`),
    orbitDirection: direction,
    cloudPercent: r.percent('Quality_Indicators_Info/Cloud_Coverage_Assessment'),
    quantification,
    offsets: readOffsets(root, characteristics, r),
    responses: readResponses(r, characteristics),
    granules,
  }
}

/**
 * The tiles that a product lists. Formats before December 2016 write `Granules` and the names of the images alone (IMAGE_ID), later ones
 * `Granule` and paths (IMAGE_FILE). Source: Sentinel-2 Products Specification Document, issues 13 and 14.
 */
function readGranules(r: MetadataReader, list: string): GranuleMetadata[] {
  const elements = [...r.root.findAll(`${list}/Granule`), ...r.root.findAll(`${list}/Granules`)]
  const granules = elements.map((element): GranuleMetadata => {
    const id = element.attribute('granuleIdentifier') ?? ''
    const images = new Map<S2Band, string>()
    const add = (name: string, path: string) => {
      const band = S2_BANDS.find((one) => name.endsWith(`_${one}`))
      if (band === undefined) return // The true-colour image.
      if (images.has(band)) r.fail(`band ${band} is listed twice`)
      images.set(band, path)
    }
    for (const { text } of element.findAll('IMAGE_FILE')) add(text, text)
    for (const { text } of element.findAll('IMAGE_ID')) add(text, `GRANULE/${id}/IMG_DATA/${text}`)
    if (images.size === 0) r.fail(`no image of a band is listed of granule '${id}'`)
    return { id, images }
  })
  return granules.length > 0 ? granules : r.fail('no granule is listed')
}

/** Only the element decides: baselines 04.00 and later have it, and so do old dates that were processed again (reference 1.1). */
function readOffsets(root: XmlElement, characteristics: string, r: MetadataReader): number[] {
  const offsets = new Array<number>(S2_BANDS.length).fill(0)
  const elements = root.findAll(`${characteristics}/Radiometric_Offset_List/RADIO_ADD_OFFSET`)
  if (elements.length === 0) return offsets
  const given = new Set<number>()
  for (const element of elements) {
    const bandId = Number(element.attribute('band_id') ?? NaN)
    const value = Number(element.text)
    if (
      !Number.isInteger(bandId) ||
      bandId < 0 ||
      bandId >= offsets.length ||
      element.text === '' ||
      !Number.isFinite(value)
    )
      r.fail(
        `RADIO_ADD_OFFSET of band_id '${element.attribute('band_id')}' is '${element.text}', expected band_id 0 to 12 and a number`,
      )
    offsets[bandId] = value
    given.add(bandId)
  }
  // A list with holes would shift single bands by 0.1: rather nothing than that.
  if (given.size !== offsets.length)
    r.fail(`RADIO_ADD_OFFSET is given for ${given.size} of ${offsets.length} bands`)
  return offsets
}

/** Parses MTD_TL.xml of any level (the tile metadata of L2A has the same parts). Throws METADATA_INVALID with file and element. */
export function parseTileMetadata(root: XmlElement, file: string, notes: string[]): TileMetadata {
  const r = new MetadataReader(root, file)
  if (!/^Level-[12][AC]_Tile_ID$/.test(root.name))
    r.fail(`the root element is '${root.name}', expected 'Level-1C_Tile_ID'`)
  const tileId = r.text('General_Info/TILE_ID')
  const tile =
    /_T(\d{2}[C-X][A-Z]{2})(?:_|$)/.exec(tileId)?.[1] ?? r.fail(`TILE_ID '${tileId}' names no tile`)
  const made = /_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_A\d{6}_T/.exec(tileId)
  const madeAt = made === null ? NaN : Date.parse(`${made.slice(1, 4).join('-')}T${made.slice(4).join(':')}Z`)
  const geometry = readGeometry(r)
  const angles = r.element('Geometric_Info/Tile_Angles')
  const rawSun = readRawAngles(r.element('Geometric_Info/Tile_Angles/Sun_Angles_Grid'), 'Sun angles', file)
  if (rawSun.zenith.some(Number.isNaN)) notes.push('Sun angles have gaps, filled by a plane.')
  if (rawSun.zenith.every(Number.isNaN)) r.fail('the sun angles have no value')
  return {
    tile,
    generationTime: Number.isNaN(madeAt) ? null : new Date(madeAt).toISOString(),
    sensingTime: r.time('General_Info/SENSING_TIME'),
    cloudPercent: r.percent('Quality_Indicators_Info/Image_Content_QI/CLOUDY_PIXEL_PERCENTAGE'),
    geometry,
    sun: fillByPlane(rawSun, geometry.ulx, geometry.uly),
    viewAngles: readViewAngles(angles, geometry.ulx, geometry.uly, file, notes),
    masks: root.findAll('Quality_Indicators_Info/Pixel_Level_QI/MASK_FILENAME').map((mask) => {
      const bandId = mask.attribute('bandId')
      return {
        type: mask.attribute('type') ?? '',
        bandId: bandId === undefined ? null : Number(bandId),
        path: mask.text,
      }
    }),
  }
}

function readGeometry(r: MetadataReader): XmlGeometry {
  const geocoding = r.element('Geometric_Info/Tile_Geocoding')
  const code = geocoding.find('HORIZONTAL_CS_CODE')?.text ?? ''
  const epsg = Number(
    /^EPSG:(\d+)$/i.exec(code)?.[1] ?? r.fail(`HORIZONTAL_CS_CODE is '${code}', expected 'EPSG:number'`),
  )
  const finest = geocoding
    .findAll('Geoposition')
    .map((position) => {
      const value = (tag: string) => Number(position.find(tag)?.text ?? NaN)
      return {
        resolution: position.attribute('resolution') ?? '',
        ulx: value('ULX'),
        uly: value('ULY'),
        x: value('XDIM'),
        y: -value('YDIM'),
      }
    })
    .sort((a, b) => a.x - b.x)[0]
  const size = geocoding.findAll('Size').find((s) => s.attribute('resolution') === finest?.resolution)
  const cols = Number(size?.find('NCOLS')?.text ?? NaN)
  const rows = Number(size?.find('NROWS')?.text ?? NaN)
  if (
    finest === undefined ||
    ![finest.ulx, finest.uly].every(Number.isFinite) ||
    !(finest.x > 0 && finest.y > 0 && cols > 0 && rows > 0)
  )
    return r.fail(
      'Tile_Geocoding lacks a Geoposition with corner and pixel size, or the Size that belongs to it',
    )
  return { epsg, ulx: finest.ulx, uly: finest.uly, widthM: cols * finest.x, heightM: rows * finest.y }
}
