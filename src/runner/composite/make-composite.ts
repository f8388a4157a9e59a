import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Codec } from '../../domain/codec.js'
import { ProcessingError } from '../../domain/errors.js'
import type { ProductGap } from '../../domain/step-params.js'
import { FAMILY_NAMES, synthesisTime } from '../../domain/synthesis.js'
import { composite, type CompositeParams } from '../../processors/composite/definition.js'
import { PRODUCT_FILES, productName } from '../../products/layout.js'
import { measurePeakRss, writeReport, type Quantiles, type Report } from '../../products/report.js'
import { configureGdal } from '../../raster/gdal-runtime.js'
import { openKernels } from '../open-kernels.js'
import { TILE_SIZE } from '../l2a/block-size.js'
import { drawQuicklook, TRUE_COLOUR } from '../l2a/draw-quicklook.js'
import { StageClock } from '../l2a/stage-clock.js'
import { softwareVersions } from '../software-versions.js'
import type { ThreadBudget } from '../step-context.js'
import { openCompositeInputs, type CompositeInput } from './composite-inputs.js'
import { writeComposite, type WrittenComposite } from './write-composite.js'
import { writeCompositeItem } from './write-composite-item.js'

export interface CompositeRequest {
  /** Folders of L2A products of one tile and satellite family, in any order. */
  readonly inputs: readonly string[]
  /** Synthesis day, YYYY-MM-DD. */
  readonly day: string
  /** Dates of the window that are known and not among the inputs; absent: whoever asks does not know. */
  readonly gaps?: readonly ProductGap[]
  /** As the definition parses them: all keys present. */
  readonly params: CompositeParams
  /** Where each parameter came from; `default` where absent. */
  readonly origins: Readonly<Record<string, string>>
  /** Existing folder that gets a folder named after the product. Removing it after an error is the caller's. */
  readonly into: string
  /** Called with the product's name before any pixel is read; rejects to refuse the work. */
  readonly accept?: (name: string) => Promise<void>
  readonly threads: ThreadBudget
  /** Multiple of 512; changes memory and speed, no pixel. Where bands of two pixel sizes lie on each other it is at least 1024. */
  readonly blockSize: number
  /** Blocks that are begun beyond one a thread, so that no thread waits for files; default 1. None needs less memory. */
  readonly blocksAhead?: 0 | 1
  readonly codec: Codec
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
  readonly onNote: (note: string) => void
}

export interface CompositeOutcome {
  readonly name: string
  readonly folder: string
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** ISO 8601 UTC: the time in the name. */
  readonly sensedAt: string
  readonly bbox: readonly [number, number, number, number]
  readonly report: Report
}

/**
 * Makes the L3A product of the L2A products of one tile around a day: band means, flags, weights, dates, STAC item, quicklook, report. The
 * same function serves the command line and the scheduled step, so their pixels are the same.
 * @throws ProcessingError with the codes of the definition, DISK_FULL, WRITE_FAILED; the signal's reason when aborted.
 */
