/** Bands of Sentinel-2 with a surface reflectance, by the names of L1C; Landsat-8 and -9 have B01 to B07 of them. */
export const L2A_BANDS = [
  'B01',
  'B02',
  'B03',
  'B04',
  'B05',
  'B06',
  'B07',
  'B08',
  'B8A',
  'B11',
  'B12',
] as const
export type L2aBand = (typeof L2A_BANDS)[number]

/** What is wrong with a choice of bands, `all` or `B02,B03,B8A`; null: nothing. */
export function wrongWithBandChoice(text: string): string | null {
  if (text === 'all') return null
  const names = text.split(',')
  const unknown = names.find((name) => !(L2A_BANDS as readonly string[]).includes(name))
  const form = `expected all, or names out of ${L2A_BANDS.join(',')} between commas`
  if (unknown !== undefined) return `${form}, found '${unknown}'`
  return new Set(names).size < names.length ? `${form}, each once, found '${text}'` : null
}

/** Whether a choice that `wrongWithBandChoice` lets pass has a band. */
export const isChosen = (choice: string, band: string): boolean =>
  choice === 'all' || choice.split(',').includes(band)
