import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { ProcessingError } from '../domain/errors.js'
import type { PixelSummary } from '../domain/pixel-summary.js'
import { productGap } from '../domain/step-params.js'
import { publishError } from './publish.js'

const share = z.number().min(0).max(1)
const seconds = z.number().nonnegative()

/** Shares of 0.05, 0.25, 0.5, 0.75 and 0.95 of the values are less than or equal to these; null where there is none. */
const quantilesSchema = z.strictObject({
  p05: z.number(),
  p25: z.number(),
  p50: z.number(),
  p75: z.number(),
  p95: z.number(),
})
export type Quantiles = z.infer<typeof quantilesSchema>

/** Statistics of one file over its valid pixels, in the stated unit (scale and offset applied); null where no pixel is valid. */
export const bandStatisticsSchema = z
  .strictObject({
    file: z.string().min(1).describe('Name within the product folder.'),
    unit: z.string().describe('Unit of the statistics; 1 for a ratio.'),
    min: z.number().nullable(),
    mean: z.number().nullable(),
    max: z.number().nullable(),
    valid_share: share.describe('Share of pixels that are not no-data.'),
    quantiles: quantilesSchema
      .nullable()
      .optional()
      .describe('In the same unit, of products that have them.'),
    clear: z
      .strictObject({ share, mean: z.number().nullable(), quantiles: quantilesSchema.nullable() })
      .optional()
      .describe('The same over the valid pixels that are land or water without cloud, shadow or snow.'),
  })
  .refine(
    (s) =>
      s.min === null
        ? s.mean === null && s.max === null
        : (s.mean ?? NaN) >= s.min && (s.max ?? NaN) >= (s.mean ?? NaN),
    {
      message: 'min <= mean <= max, or all three null',
    },
  )

const airOrigin = z.enum(['parameter', 'auxiliary', 'image', 'default'])
const airField = z.strictObject({
  origin: airOrigin,
  min: z.number(),
  mean: z.number(),
  max: z.number(),
  found_share: share.describe(
    'Share of its cells or nodes at which the image told it; the others are filled.',
  ),
})
export const atmosphereSchema = z.strictObject({
  aot: airField.describe('At 550 nm above the ground.'),
  wv: airField.describe('g/cm2 of the column above the ground; before version 7 of l2a at sea level.'),
  ozone: z.strictObject({ origin: airOrigin, value: z.number().describe('DU.') }),
  aerosol: z.strictObject({
    origin: airOrigin,
    value: z.string(),
    residuals: z
      .record(z.string(), z.number())
      .describe('Reflectance that each aerosol tried leaves unexplained, root of the mean square.'),
    evidence: z
      .record(
        z.string(),
        z.strictObject({
          windows: z.number().int().positive().describe('Windows of cells in which both say something.'),
          ratio: z.number().describe('Residual over that of the default aerosol there.'),
          low: z.number().nullable().describe('Two standard errors below; null with less than two windows.'),
          high: z.number().nullable().describe('Two standard errors above.'),
        }),
      )
      .optional()
      .describe('How each aerosol tried compares with the default; absent in older reports.'),
  }),
})
export type AtmosphereReport = z.infer<typeof atmosphereSchema>

const nbarSchema = z.strictObject({
  sun_zenith: z
    .strictObject({
      min: z.number(),
      mean: z.number(),
      max: z.number(),
      largest_change: z.number().nonnegative().describe('From the sun that was observed, at any node.'),
      observed_share: share.describe('Share of the nodes that keep the sun that was observed.'),
    })
    .describe('Degrees, over the nodes of the angles: the sun that pixels are normalised to.'),
  bands: z
    .record(
      z.string(),
      z.strictObject({
        ...{ iso: z.number(), vol: z.number(), geo: z.number() },
        bandpass: z.strictObject({ slope: z.number(), offset: z.number() }).nullable(),
      }),
    )
    .describe('Weights of the kernels, and the line that was applied after it, null for none.'),
  source: z.string().min(1).describe('Of weights and lines.'),
})
export type NbarReport = z.infer<typeof nbarSchema>

