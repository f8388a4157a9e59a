/** Bands of OLI and OLI-2 with their number in file names; B8 is panchromatic, B9 sees cirrus. */
export const OLI_BANDS = ['B1', 'B2', 'B3', 'B4', 'B5', 'B6', 'B7', 'B8', 'B9'] as const
export type OliBand = (typeof OLI_BANDS)[number]
export const LANDSAT_PLATFORMS = ['L8', 'L9'] as const
export type LandsatPlatform = (typeof LANDSAT_PLATFORMS)[number]
/** The imager as the published tables call it. */
export type OliSensor = 'L8OLI' | 'L9OLI2'
export const sensorOf = (platform: LandsatPlatform): OliSensor => (platform === 'L8' ? 'L8OLI' : 'L9OLI2')
