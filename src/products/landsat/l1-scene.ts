import { NO_AUXILIARY_AIR, type L1Scene } from '../../domain/l1-scene.js'
import { tileOf, type LandsatProduct } from '../../domain/landsat.js'
import { readAngles } from './angles.js'
import { openQualityFlags } from './quality-flags.js'

const three = (n: number): string => String(n).padStart(3, '0')

/** A Landsat product as the L2A processor takes it; its angles are read here. Throws as `readAngles`. */
export async function sceneOfL1tp(product: LandsatProduct): Promise<L1Scene> {
  const angles = await readAngles(product)
  return {
    kind: 'LANDSAT_L1TP',
    satellite: 'landsat',
    platform: product.platform,
    sensor: product.platform.endsWith('9') ? 'L9' : 'L8',
    productUri: product.productId,
    detail: `collection ${product.collection} ${product.category}, made ${product.generatedAt}`,
    tile: tileOf(product),
    namedAt: product.sensedAt,
    sensedAt: product.sensedAt,
    relativeOrbit: product.wrsPath,
    // Rows 123 to 245 are the northbound half of the orbit.
    orbitDirection: product.wrsRow >= 123 && product.wrsRow <= 245 ? 'ASCENDING' : 'DESCENDING',
    naming: {
      extension: 'landsat',
      properties: {
        'landsat:wrs_type': '2',
        'landsat:wrs_path': three(product.wrsPath),
        'landsat:wrs_row': three(product.wrsRow),
        'landsat:scene_id': product.sceneId,
        'landsat:collection_number': `0${product.collection}`,
        'landsat:collection_category': product.category,
        'landsat:correction': 'L1TP',
        'landsat:product_generated': product.generatedAt,
        ...(product.cloudPercentLand === null
          ? {}
          : { 'landsat:cloud_cover_land': product.cloudPercentLand }),
      },
    },
    sun: angles.sun,
    sunCosine: 'missing',
    // rho = DN * mult + add = (DN + add / mult) / (1 / mult)
    bands: product.bands.map(({ id, path, grid, blockWidth, mult, add }) => ({
      id,
      path,
      grid,
      blockWidth,
      quantification: 1 / mult,
      offset: add / mult,
      detectors: angles.detectors,
      // OLI's metadata say nothing of it.
      response: null,
    })),
    classBand: 'B02',
    viewBand: 'B04',
    notes: product.notes,
    flags: product.flags,
    openDetectors: () => angles.openDetectors(),
    openLost: () => Promise.resolve(null),
    readAuxiliary: () => Promise.resolve({ air: NO_AUXILIARY_AIR, notes: [] }),
    readNoise: () => Promise.resolve(null),
    openMask: (grid) => openQualityFlags(product, grid),
  }
}