export async function makeComposite(request: CompositeRequest): Promise<CompositeOutcome> {
  const { params, day, gaps, signal } = request
  const clock = new StageClock()
  configureGdal()
  const inputs = await clock.stage('inputs', () => openCompositeInputs(request.inputs, day, params))
  for (const note of inputs.notes) request.onNote(note)
  const { satellite, id } = inputs.dates[0].product
  const sensedAt = synthesisTime({ day })
  const name = productName({
    ...{ platform: FAMILY_NAMES[satellite], level: 'L3A', tile: id.tile, sensedAt },
    ...{ relativeOrbit: null, halfDays: params.half_days },
  })
  await request.accept?.(name)
  const folder = join(request.into, name)
  await mkdir(folder)
  const kernels = await openKernels(request.threads)
  const { budget, pool } = kernels
  try {
    const written = await clock.stage('mean', () =>
      writeComposite({
        ...{ inputs, folder, pool, budget, signal, codec: request.codec },
        blockSize: inputs.coarse === null ? request.blockSize : Math.max(2 * TILE_SIZE, request.blockSize),
        blocksAhead: request.blocksAhead ?? 1,
        onProgress: (fraction) => {
          request.onProgress(0.95 * fraction, `${inputs.dates.length} dates`)
        },
      }),
    )
    const [none = 0, cloud = 0, snow = 0, water = 0, land = 0] = written.classes
    const total = none + cloud + snow + water + land
    if (none === total)
      throw new ProcessingError(
        'NO_VALID_PIXEL',
        `No pixel of tile ${id.tile} has data in any of ${inputs.dates.length} products. Nothing was made.`,
      )
    request.onProgress(0.96, 'quicklook and item')
    await clock.stage('quicklook', () => drawQuicklook(folder, TRUE_COLOUR, (band) => `${band}.tif`))
    const createdAt = new Date().toISOString()
    const versions = softwareVersions()
    const report: Report = {
      schema: 'tilth-report/1',
      product: name,
      processor: { name: composite.name, version: composite.version },
      versions,
      created: createdAt,
      inputs: inputs.dates.map(describeDate),
      parameters: Object.fromEntries(
        Object.entries({ day, ...params }).map(([key, value]) => [
          key,
          { value, origin: request.origins[key] ?? (key === 'day' ? 'job' : 'default') },
        ]),
      ),
      resources: { ...clock.total(), peak_rss_mb: measurePeakRss(), threads: request.threads.value },
      stages: clock.stages(),
      valid_share: (total - none) / total,
      cloud_share: cloud / (total - none),
      bands: written.groups.flatMap(({ bands }) =>
        bands.map(({ file, unit, min, mean, max, valid_share }) => ({
          ...{ file, unit, min, mean, max, valid_share },
        })),
      ),
      composite: {
        dates: inputs.dates.length,
        ...(gaps === undefined ? {} : { gaps: [...gaps] }),
        dates_per_pixel: datesPerPixel(written.counts),
        class_shares: {
          ...{ none: none / total, cloud: cloud / total },
          ...{ snow: snow / total, water: water / total, land: land / total },
        },
      },
      notes: [...inputs.notes, ...(gaps ?? []).map(describeGap)],
      flags: [
        inputs.reflectance === 'mixed' ? 'mixed_reflectance' : inputs.reflectance,
        ...(gaps !== undefined && gaps.length > 0 ? ['partial'] : []),
      ],
    }
    await writeReport(join(folder, PRODUCT_FILES.report), report)
    const bbox = await writeCompositeItem({
      ...{ folder, name, day, params, inputs, written, versions, createdAt },
      ...(gaps === undefined ? {} : { gaps }),
      cloudShare: report.cloud_share,
    })
    request.onProgress(1, 'done')
    return { name, folder, satellite, tile: id.tile, sensedAt, bbox, report }
  } finally {
    await kernels.close()
  }
}

const describeGap = ({ acquisition_id, tile, day, why }: ProductGap): string =>
  `Made without acquisition ${acquisition_id} (${tile}, ${day}), which ${why}.`

const describeDate = ({ product, days, weight, kind }: CompositeInput): CompositeReportInput => ({
  kind: 'L2A',
  name: product.name,
  detail: `${days >= 0 ? '+' : ''}${days.toFixed(3)} days, weight ${weight.toFixed(4)}, ${kind.toUpperCase()}`,
})
type CompositeReportInput = Report['inputs'][number]

/** Of pixels by number of dates. */
function datesPerPixel(counts: WrittenComposite['counts']) {
  const n = counts.reduce((sum, c) => sum + c, 0)
  const at = (share: number): number => {
    let seen = 0
    return counts.findIndex((c) => (seen += c) >= share * n && seen > 0)
  }
  const quantiles: Quantiles = { p05: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) }
  return {
    min: counts.findIndex((c) => c > 0),
    mean: Math.round((counts.reduce((sum, c, k) => sum + c * k, 0) / n) * 1e4) / 1e4,
    max: counts.findLastIndex((c) => c > 0),
    quantiles,
  }
}
