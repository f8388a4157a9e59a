import type { ComparedBand } from './compare-with-truth.js'

/** Common names of bands as STAC's eo extension has them, in the order of the table. */
export const COMPARED_NAMES = ['blue', 'green', 'red', 'nir', 'nir08', 'swir16', 'swir22'] as const
type Name = (typeof COMPARED_NAMES)[number]

const pair = (name: Name, band: string, truthBand = band): ComparedBand => ({ name, band, truthBand })

export const S2_COMPARED: readonly ComparedBand[] = [
  pair('blue', 'B02'),
  pair('green', 'B03'),
  pair('red', 'B04'),
  pair('nir', 'B08'),
  pair('nir08', 'B8A'),
  pair('swir16', 'B11'),
  pair('swir22', 'B12'),
]

/** The truth beside a Landsat scene has the names of the USGS. */
export const OLI_COMPARED: readonly ComparedBand[] = [
  pair('blue', 'B02', 'B2'),
  pair('green', 'B03', 'B3'),
  pair('red', 'B04', 'B4'),
  pair('nir08', 'B05', 'B5'),
  pair('swir16', 'B06', 'B6'),
  pair('swir22', 'B07', 'B7'),
]
