import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import { S2_BANDS, S2_PLATFORMS, type S2Band } from '../../domain/sentinel2.js'
import { missingFile, readNamed } from './find-parts.js'
import type { L1cLayout } from './layouts.js'
import { parseTileMetadata } from './parse-metadata.js'

/** What is used of `productInfo.json`, which AWS writes beside the images. */
const productInfo = z.object({
  name: z.string(),
  timestamp: z.iso.datetime(),
  datatakeIdentifier: z.string(),
})
/** Since baseline 04.00 of January 2022 every L1C image has this offset; older dates that were processed again have it too (05.00). */
const OFFSET_SINCE_04 = -1000
/** Of all L1C products of the archive; the layout does not carry the product metadata that states it. */
const QUANTIFICATION = 10_000

/** Whether a folder is a granule as the open-data bucket keeps them: tiles/<zone>/<band>/<square>/<year>/<month>/<day>/<n>. */
export function isAwsLayout(path: string): boolean {
  return existsSync(join(path, 'tileInfo.json'))
}

/**
 * Opens such a folder: metadata.xml is the granule's own, productInfo.json names product and datatake. What only the product metadata state
 * follows from the baseline in the TILE_ID and is noted: offset, quantification, and that the orbit is a descending one.
 * Throws PRODUCT_INCOMPLETE, METADATA_INVALID, PRODUCT_UNSUPPORTED.
 */
export async function openAwsLayout(path: string, notes: string[]): Promise<L1cLayout> {
  const infoPath = join(path, 'productInfo.json')
  const tileXmlPath = join(path, 'metadata.xml')
  const tileXml = await readNamed(tileXmlPath, join(path, 'tileInfo.json'))
  if (tileXml.name !== 'Level-1C_Tile_ID')
    throw new ProcessingError(
      'PRODUCT_UNSUPPORTED',
      `'${tileXmlPath}' describes '${tileXml.name}'; expected 'Level-1C_Tile_ID'.`,
    )
  const tile = parseTileMetadata(tileXml, tileXmlPath, notes)
  const info = await readInfo(infoPath, join(path, 'tileInfo.json'))
  const id = tileXml.find('General_Info/TILE_ID')?.text ?? ''
  const invalid = (what: string) =>
    new ProcessingError('METADATA_INVALID', `${what}. Download the folder again.`)
  const platform = S2_PLATFORMS.find((one) => id.startsWith(`${one}_`))
  const baseline = /_N(\d\d\.\d\d)$/.exec(id)?.[1]
  if (platform === undefined || baseline === undefined)
    throw invalid(`'${tileXmlPath}': TILE_ID '${id}' names no platform and baseline`)
  // The time in productInfo.json is that of the datatake: a newer version of the granule would look no newer by it.
  if (tile.generationTime === null)
    throw invalid(
      `'${tileXmlPath}': TILE_ID '${id}' does not say when the granule was made, expected S2A_OPER_MSI_L1C_TL_..._YYYYMMDDThhmmss_A012345_T..., ` +
        'and the layout says it nowhere else',
    )
  const orbit = Number(/_R(\d{3})_/.exec(info.name)?.[1] ?? NaN)
  if (!(orbit >= 1 && orbit <= 143))
    throw invalid(`'${infoPath}': name '${info.name}' has no relative orbit R001 to R143`)
  const hasOffset = Number(baseline) >= 4
  notes.push(
    `The layout has no product metadata: quantification ${QUANTIFICATION}, offset ${hasOffset ? OFFSET_SINCE_04 : 0} (baseline ${baseline}) and a descending orbit are assumed.`,
  )
  return {
    granulePath: path,
    manyTilesKey: null,
    product: {
      productUri: `${info.name}.SAFE`,
      platform,
      baseline,
      datatakeId: info.datatakeIdentifier,
      datatakeStart: new Date(info.timestamp).toISOString(),
      generationTime: tile.generationTime,
      relativeOrbit: orbit,
      orbitDirection: 'DESCENDING',
      cloudPercent: null,
      quantification: QUANTIFICATION,
      offsets: S2_BANDS.map(() => (hasOffset ? OFFSET_SINCE_04 : 0)),
      responses: S2_BANDS.map(() => null),
    },
    tile,
    tileXmlPath,
    namedBy: tileXmlPath,
    images: new Map(S2_BANDS.map((band): [S2Band, string] => [band, join(path, band)])),
    maskPaths: ({ type, bandId }) => {
      const name = `${type}_${bandId === null ? 'B00' : (S2_BANDS[bandId] ?? 'B00')}`
      return [join(path, 'qi', `${name}.gml`), join(path, 'qi', `${name}.jp2`)]
    },
  }
}

async function readInfo(path: string, namedBy: string): Promise<z.infer<typeof productInfo>> {
  if (!existsSync(path)) throw missingFile(path, namedBy)
  let found: unknown
  try {
    found = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    throw new ProcessingError('METADATA_INVALID', `'${path}' is no JSON. Download it again.`, { cause })
  }
  const parsed = productInfo.safeParse(found)
  if (!parsed.success)
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${path}': ${z.prettifyError(parsed.error)}. Download it again.`,
    )
  return parsed.data
}
