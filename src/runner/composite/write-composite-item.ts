import type { GridNaming, L1Platform } from '../../domain/l1-scene.js'
import type { ProductGap } from '../../domain/step-params.js'
import { synthesisTime } from '../../domain/synthesis.js'
import { composite, type CompositeParams } from '../../processors/composite/definition.js'
import { compositeLayers } from '../../products/layout.js'
import type { RasterAsset } from '../../products/stac/build-item.js'
import { writeCheckedItem } from '../write-checked-item.js'
import type { CompositeInputs } from './composite-inputs.js'
import type { WrittenComposite, WrittenGroup } from './write-composite.js'

export interface CompositeItemInput {
  readonly folder: string
  readonly name: string
  readonly day: string
  readonly params: CompositeParams
  readonly inputs: CompositeInputs
  /** As of `CompositeRequest`. */
  readonly gaps?: readonly ProductGap[]
  readonly written: WrittenComposite
  /** 0..1 of the valid pixels. */
  readonly cloudShare: number | null
  readonly versions: Readonly<Record<string, string>>
  readonly createdAt: string
}

/** What of a Landsat scene's naming is that of the tile, and not of one date. */
const OF_TILE = /^mgrs:|^landsat:(wrs_|collection_|correction$)/

/** `item.json` of an L3A product. Returns its box. Rejects as `writeCheckedItem`. */
export async function writeCompositeItem(
  input: CompositeItemInput,
): Promise<readonly [number, number, number, number]> {
  const { folder, name, day, params, inputs, gaps, written, cloudShare, versions, createdAt } = input
  const products = inputs.dates.map(({ product }) => product)
  const [first] = inputs.dates
  const times = products.map(({ sensedAt }) => sensedAt).sort()
  const others = [...new Set(products.map(({ platform }) => platform))].sort()
  const platforms: [L1Platform, ...L1Platform[]] = [others[0] ?? first.product.platform, ...others.slice(1)]
  const naming: GridNaming = {
    extension: first.product.naming.extension,
    properties: Object.fromEntries(
      Object.entries(first.product.naming.properties).filter(([key]) => OF_TILE.test(key)),
    ),
  }
  return writeCheckedItem({
    ...{ folder, name, platforms, naming, createdAt },
    level: 'L3A',
    grid: inputs.fine,
    relativeOrbit: null,
    sensedAt: synthesisTime({ day }),
    interval: { from: times[0] ?? '', to: times.at(-1) ?? '' },
    cloudPercent: cloudShare === null ? null : cloudShare * 100,
    lineage: `Weighted mean of ${products.map((p) => p.name).join(', ')}.`,
    processorVersion: String(composite.version),
    software: versions,
    properties: {
      'tilth:reflectance': inputs.reflectance,
      'tilth:half_days': params.half_days,
      'tilth:weight_date_min': params.weight_date_min,
      'tilth:dates': products.length,
      ...(gaps === undefined ? {} : { 'tilth:partial': gaps.length > 0, 'tilth:gaps': gaps }),
    },
    quicklookTitle: 'True-colour picture',
    rasters: written.groups.flatMap(groupAssets),
  })
}

function groupAssets({ grid, suffix, bands }: WrittenGroup): Omit<RasterAsset, 'sizeBytes' | 'sha256'>[] {
  const { flags, weights, dates } = compositeLayers(suffix)
  const layer = { grid, offset: 0 } as const
  return [
    ...bands.map(({ file, band, min, mean, max, valid_share }) => ({
      ...{ ...layer, file, band, title: `Surface reflectance of ${band}, weighted mean` },
      roles: ['data', 'reflectance'],
      ...({ dataType: 'int16', nodata: -32768, scale: 0.0001, unit: '1' } as const),
      ...(min === null || mean === null || max === null
        ? {}
        : { statistics: { min, mean, max, validPercent: valid_share * 100 } }),
    })),
    {
      ...{ ...layer, file: flags, title: 'Best class: 1 cloud or shadow, 2 snow, 3 water, 4 land' },
      roles: ['data', 'data-mask'],
      ...{ dataType: 'uint8', nodata: 0, scale: 1, unit: '1' },
    },
    {
      ...{ ...layer, file: weights, title: 'Sum of the weights of the dates that were averaged' },
      roles: ['data', 'metadata'],
      ...{ dataType: 'uint16', nodata: 0, scale: 0.01, unit: '1' },
    },
    {
      ...{ ...layer, file: dates, title: 'Weighted mean time, days from noon (UTC) of the synthesis day' },
      roles: ['data', 'metadata'],
      ...{ dataType: 'int16', nodata: -32768, scale: 0.01, unit: 'days' },
    },
  ]
}
