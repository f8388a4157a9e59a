/**
 * Bands of OLI that are used, with two digits as the bands of Sentinel-2: USGS's B1 is B01. Not used: B8 (panchromatic), B10 and B11
 * (thermal). The same number means another wavelength than on Sentinel-2 from B05 on.
 */
export const OLI_BANDS = ['B01', 'B02', 'B03', 'B04', 'B05', 'B06', 'B07', 'B09'] as const
export type OliBand = (typeof OLI_BANDS)[number]
