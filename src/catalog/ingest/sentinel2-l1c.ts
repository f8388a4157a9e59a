import { ProcessingError } from '../../domain/errors.js'
import type { L1cProduct } from '../../domain/sentinel2.js'
import { listGranules } from '../../products/sentinel2/layouts.js'
import { readL1cMetadata } from '../../products/sentinel2/read-l1c.js'
import { bboxOf } from './bbox-of.js'
import { imageSizeOf, type DescribedAcquisition, type InputFormat } from './input-format.js'

export const sentinel2L1c: InputFormat = {
  acquisitions: async (folder) => {
    try {
      return await listGranules(folder)
    } catch (error) {
      // What is wrong with the folder as a whole `describe` says, with what may still be copied told apart.
      if (error instanceof ProcessingError) return ['']
      throw error
    }
  },
  describe: async (path, { settleSeconds }) => describeL1c(await readL1cMetadata(path, { settleSeconds })),
}

/**
 * Platform, tile, datatake, sensing time, baseline and the time when the granule was made: what makes it the same product. The datatake's
 * id alone would merge the two granules that a tile has where one datastrip ends and the next begins.
 */
function identityOf(p: L1cProduct): string {
  return [
    'S2_L1C',
    p.platform,
    p.tile,
    p.datatakeId,
    p.sensingTime,
    `N${p.baseline}`,
    `G${compactTime(p.generationTime)}`,
  ].join(':')
}

/** `20171207T032513` */
const compactTime = (iso: string): string => iso.replace(/[-:]|\.\d+|Z$/g, '')

function describeL1c(product: L1cProduct): DescribedAcquisition {
  const { platform, tile, datatakeId, sensingTime, baseline } = product
  const version = [`N${baseline.replace('.', '')}`, compactTime(product.generationTime)]
  const name = [platform, tile, compactTime(sensingTime), ...version, datatakeId].join('_')
  return {
    identity: identityOf(product),
    satellite: 's2',
    platform,
    tile,
    datatakeId,
    datatakeStart: product.datatakeStart,
    relativeOrbit: product.relativeOrbit,
    sensedAt: sensingTime,
    baseline,
    generatedAt: product.generationTime,
    productUri: product.productUri,
    bbox: bboxOf(product),
    cloudPercent: product.cloudPercent,
    notes: product.notes,
    place: placeOf(product, name),
    metadata: {
      epsg: product.epsg,
      extent: product.extent,
      orbitDirection: product.orbitDirection,
      ...imageSizeOf(Object.values(product.bands)),
    },
  }
}

/** By tile; products of several tiles lie apart, each whole. */
function placeOf(
  { tile, sensingTime, manyTilesKey, platform, datatakeStart }: L1cProduct,
  name: string,
): string {
  const year = sensingTime.slice(0, 4)
  return manyTilesKey === null
    ? `s2/${tile}/${year}/${name.replace(/[^A-Za-z0-9_.-]/g, '-')}.SAFE`
    : `s2/many-tiles/${year}/${platform}_${compactTime(datatakeStart)}_${manyTilesKey}.SAFE`
}
