import { basename } from 'node:path'

/** How a folder that holds a product is told from other folders. */
interface ProductKindSigns {
  /** As messages name it. */
  readonly name: string
  readonly satellite: 's2' | 'landsat'
  /** What a folder must hold to be taken for one, for messages. */
  readonly sign: string
  /** By the folder's name and the names in it; no file is opened. Also true for the torn rest of one. */
  readonly looksLike: (folder: string, entries: readonly string[]) => boolean
}

/** A folder named as Theia's L2A products of Sentinel-2 are. */
export const isMajaName = (name: string): boolean => /^SENTINEL2[A-Z]_\d{8}-\d{6}-\d{3}_L2A_/.test(name)

const isLandsatName = (name: string): boolean => /^L[COT]0[89]_L1TP_\d{6}_/.test(name)

/** Every kind of product that is read; a folder is taken for the first that it looks like. Whether it really is one its reader says. */
export const PRODUCT_KINDS = {
  s2_l2a_sen2cor: {
    name: 'Sentinel-2 L2A of Sen2Cor',
    satellite: 's2',
    sign: 'MTD_MSIL2A.xml',
    looksLike: (folder, entries) =>
      entries.some((entry) => /^MTD_MSIL2A.*\.xml$/.test(entry)) ||
      /_MSIL2A_.*\.SAFE$/.test(basename(folder)),
  },
  s2_l2a_maja: {
    name: 'Sentinel-2 L2A of MAJA',
    satellite: 's2',
    sign: 'SENTINEL2*_MTD_ALL.xml',
    looksLike: (folder, entries) =>
      entries.some((entry) => /^SENTINEL2.*_MTD_ALL\.xml$/.test(entry)) || isMajaName(basename(folder)),
  },
  s2_l1c: {
    name: 'Sentinel-2 L1C',
    satellite: 's2',
    sign: 'manifest.safe, MTD_MSIL1C.xml, GRANULE/ or tileInfo.json',
    looksLike: (folder, entries) =>
      ['manifest.safe', 'MTD_MSIL1C.xml', 'GRANULE', 'tileInfo.json'].some((sign) =>
        entries.includes(sign),
      ) ||
      // Nothing telling in it yet, but somebody named it so: the rest may be on its way.
      basename(folder).endsWith('.SAFE'),
  },
  landsat_l1tp: {
    name: 'Landsat-8 or -9 L1TP',
    satellite: 'landsat',
    sign: '*_MTL.txt, *_MTL.json or *_MTL.xml',
    // By its name also while the metadata, which comes late in USGS's tars, is missing.
    looksLike: (folder, entries) =>
      entries.some((entry) => /^[^.].*_MTL\.(txt|json|xml)$/i.test(entry)) ||
      (isLandsatName(basename(folder)) && entries.some((entry) => /_B\d+\.TIF$/i.test(entry))),
  },
} as const satisfies Record<string, ProductKindSigns>

export type ProductKind = keyof typeof PRODUCT_KINDS
export const PRODUCT_KIND_NAMES = Object.keys(PRODUCT_KINDS) as readonly ProductKind[]

/** The kind of product that a folder's name alone promises; null where it promises none. */
export const kindByName = (path: string): ProductKind | null =>
  PRODUCT_KIND_NAMES.find((kind) => PRODUCT_KINDS[kind].looksLike(path, [])) ??
  (isLandsatName(basename(path)) ? 'landsat_l1tp' : null)

/** Whose product an archive holds that cannot be opened: its name is all there is to go by. */
export const satelliteByName = (path: string): 's2' | 'landsat' =>
  /^L[COTEM](0[1-9]_|[1-9]\d{13})/i.test(basename(path)) ? 'landsat' : 's2'
