import { ProcessingError } from '../../domain/errors.js'
import { readXml } from './parse-xml.js'
import type { Polygon } from './polygon-spans.js'

/** One feature of a GML mask: `id` as `detector_footprint-B04-07-0`, `type` as `QT_SATURATED_PIXELS_L1A`, `OPAQUE`, ... */
export interface MaskFeature {
  readonly id: string
  readonly type: string
  readonly polygon: Polygon
}

/**
 * Reads the features of a GML mask (MSK_*.gml of baselines before 04.00), in the tile's CRS. An empty member list is valid and
 * gives no feature. Throws METADATA_INVALID for what is no GML mask; RASTER_UNREADABLE where the file cannot be read.
 */
export async function readGmlMask(path: string): Promise<MaskFeature[]> {
  let root
  try {
    root = await readXml(path)
  } catch (cause) {
    if (cause instanceof ProcessingError) throw cause
    throw new ProcessingError(
      'RASTER_UNREADABLE',
      `Mask '${path}' cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
  if (root.name !== 'Mask')
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${path}' is no GML mask: its root is '${root.name}', expected 'Mask'. Download the product again.`,
    )
  return root.findAll('maskMembers/MaskFeature').flatMap((feature) => {
    const id = feature.attribute('id') ?? ''
    const type = feature.find('maskType')?.text ?? ''
    const polygons = [
      ...feature.findAll('extentOf/Polygon'),
      ...feature.findAll('extentOf/MultiSurface/surfaceMember/Polygon'),
    ]
    return polygons.map((polygon) => {
      const rings = [
        ...polygon.findAll('exterior/LinearRing/posList'),
        ...polygon.findAll('interior/LinearRing/posList'),
      ].map((list) => {
        // Absent: GML's default is that of the CRS, two; all known products state 3 and give heights.
        const dimension = Number(list.attribute('srsDimension') ?? 2)
        const numbers = list.text === '' ? [] : list.text.split(/\s+/).map(Number)
        if (
          dimension < 2 ||
          numbers.length % dimension !== 0 ||
          numbers.some((value) => !Number.isFinite(value))
        )
          throw new ProcessingError(
            'METADATA_INVALID',
            `Feature '${id}' of '${path}' has a position list of ${numbers.length} values that are not ` +
              `all numbers or not a multiple of ${dimension}. Download the product again.`,
          )
        const ring = new Float64Array((numbers.length / dimension) * 2)
        for (let i = 0; i < ring.length / 2; i++) {
          ring[2 * i] = numbers[i * dimension] ?? NaN
          ring[2 * i + 1] = numbers[i * dimension + 1] ?? NaN
        }
        return ring
      })
      return { id, type, polygon: { rings } }
    })
  })
}