const coregistrationSchema = z.strictObject({
  reference: z.string().min(1).describe('The L2A product on whose ground the image was to be laid.'),
  band: z.string().min(1).describe('The near infrared that was compared.'),
  outcome: z
    .enum(['moved', 'in_place', 'unsure'])
    .describe(
      'moved: by dx_m, dy_m; in_place: the shift is less than a tenth of the finest pixel and was left; unsure: too few windows agree, nothing was moved.',
    ),
  applied: z.boolean().describe('Whether pixels were moved.'),
  dx_m: z
    .number()
    .nullable()
    .describe('East: by how much the image has to be moved; null where nothing was found.'),
  dy_m: z.number().nullable().describe('North.'),
  residual_m: z
    .number()
    .nonnegative()
    .nullable()
    .describe('Root of the mean square of what the windows that agree still lie off after that.'),
  confidence: share.describe('Windows that agree over those that were compared.'),
  windows: z.number().int().nonnegative().describe('Over the image.'),
  compared: z.number().int().nonnegative().describe('With enough clear land in both.'),
  agreeing: z.number().int().nonnegative().describe('Within a quarter of a pixel of what most of them say.'),
})
export type CoregistrationReport = z.infer<typeof coregistrationSchema>

const spread = z.strictObject({
  min: z.number().nonnegative(),
  mean: z.number().nonnegative(),
  max: z.number().nonnegative(),
})
const uncertaintySchema = z.strictObject({
  aot: spread.describe('Standard deviation that AOT was given, over the nodes.'),
  wv: spread.describe('The same of water vapour, g/cm2.'),
  other_aerosols: z
    .array(
      z.strictObject({
        ...{ model: z.string(), aot_ratio: z.number().positive() },
        // Products of versions before this have none.
        weight: z.number().min(0).max(1).optional(),
      }),
    )
    .describe(
      'What may be above the scene as well as the aerosol taken, its AOT over that of this one, and how likely it is.',
    ),
  noise: z.enum(['product', 'shipped']).describe('Whose noise was taken.'),
  adjacency_left: z.number().describe('Share of the light from beside that counts as an error.'),
})
export type UncertaintyReport = z.infer<typeof uncertaintySchema>

/** `report.json`: how a product was made and what is in it. Documented in docs/products.md. */
export const reportSchema = z.strictObject({
  schema: z.literal('tilth-report/1'),
  product: z.string().min(1),
  processor: z.strictObject({ name: z.string().min(1), version: z.number().int().positive() }),
  versions: z.record(z.string(), z.string()).describe('Program, GDAL, Node and SIMD target in use.'),
  created: z.iso.datetime().describe('UTC.'),
  inputs: z.array(
    z.strictObject({ kind: z.string().min(1), name: z.string().min(1), detail: z.string().optional() }),
  ),
  parameters: z.record(
    z.string(),
    z.strictObject({
      value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
      unit: z.string().optional(),
      origin: z
        .string()
        .min(1)
        .describe('cli, job, site <slug>, parent site <slug>, global, default or measured.'),
    }),
  ),
  resources: z.strictObject({
    wall_s: seconds,
    cpu_s: seconds.describe('User and system time of the process, its threads included.'),
    peak_rss_mb: z
      .number()
      .nonnegative()
      .nullable()
      .describe('MiB, sum over the process tree; null where the system does not tell.'),
    threads: z.number().int().positive().optional(),
    scratch_mb: z
      .number()
      .nonnegative()
      .optional()
      .describe('MiB of packed blocks in the scratch folder at their most; of L2A.'),
  }),
  stages: z.array(z.strictObject({ name: z.string().min(1), wall_s: seconds, cpu_s: seconds.optional() })),
  valid_share: share.describe('Share of pixels with data in every reflectance band.'),
  cloud_share: share
    .nullable()
    .describe('Share of the valid pixels under cloud or shadow; null where not known.'),
  bands: z.array(bandStatisticsSchema),
  chain: z
    .strictObject({
      mode: z.enum(['init', 'nominal', 'backward']).describe('How the date began in its chain.'),
      previous: z.string().nullable().describe('The product whose state it took; null: none.'),
      known_share: share.describe('Cells of whose ground something was known before.'),
      known_after_share: share.describe('The same after it.'),
    })
    .optional()
    .describe('Of L2A products.'),
  atmosphere: atmosphereSchema
    .optional()
    .describe('Of L2A products: what it was corrected with, and where that came from.'),
  placed: z
    .strictObject({
      grid: z.string().min(1).describe('That of the Sentinel-2 tile: `sentinel2:31TCJ`.'),
      image_tile: z.string().min(1).describe('Of the image: path and row.'),
      image_epsg: z.number().int().describe('Its CRS.'),
    })
    .optional()
    .describe('Of L2A products of Landsat on the grid of a Sentinel-2 tile.'),
  coregistration: coregistrationSchema
    .optional()
    .describe('Of L2A products that were to be laid on a reference: how far they lay beside it.'),
  nbar: nbarSchema.optional().describe('Of L2A products with files `_nbar.tif`: how these were made.'),
  uncertainty: uncertaintySchema
    .optional()
    .describe('Of L2A products with files `_sigma.tif`, `_fre_sigma.tif`: what these were made of.'),
  composite: z
    .strictObject({
      dates: z.number().int().positive().describe('Dates in the window that were averaged.'),
      gaps: z
        .array(productGap)
        .optional()
        .describe('Known dates in the window that it was made without, and why; absent where nobody looked.'),
      dates_per_pixel: z
        .strictObject({ min: z.number(), mean: z.number(), max: z.number(), quantiles: quantilesSchema })
        .describe('Dates that were averaged, over all pixels; 0 where no date has data.'),
      class_shares: z
        .strictObject({ none: share, cloud: share, snow: share, water: share, land: share })
        .describe('Shares of all pixels by the best class.'),
    })
    .optional()
    .describe('Of products of several dates, on the grid of the finest pixels.'),
  notes: z.array(z.string()).describe('What a user should know, in words.'),
  flags: z.array(z.string().regex(/^[a-z0-9_]+$/)).describe('The same for programs.'),
})
export type Report = z.infer<typeof reportSchema>
export type BandStatistics = z.infer<typeof bandStatisticsSchema>

