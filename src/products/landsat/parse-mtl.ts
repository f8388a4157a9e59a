import { ProcessingError } from '../../domain/errors.js'
import { OLI_BANDS, type LandsatPlatform, type LandsatProduct, type OliBand } from '../../domain/landsat.js'
import { MtlFields } from './mtl-fields.js'

/** Facts that stand in the metadata and are kept as they are. */
type LandsatFacts = Pick<
  LandsatProduct,
  | 'productId'
  | 'sceneId'
  | 'platform'
  | 'collection'
  | 'category'
  | 'wrsPath'
  | 'wrsRow'
  | 'sensedAt'
  | 'generatedAt'
  | 'cloudPercent'
  | 'cloudPercentLand'
  | 'sunElevationDeg'
  | 'sunAzimuthDeg'
>

/** What the metadata file of a product says, checked. File names are as written. */
export interface LandsatMetadata {
  readonly facts: LandsatFacts
  readonly isOffNadir: boolean
  /** Corners of the whole scene, longitude and latitude in degrees: upper left, upper right, lower right, lower left. */
  readonly corners: readonly (readonly [lon: number, lat: number])[]
  readonly bands: readonly {
    readonly id: OliBand
    readonly file: string
    readonly mult: number
    readonly add: number
  }[]
  /** Images that belong to a product and are not used: panchromatic, thermal. */
  readonly unused: readonly string[]
  readonly pixelQuality: string | null
  readonly saturation: string | null
  readonly angleBands: {
    readonly sunZenith: string
    readonly sunAzimuth: string
    readonly viewZenith: string
    readonly viewAzimuth: string
  } | null
  readonly angleCoefficients: string | null
}

/** Where the two collections keep the same facts. */
interface Layout {
  readonly product: string
  readonly files: string
  readonly image: string
  /** Of cloud cover and the sun: another group only in collection 1. */
  readonly attributes: string
  readonly record: string
  readonly corners: string
  readonly scaling: string
  readonly projection: string
  readonly level: string
  readonly generated: string
  readonly pixelQuality: string
  readonly angleCoefficients: string
}

const LAYOUTS: Readonly<Record<1 | 2, Layout>> = {
  1: {
    product: 'METADATA_FILE_INFO',
    files: 'PRODUCT_METADATA',
    image: 'PRODUCT_METADATA',
    attributes: 'IMAGE_ATTRIBUTES',
    record: 'METADATA_FILE_INFO',
    corners: 'PRODUCT_METADATA',
    scaling: 'RADIOMETRIC_RESCALING',
    projection: 'PROJECTION_PARAMETERS',
    level: 'PRODUCT_METADATA/DATA_TYPE',
    generated: 'FILE_DATE',
    pixelQuality: 'FILE_NAME_BAND_QUALITY',
    angleCoefficients: 'ANGLE_COEFFICIENT_FILE_NAME',
  },
  2: {
    product: 'PRODUCT_CONTENTS',
    files: 'PRODUCT_CONTENTS',
    image: 'IMAGE_ATTRIBUTES',
    attributes: 'IMAGE_ATTRIBUTES',
    record: 'LEVEL1_PROCESSING_RECORD',
    corners: 'PROJECTION_ATTRIBUTES',
    scaling: 'LEVEL1_RADIOMETRIC_RESCALING',
    projection: 'PROJECTION_ATTRIBUTES',
    level: 'PRODUCT_CONTENTS/PROCESSING_LEVEL',
    generated: 'DATE_PRODUCT_GENERATED',
    pixelQuality: 'FILE_NAME_QUALITY_L1_PIXEL',
    angleCoefficients: 'FILE_NAME_ANGLE_COEFFICIENT',
  },
}

const PLATFORMS: Readonly<Record<string, LandsatPlatform>> = {
  'LANDSAT_8 OLI_TIRS': 'LC08',
  'LANDSAT_8 OLI': 'LO08',
  'LANDSAT_9 OLI_TIRS': 'LC09',
  'LANDSAT_9 OLI': 'LO09',
}
const CORNERS = ['UL', 'UR', 'LR', 'LL'] as const
/** A file beside the metadata; `.` and `..` are folders. */
const FILE_NAME = /^(?!\.+$)[A-Za-z0-9_.-]+$/

/**
 * Reads and checks `_MTL.txt`, `.json` or `.xml` of collection 1 or 2. Throws METADATA_INVALID with file, key, expected and found;
 * LEVEL_NOT_CORRECTED for L1GT and L1GS, which lack ground control and may lie off by some hundred metres; PRODUCT_UNSUPPORTED for
 * other satellites and levels, products from before the collections, and other projections than UTM.
 * Source: Landsat 8-9 Level 1 Data Format Control Book, LSDS-1822 (collection 2), LSDS-809 (collection 1).
 */
