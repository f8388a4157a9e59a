import { ProcessingError } from '../domain/errors.js'

/** What a product's name says. Source: docs/products.md. */
export interface ProductId {
  /** `S2A`, `S2B`, `S2C`, `LC08`, ...; `S2`, `LANDSAT` for products of several platforms of a family. */
  readonly platform: string
  /** `L2A`, `L3A`, ... */
  readonly level: string
  /** `55JEJ`, without the T that ESA puts before it. */
  readonly tile: string
  /** Sensing time, ISO 8601 UTC; the name keeps whole seconds. */
  readonly sensedAt: string
  /** Relative orbit, 1..999 (Sentinel-2: 1..143); null for a product of many acquisitions, which has `halfDays` instead. */
  readonly relativeOrbit: number | null
  /** Of a product of many acquisitions: days before and after `sensedAt` that it looks at, 1..999. */
  readonly halfDays?: number
  /** Whose processor made the pixels where it was not ours: `SEN2COR`, `MAJA`. Such a product never has the name of one of ours. */
  readonly madeBy?: string
}

/** One published revision of a product: the step and the attempt that wrote it. */
export interface RevisionId {
  readonly stepId: number | bigint
  readonly attempt: number
}

const PART = /^[A-Z0-9]{2,12}$/
const NAME =
  /^([A-Z0-9]{2,12})_([A-Z0-9]{2,12})_([A-Z0-9]{2,12})_(\d{8}T\d{6})_([RH])(\d{3})(?:_([A-Z0-9]{2,12}))?$/

/**
 * `<platform>_<level>_<tile>_<yyyymmddThhmmss>_R<orbit>`, for example `S2A_L2A_55JEJ_20171207T002051_R116`; `_<madeBy>` follows where that is given.
 * A product of many acquisitions has `_H<half days>` in place of the orbit: `S2_L3A_31TCJ_20250615T120000_H025`.
 * Parts are upper-case letters and digits only: no name can leave its folder. Throws INTERNAL for any other.
 */
export function productName(id: ProductId): string {
  const madeBy = id.madeBy === undefined ? [] : [id.madeBy]
  for (const part of [id.platform, id.level, id.tile, ...madeBy])
    if (!PART.test(part))
      throw new ProcessingError(
        'INTERNAL',
        `'${part}' cannot be part of a product name: 2 to 12 upper-case letters and digits were expected.`,
      )
  const [letter, number] = id.relativeOrbit === null ? ['H', id.halfDays ?? NaN] : ['R', id.relativeOrbit]
  if (!Number.isInteger(number) || number < 1 || number > 999)
    throw new ProcessingError('INTERNAL', `${letter}${number} of a product name is not in 1..999.`)
  const orbit = `${letter}${String(number).padStart(3, '0')}`
  return [id.platform, id.level, id.tile, compactTime(id.sensedAt), orbit, ...madeBy].join('_')
}

/** The parts of a product name, `sensedAt` as `yyyy-mm-ddThh:mm:ssZ`; undefined where the text is no product name. */
export function parseProductName(name: string): ProductId | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [, platform = '', level = '', tile = '', t = '', letter = '', number = '', madeBy] = match
  const day = `${t.slice(0, 4)}-${t.slice(4, 6)}-${t.slice(6, 8)}`
  const sensedAt = `${day}T${t.slice(9, 11)}:${t.slice(11, 13)}:${t.slice(13, 15)}Z`
  const time = new Date(sensedAt)
  // The round trip refuses 30 February and the like, which Date would roll over.
  if (Number.isNaN(time.getTime()) || compactTime(sensedAt) !== t || Number(number) === 0) return undefined
  return {
    ...{ platform, level, tile, sensedAt },
    ...(letter === 'R'
      ? { relativeOrbit: Number(number) }
      : { relativeOrbit: null, halfDays: Number(number) }),
    ...(madeBy === undefined ? {} : { madeBy }),
  }
}

/** Folder of all revisions of a product below the archive: `<level>/<tile>/<yyyy>/<mm>/<name>`. Throws as `productName`. */
export function productFolder(id: ProductId): string {
  const time = compactTime(id.sensedAt)
  return [id.level, id.tile, time.slice(0, 4), time.slice(4, 6), productName(id)].join('/')
}