/** Checks and writes `report.json`. Rejects with INTERNAL when it does not fit its schema, DISK_FULL or WRITE_FAILED. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const checked = reportSchema.safeParse(report)
  if (!checked.success)
    throw new ProcessingError(
      'INTERNAL',
      `The report ${path} does not fit its schema: ${z.prettifyError(checked.error)}`,
    )
  try {
    await writeFile(path, `${JSON.stringify(checked.data, null, 2)}\n`, { flush: true })
  } catch (cause) {
    throw publishError(`Writing the report ${path}`, cause)
  }
}

/** A running minimum, mean and maximum of stored values, added block after block; order of blocks does not change the result for integers. */
export class BandStatisticsBuilder {
  private min = Infinity
  private max = -Infinity
  private sum = 0
  private valid = 0
  private total = 0

  /** @param nodata stored value of no-data; null: every pixel is valid. NaN is never valid. */
  add(values: ArrayLike<number>, nodata: number | null): void {
    // Locals: a tile has half a thousand million of these.
    let { min, max, sum, valid } = this
    for (let i = 0; i < values.length; i++) {
      const v = values[i] ?? NaN
      if (v === nodata || Number.isNaN(v)) continue
      valid++
      sum += v
      if (v < min) min = v
      if (v > max) max = v
    }
    this.min = min
    this.max = max
    this.sum = sum
    this.valid = valid
    this.total += values.length
  }

  /** Adds what a block came to. */
  merge({ min, max, sum, valid, total }: PixelSummary): void {
    this.min = Math.min(this.min, min)
    this.max = Math.max(this.max, max)
    this.sum += sum
    this.valid += valid
    this.total += total
  }

  /** In the file's unit: value = stored x scale + offset, scale > 0. */
  result(file: string, unit: string, scale: number, offset: number): BandStatistics {
    const physical = (stored: number): number | null =>
      this.valid === 0 ? null : round6(stored * scale + offset)
    return {
      file,
      unit,
      min: physical(this.min),
      mean: physical(this.sum / this.valid),
      max: physical(this.max),
      valid_share: this.total === 0 ? 0 : this.valid / this.total,
    }
  }
}

const round6 = (v: number): number => Math.round(v * 1e6) / 1e6

/**
 * Peak resident memory of this process and its living descendants, MiB: sum of VmHWM, an upper bound of the tree's true peak
 * because the single peaks need not meet. Null where there is no /proc. Source: proc(5).
 */
export function measurePeakRss(pid: number = process.pid): number | null {
  const own = peakKb(pid)
  if (own === undefined) return null
  let kb = own
  const children = childrenByParent()
  const queue = [...(children.get(pid) ?? [])]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    kb += peakKb(next) ?? 0
    queue.push(...(children.get(next) ?? []))
  }
  return Math.round(kb / 102.4) / 10
}

function peakKb(pid: number): number | undefined {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(statusOf(pid))
  return match === null ? undefined : Number(match[1])
}

function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const match = /^PPid:\s+(\d+)$/m.exec(statusOf(Number(name)))
    if (match !== null)
      children.set(Number(match[1]), [...(children.get(Number(match[1])) ?? []), Number(name)])
  }
  return children
}

/** Empty for a process that has ended meanwhile. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}
