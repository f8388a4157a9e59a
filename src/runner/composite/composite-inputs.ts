import { ProcessingError } from '../../domain/errors.js'
import { describeGrid, type Grid } from '../../domain/grid.js'
import { dateWeight, daysFromSynthesis, synthesisWindow } from '../../domain/synthesis.js'
import { MAX_DATES, WEIGHT_ONE } from '../../kernels/composite.js'
import { COMPOSITE_BANDS, type CompositeParams } from '../../processors/composite/definition.js'
import {
  lacksBands,
  openL2aProduct,
  reflectanceKindOf,
  type L2aProduct,
} from '../../products/l2a/open-l2a.js'
import { PRODUCT_FILES, bandFile, type ReflectanceKind } from '../../products/layout.js'
import { openRaster } from '../../raster/open-raster.js'

/** One date of a composite. */
export interface CompositeInput {
  readonly product: L2aProduct
  /** Days from the synthesis, fractions kept. */
  readonly days: number
  readonly weight: number
  readonly kind: ReflectanceKind
  /** The same for the kernel: weight in units of 1 / WEIGHT_ONE, thousandths of a day. */
  readonly wholeWeight: number
  readonly wholeDay: number
  /** Absolute paths of the images, in the order of the bands. */
  readonly fine: readonly string[]
  readonly coarse: readonly string[]
  readonly mask: string
}

export interface CompositeInputs {
  /** By name: the order in which folders are given changes nothing. */
  readonly dates: readonly [CompositeInput, ...CompositeInput[]]
  readonly fine: Grid
  /** Of the bands with pixels twice as large; null where the family has none. */
  readonly coarse: Grid | null
  readonly reflectance: ReflectanceKind | 'mixed'
  readonly notes: readonly string[]
}

/**
 * Opens the products of a composite and checks that they fit together: one tile, one family, one grid, each acquisition once. Those outside
 * the window are left out with a note. Throws as `openL2aProduct`, BAD_ARGUMENT for products that do not belong together or where none lies in the window,
 * PRODUCT_INCOMPLETE, RASTER_UNREADABLE, GRID_MISMATCH.
 */
export async function openCompositeInputs(
  folders: readonly string[],
  day: string,
  params: CompositeParams,
): Promise<CompositeInputs> {
  const all: L2aProduct[] = []
  for (const folder of folders) all.push(await openL2aProduct(folder))
  all.sort((a, b) => (a.name < b.name ? -1 : 1))
  mustBelongTogether(all)
  const { from, to } = synthesisWindow({ day, halfDays: params.half_days })
  const isInside = ({ id }: L2aProduct) => {
    const time = new Date(id.sensedAt)
    return time >= from && time <= to
  }
  const inside = all.filter(isInside)
  const notes = all
    .filter((product) => !isInside(product))
    .map(({ name }) => `${name} was left out: it lies outside the window.`)
  const [first] = inside
  if (first === undefined || inside.length > MAX_DATES)
    throw new ProcessingError(
      'BAD_ARGUMENT',
      `Expected 1 to ${MAX_DATES} L2A products sensed from ${from.toISOString()} to ${to.toISOString()}, found ${inside.length} of ${all.length}.`,
    )
  const bands = COMPOSITE_BANDS[first.satellite]
  const wanted = [...bands.fine, ...bands.coarse]
  const common = (['fre', 'sre'] as const).find((kind) =>
    inside.every(({ files }) => wanted.every((band) => files.has(bandFile(band, kind)))),
  )
  if (common === undefined)
    notes.push(
      'No kind of reflectance is there for every date: some are corrected for slopes, some for flat ground.',
    )
  const dates: CompositeInput[] = []
  let grids: { readonly fine: Grid; readonly coarse: Grid | null; readonly path: string } | undefined
  for (const product of inside) {
    const kind = common ?? reflectanceKindOf(product, wanted)
    if (kind === undefined) throw lacksBands(product, wanted)
    const paths = async (names: readonly string[]) =>
      Promise.all(names.map((band) => product.path(bandFile(band, kind))))
    const fine = await paths(bands.fine)
    const coarse = await paths(bands.coarse)
    const mask = await product.path(PRODUCT_FILES.mask)
    grids ??= await gridsOf(mask, coarse[0])
    for (const path of [mask, ...fine]) await mustHaveGrid(path, grids.fine, grids.path)
    for (const path of coarse) await mustHaveGrid(path, grids.coarse ?? grids.fine, grids.path)
    const days = daysFromSynthesis(day, product.id.sensedAt)
    const weight = dateWeight(days, params.half_days, params.weight_date_min)
    dates.push({
      ...{ product, days, weight, kind, fine, coarse, mask },
      wholeWeight: Math.max(1, Math.round(weight * WEIGHT_ONE)),
      wholeDay: Math.round(days * 1000),
    })
  }
  const [one, ...others] = dates
  if (one === undefined || grids === undefined) throw new ProcessingError('INTERNAL', 'No date is left.')
  return {
    ...{ dates: [one, ...others], fine: grids.fine, coarse: grids.coarse, notes },
    reflectance: common ?? 'mixed',
  }
}

function mustBelongTogether(products: readonly L2aProduct[]): void {
  const [first] = products
  const seen = new Map<string, string>()
  for (const product of products) {
    const { id, name, satellite, folder } = product
    if (first !== undefined && (id.tile !== first.id.tile || satellite !== first.satellite))
      throw new ProcessingError(
        'BAD_ARGUMENT',
        `'${folder}' is ${name}, expected one of tile ${first.id.tile} as ${first.name}: a composite is of one tile and satellite family.`,
      )
    // One acquisition by two processors would count twice; two parts of a datatake, both ours, are two products.
    const maker = id.madeBy ?? ''
    const key = `${id.platform} ${id.relativeOrbit} ${id.sensedAt.slice(0, 10)}`
    const other = seen.get(key)
    if (seen.has(name) || (other !== undefined && other !== maker))
      throw new ProcessingError(
        'BAD_ARGUMENT',
        `'${folder}': ${name} is there twice, or beside another processor's product of the same acquisition. Name one of them.`,
      )
    seen.set(key, maker)
    seen.set(name, '')
  }
}

async function gridOfFile(path: string): Promise<Grid> {
  const reader = await openRaster(path)
  reader.close()
  if (reader.grid !== null) return reader.grid
  throw new ProcessingError('RASTER_UNREADABLE', `'${path}' has no grid: ${reader.whyNoGrid ?? ''}.`)
}

async function mustHaveGrid(path: string, grid: Grid, as: string): Promise<void> {
  const found = await gridOfFile(path)
  if (describeGrid(found) === describeGrid(grid)) return
  throw new ProcessingError(
    'GRID_MISMATCH',
    `'${path}' is ${describeGrid(found)}, expected ${describeGrid(grid)} as of '${as}'.`,
  )
}

/** The grids of the first date; pixels of the coarse one are twice as large and begin on the same corner. */
async function gridsOf(
  mask: string,
  coarsePath: string | undefined,
): Promise<{ readonly fine: Grid; readonly coarse: Grid | null; readonly path: string }> {
  const fine = await gridOfFile(mask)
  if (coarsePath === undefined) return { fine, coarse: null, path: mask }
  const coarse: Grid = {
    ...fine,
    pixelWidthM: 2 * fine.pixelWidthM,
    pixelHeightM: 2 * fine.pixelHeightM,
    width: Math.ceil(fine.width / 2),
    height: Math.ceil(fine.height / 2),
  }
  await mustHaveGrid(coarsePath, coarse, mask)
  return { fine, coarse, path: mask }
}