/** Folder of one revision below the archive: `<product folder>/r<step>-<attempt>`. Throws as `productName`. */
export function revisionFolder(id: ProductId, revision: RevisionId): string {
  const step = String(revision.stepId)
  if (!/^\d+$/.test(step) || !Number.isInteger(revision.attempt) || revision.attempt < 0)
    throw new ProcessingError('INTERNAL', `r${step}-${revision.attempt} is no revision.`)
  return `${productFolder(id)}/r${step}-${revision.attempt}`
}

/** What the pixels of a reflectance file are: flat-ground surface reflectance, or the same after slope correction. */
export type ReflectanceKind = 'sre' | 'fre'
/** The same, or what consumers do not take unless they are made for it: flat-ground reflectance as seen from above under a standard sun, the standard deviations of `sre` and of `fre`. */
export type LayerKind = ReflectanceKind | 'nbar' | 'sigma' | 'fre_sigma'

/** `B02_sre.tif`, `B8A_fre.tif`, `B04_nbar.tif`, `B04_sigma.tif`, `B04_fre_sigma.tif`, ... */
export const bandFile = (band: string, kind: LayerKind): string => `${band}_${kind}.tif`

/** `NDVI.tif` of an L3B product; its `MASK.tif` has the bits of the L2A product. */
export const NDVI_FILE = 'NDVI.tif'

/** Layers of an L3A product on one of its grids; bands are `B02.tif`, .... `suffix` is `_20M` on the larger pixels of Sentinel-2. */
export const compositeLayers = (suffix: '' | '_20M') =>
  ({ flags: `FLAGS${suffix}.tif`, weights: `WEIGHTS${suffix}.tif`, dates: `DATES${suffix}.tif` }) as const

/** Files of an L2A product that are no reflectance. */
export const PRODUCT_FILES = {
  aot: 'AOT.tif',
  wv: 'WV.tif',
  mask: 'MASK.tif',
  scl: 'SCL.tif',
  item: 'item.json',
  quicklook: 'quicklook.png',
  report: 'report.json',
} as const

/** Sun and view angles of an L2A product on cells of 240 m, degrees x 100. */
export const ANGLE_FILES = ['SZA.tif', 'SAA.tif', 'VZA.tif', 'VAA.tif'] as const
/** Stored value where no detector saw a cell. */
export const ANGLE_NO_DATA = 65535

/** What the chain remembers after an L2A product, by band and the days. */
export const stateFile = (band: string): string => `STATE_${band}.tif`
export const STATE_DAYS_FILE = stateFile('days')
export const STATE_RATIO_FILE = stateFile('ratio')
export const STATE_RATIO_SIGMA_FILE = stateFile('ratio_sigma')
/** Bands and days again, on smaller cells. */
export const finerStateFile = (band: string): string => stateFile(`finer_${band}`)
export const FINER_STATE_DAYS_FILE = finerStateFile('days')

/** Band and kind of a reflectance file's name; undefined for any other file, `_nbar`, `_sigma` and `_fre_sigma` among them. */
export function parseBandFile(file: string): { band: string; kind: ReflectanceKind } | undefined {
  const match = /^(B(?:0[1-9]|1[0-2]|8A))_(sre|fre)\.tif$/.exec(file)
  return match === null ? undefined : { band: match[1] ?? '', kind: match[2] === 'fre' ? 'fre' : 'sre' }
}

/** Whether a file holds the standard deviation of a band's `sre` or `fre`. */
export const isSigmaFile = (file: string): boolean => /^B(?:0[1-9]|1[0-2]|8A)_(?:fre_)?sigma\.tif$/.test(file)

function compactTime(iso: string): string {
  const time = new Date(iso)
  if (!/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/.test(iso) || Number.isNaN(time.getTime()))
    throw new ProcessingError('INTERNAL', `'${iso}' is no ISO 8601 time with a zone.`)
  return time.toISOString().slice(0, 19).replace(/[-:]/g, '')
}
