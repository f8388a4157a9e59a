import { tileOf, type LandsatProduct } from '../../domain/landsat.js'
import { readL1tpMetadata } from '../../products/landsat/read-l1tp.js'
import { imageSizeOf, type DescribedAcquisition, type InputFormat } from './input-format.js'

export const landsatL1tp: InputFormat = {
  acquisitions: () => Promise.resolve(['']),
  describe: async (path, { settleSeconds }) => describeL1tp(await readL1tpMetadata(path, { settleSeconds })),
}

/** Of two versions of a scene the later collection is the newer one, then one with final geometry, then the later made. */
const versionOf = ({ collection, category }: LandsatProduct): string =>
  `${collection}.${category === 'RT' ? 0 : 1}`

function describeL1tp(product: LandsatProduct): DescribedAcquisition {
  const { platform, productId, sensedAt, generatedAt } = product
  const tile = tileOf(product)
  const made = generatedAt.replace(/[-:]|\.\d+|Z$/g, '')
  return {
    // USGS's own identifier names path, row, day, day of processing, collection and category; a day may see two runs.
    identity: `LANDSAT_L1TP:${productId}:G${made}`,
    satellite: 'landsat',
    platform,
    tile,
    datatakeId: product.sceneId,
    // The centre's time is worked out anew with each version: the day is what they share.
    datatakeStart: `${sensedAt.slice(0, 10)}T00:00:00.000Z`,
    relativeOrbit: product.wrsPath,
    sensedAt,
    baseline: versionOf(product),
    generatedAt,
    productUri: productId,
    bbox: product.bbox,
    cloudPercent: product.cloudPercent,
    notes: product.notes,
    place: `landsat/${tile}/${sensedAt.slice(0, 4)}/${productId}_${made}`,
    metadata: {
      epsg: product.grid.epsg,
      collection: product.collection,
      category: product.category,
      angles: product.angles.kind,
      ...imageSizeOf(product.bands),
    },
  }
}
