import type { L1Scene } from '../../domain/l1-scene.js'
import { L1C_QUALITY, type L1cBand, type L1cProduct } from '../../domain/sentinel2.js'
import { openDetectorMap } from './detector-map.js'
import { openCloudMask, openQualityMask } from './quality-mask.js'
import { readAuxiliaryAir } from './read-auxiliary-air.js'
import { readNoise } from './read-noise.js'

const LOST = L1C_QUALITY.lost | L1C_QUALITY.noData

/** A Sentinel-2 product as the L2A processor takes it. */
export function sceneOfL1c(product: L1cProduct): L1Scene {
  const bands = Object.values(product.bands)
  const own = (id: string): L1cBand => {
    const band = bands.find((b) => b.id === id)
    if (band === undefined) throw new Error(`band ${id} vanished`)
    return band
  }
  return {
    kind: 'S2_L1C',
    satellite: 's2',
    platform: product.platform,
    sensor: product.platform,
    productUri: product.productUri,
    detail: `baseline ${product.baseline}, datatake ${product.datatakeId}`,
    datatakeId: product.datatakeId,
    tile: product.tile,
    // The name keeps the datatake's time, as ESA's names do; the item has the granule's own.
    namedAt: product.datatakeStart,
    sensedAt: product.sensingTime,
    relativeOrbit: product.relativeOrbit,
    orbitDirection: product.orbitDirection,
    naming: {
      extension: 'mgrs',
      properties: {
        'mgrs:utm_zone': Number(product.tile.slice(0, 2)),
        'mgrs:latitude_band': product.tile.slice(2, 3),
        'mgrs:grid_square': product.tile.slice(3, 5),
      },
    },
    sun: product.sun,
    sunCosine: 'applied',
    bands,
    // Sen2Cor has its classes on 20 m.
    classBand: 'B05',
    viewBand: 'B8A',
    notes: product.notes,
    flags: product.bands.B10 === undefined ? ['no_cirrus_band'] : [],
    openDetectors: (band) => openDetectorMap(own(band.id)),
    async openLost(band) {
      const quality = await openQualityMask(own(band.id))
      if (quality.isBlank) {
        quality.close()
        return null
      }
      return {
        // A packet lost on its way from the satellite left no measurement, whatever the image holds there.
        async read(window, out) {
          await quality.read(window, out)
          const length = window.width * window.height
          for (let i = 0; i < length; i++) out[i] = (out[i] ?? 0) & LOST
        },
        close: () => {
          quality.close()
        },
      }
    },
    readAuxiliary: () => readAuxiliaryAir(product.granulePath),
    readNoise: () => readNoise(product.granulePath),
    openMask: (grid) => openCloudMask(product, grid),
  }
}