export async function parseMtl(file: string): Promise<LandsatMetadata> {
  const mtl = await MtlFields.read(file)
  const unsupported = (found: string, expected: string) =>
    new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${file}' describes ${found}; expected ${expected} of Landsat 8 or 9.`,
    )
  const isNew = mtl.root === 'LANDSAT_METADATA_FILE'
  const found = isNew
    ? mtl.find('PRODUCT_CONTENTS', 'COLLECTION_NUMBER')
    : mtl.find('METADATA_FILE_INFO', 'COLLECTION_NUMBER')
  const collection = Number(found)
  if (collection !== (isNew ? 2 : 1))
    throw unsupported(
      found === undefined ? 'a product from before the collections' : `collection '${found}'`,
      'a product of collection 1 or 2',
    )
  const at = LAYOUTS[collection]
  const [levelGroup = '', levelKey = ''] = at.level.split('/')
  const level = mtl.text(levelGroup, levelKey, /^L[0-9A-Z]+$/, 'a level such as L1TP')
  if (!/^L1(TP|GT|GS)$/.test(level)) throw unsupported(`a product of level ${level}`, 'level L1TP')
  const spacecraft = `${mtl.text(at.image, 'SPACECRAFT_ID', /^\w+$/, 'a satellite')} ${mtl.text(at.image, 'SENSOR_ID', /^\w+$/, 'a sensor')}`
  const platform = PLATFORMS[spacecraft]
  if (platform === undefined) throw unsupported(`an image of ${spacecraft}`, 'OLI')
  if (level !== 'L1TP')
    throw new ProcessingError(
      'LEVEL_NOT_CORRECTED',
      `'${file}' describes a product of level ${level}; only L1TP is corrected. Without ground control it may lie off by hundreds of metres.`,
    )
  const projection = mtl.text(at.projection, 'MAP_PROJECTION', /^\w+$/, 'a projection')
  if (projection !== 'UTM') throw unsupported(`an image in the projection ${projection}`, 'UTM')

  const name = (key: string): string | null => {
    const text = mtl.find(at.files, key)
    if (text === undefined) return null
    return FILE_NAME.test(text) ? text : mtl.fail(`${at.files}/${key}`, 'the name of a file', text)
  }
  const bands = OLI_BANDS.flatMap((id) => {
    const number = Number(id.slice(1))
    const image = name(`FILE_NAME_BAND_${number}`)
    if (image === null) return []
    return [
      {
        id,
        file: image,
        // A reflectance of 1 lies within the 16 bits whatever the gain.
        mult: mtl.number(at.scaling, `REFLECTANCE_MULT_BAND_${number}`, 1e-6, 1e-3),
        add: mtl.number(at.scaling, `REFLECTANCE_ADD_BAND_${number}`, -1, 1),
      },
    ]
  })
  const angle = (kind: string) => name(`FILE_NAME_ANGLE_${kind}_BAND_4`)
  const [sunZenith, sunAzimuth] = [angle('SOLAR_ZENITH'), angle('SOLAR_AZIMUTH')]
  const [viewZenith, viewAzimuth] = [angle('SENSOR_ZENITH'), angle('SENSOR_AZIMUTH')]
  const day = mtl.text(at.image, 'DATE_ACQUIRED', /^\d{4}-\d\d-\d\d$/, 'a day YYYY-MM-DD')
  const centre = mtl.text(at.image, 'SCENE_CENTER_TIME', /^\d\d:\d\d:\d\d(\.\d+)?Z$/, 'a time hh:mm:ss.sZ')
  const time = /^(.{8})(\.\d{1,3})?/.exec(centre)?.[0] ?? ''
  const facts: LandsatFacts = {
    productId: mtl.text(
      at.product,
      'LANDSAT_PRODUCT_ID',
      /^L[CO]0[89]_L1TP_\d{6}_\d{8}_\d{8}_0[12]_(T1|T2|RT)$/,
      "a product's name LC08_L1TP_...",
    ),
    sceneId: mtl.text(
      at.record,
      'LANDSAT_SCENE_ID',
      /^L[CO][89]\d{13}[A-Z]{3}\d\d$/,
      "a scene's name LC8...",
    ),
    platform,
    collection,
    category: mtl.text(
      isNew ? at.product : at.files,
      'COLLECTION_CATEGORY',
      /^(T1|T2|RT)$/,
      'T1, T2 or RT',
    ) as 'T1' | 'T2' | 'RT',
    wrsPath: whole(mtl, at.image, 'WRS_PATH', 233),
    wrsRow: whole(mtl, at.image, 'WRS_ROW', 248),
    sensedAt: mtl.time(`${at.image}/SCENE_CENTER_TIME`, `${day}T${time}Z`),
    generatedAt: mtl.time(`${at.record}/${at.generated}`, mtl.find(at.record, at.generated)),
    cloudPercent: mtl.percent(at.attributes, 'CLOUD_COVER'),
    cloudPercentLand: mtl.percent(at.attributes, 'CLOUD_COVER_LAND'),
    sunElevationDeg: mtl.number(at.attributes, 'SUN_ELEVATION', -90, 90),
    sunAzimuthDeg: mtl.number(at.attributes, 'SUN_AZIMUTH', -360, 360),
  }
  return {
    facts,
    isOffNadir: mtl.find(at.image, 'NADIR_OFFNADIR') === 'OFFNADIR',
    corners: CORNERS.map((corner) => [
      mtl.number(at.corners, `CORNER_${corner}_LON_PRODUCT`, -180, 180),
      mtl.number(at.corners, `CORNER_${corner}_LAT_PRODUCT`, -90, 90),
    ]),
    bands,
    unused: [8, 10, 11].flatMap((number) => name(`FILE_NAME_BAND_${number}`) ?? []),
    pixelQuality: name(at.pixelQuality),
    saturation: name('FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION'),
    angleBands:
      sunZenith === null || sunAzimuth === null || viewZenith === null || viewAzimuth === null
        ? null
        : { sunZenith, sunAzimuth, viewZenith, viewAzimuth },
    angleCoefficients: name(at.angleCoefficients),
  }
}

function whole(mtl: MtlFields, group: string, key: string, most: number): number {
  const value = mtl.number(group, key, 1, most)
  return Number.isInteger(value)
    ? value
    : mtl.fail(`${group}/${key}`, `a whole number from 1 to ${most}`, String(value))
}
