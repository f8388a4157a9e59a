import { CELL_BANDS, CELL_NO_DATA, type CellPlanes } from './cells.js'
import type { ChainState } from './chain-state.js'

/** What is known of a cell, bits of a byte: what the tests say, and whether its AOT or vapour is not of the image around. */
export const CELL_FLAGS = { monoTemporal: 1, multiTemporal: 2, snow: 4, defaultAtmosphere: 8 } as const

/**
 * Clouds and snow of one date on cells: thresholds on the date alone and, where the chain knows the ground, on the change since it was last clear. Reflectances in
 * unit 1 below; a cell that is cloud by either test and snow by colour is snow.
 *
 * Mono-temporal: blue > 0.22, red > 0.15, 0.8 < NIR/red < 2, NIR/SWIR > 1, the thresholds of MACCS-ATCOR (Hagolle et al. 2017, MAJA ATBD, doi:10.5281/zenodo.1209633).
 * Multi-temporal: Hagolle et al. (2010), RSE 114, 1747-1755, with the haze-optimised difference blue - 0.5 red that MAJA uses since: it has risen by more than
 * min(0.060, 0.016 (1 + days / 45)), red has risen too, by less than 1.5 x blue, and NIR relatively by less than 1.2 x blue. Not over ground that was water
 * (NDVI < 0.01, red < 0.05), which changes with wind. Snow: NDSI > 0.4, red > 0.12, SWIR < 0.16.
 *
 * Red must have risen: the papers do not ask for it, but the difference also rises where red falls, and fire scars would be clouds
 * (docs/decisions/0016-chains.md). Weaker than the papers: no correlation with earlier images takes a false cloud back. Reflectance of the date is that under thin air (AOT 0.05), so that haze shows.
 * @param reference on the grid of `planes`; null: only the mono-temporal test.
 * @param day       of the date, days since 1970-01-01.
 * @param haze      what haze over the whole scene has raised blue - 0.5 red by (`hazeOverAll`), unit 1: only what rises further is a cloud.
 * @returns CELL_FLAGS of the tests, 0 where a band has no data.
 */
export function testCells(
  planes: CellPlanes,
  reference: ChainState | null,
  day: number,
  haze: number,
): Uint8Array {
  const { bands } = planes
  return Uint8Array.from(bands.blue, (_, i) => {
    const at = CELL_BANDS.map((band) => bands[band][i] ?? CELL_NO_DATA)
    if (at.includes(CELL_NO_DATA)) return 0
    const [blue = 0, green = 0, red = 0, nir = 0, swir = 0] = at.map((stored) => stored / 10_000)
    const isMono = blue > 0.22 && red > 0.15 && nir > 0.8 * red && nir < 2 * red && nir > swir
    const isMulti = reference !== null && hasRisen({ blue, red, nir }, reference, i, day, haze)
    if (!isMono && !isMulti) return 0
    const isSnow = green - swir > 0.4 * (green + swir) && red > 0.12 && swir < 0.16
    if (isSnow) return CELL_FLAGS.snow
    return (isMono ? CELL_FLAGS.monoTemporal : 0) | (isMulti ? CELL_FLAGS.multiTemporal : 0)
  })
}

function hasRisen(
  { blue, red, nir }: { readonly blue: number; readonly red: number; readonly nir: number },
  { bands, days }: ChainState,
  i: number,
  day: number,
  haze: number,
): boolean {
  const before = groundBefore({ bands, days }, i)
  if (before === null) return false
  const known = days[i] ?? 0
  const risen = { blue: blue - before.blue, red: red - before.red, nir: nir - before.nir }
  const threshold = Math.min(0.06, 0.016 * (1 + Math.abs(day - known) / 45))
  return (
    risen.blue - 0.5 * risen.red - haze > threshold &&
    risen.red > 0 &&
    risen.red < 1.5 * risen.blue &&
    risen.nir * (blue + before.blue) < 1.2 * risen.blue * (nir + before.nir)
  )
}

/** What the chain knows of a cell's ground; null where it knows nothing, or water, which changes with wind. */
function groundBefore(
  { bands, days }: Pick<ChainState, 'bands' | 'days'>,
  i: number,
): { readonly blue: number; readonly red: number; readonly nir: number } | null {
  if ((days[i] ?? 0) === 0) return null
  const [blue, red, nir] = [bands.blue, bands.red, bands.nir].map((plane) => (plane[i] ?? 0) / 10_000) as [
    number,
    number,
    number,
  ]
  return nir - red < 0.01 * (nir + red) && red < 0.05 ? null : { blue, red, nir }
}

/** Of the cells whose ground is known so many are taken to be without clouds, whatever the scene. */
const CLEAR_SHARE = 0.1
/** Most that is taken for haze, unit 1: what an AOT of 0.7 adds to blue - 0.5 red of dark ground. A veil that raises it further is a cloud. */
const LARGEST_HAZE = 0.045

/**
 * By how much haze over a whole scene has raised blue - 0.5 red of ground that the chain knows: the least rise but for a tenth of the cells, within 0..LARGEST_HAZE, unit 1; 0 where nothing is
 * known. Thin air is assumed before the aerosol is known: without this a day with an AOT of 0.5 is cloud everywhere, and no cell is left to find the aerosol from. Planes as for `testCells`.
 */
export function hazeOverAll({ bands }: CellPlanes, reference: ChainState): number {
  const rises: number[] = []
  for (let i = 0; i < bands.blue.length; i++) {
    const [blue, red] = [bands.blue[i] ?? CELL_NO_DATA, bands.red[i] ?? CELL_NO_DATA]
    const before = groundBefore(reference, i)
    if (before === null || blue === CELL_NO_DATA || red === CELL_NO_DATA) continue
    rises.push((blue - 0.5 * red) / 10_000 - (before.blue - 0.5 * before.red))
  }
  const least = Float64Array.from(rises).sort()[Math.floor(CLEAR_SHARE * rises.length)] ?? 0
  return Math.min(LARGEST_HAZE, Math.max(0, least))
}
