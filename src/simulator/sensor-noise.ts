import type { S2Band } from '../domain/sentinel2.js'
import type { OliBand } from './landsat/oli.js'

/** [reference radiance W/m2/sr/um, signal to noise ratio there]. Requirements of Sentinel-2: Drusch et al. (2012), Remote Sens. Environ. 120, 25-36, table 1. */
export const S2_NOISE: Readonly<Record<S2Band, readonly [number, number]>> = {
  B01: [129, 129],
  B02: [128, 154],
  B03: [128, 168],
  B04: [108, 142],
  B05: [74.5, 117],
  B06: [68, 89],
  B07: [67, 105],
  B08: [103, 174],
  B8A: [52.5, 72],
  B09: [9, 114],
  B10: [6, 50],
  B11: [4, 100],
  B12: [1.5, 100],
}
/** The same for OLI: typical radiances and required ratios of Irons et al. (2012), Remote Sens. Environ. 122, 11-21, table 2; in orbit it is two to three times better. */
export const OLI_NOISE: Readonly<Record<OliBand, readonly [number, number]>> = {
  B1: [40, 130],
  B2: [40, 130],
  B3: [30, 100],
  B4: [22, 90],
  B5: [14, 90],
  B6: [4, 100],
  B7: [1.7, 100],
  B8: [23, 80],
  B9: [6, 50],
}
/** Share of the variance at the reference that does not depend on the light (read-out); an assumption, for the sources state one radiance only. */
const READOUT = 0.2

/** Standard deviation of the noise of a reflectance, both unit 1; `radiance` is W/m2/sr/um for a reflectance of 1. */
export function noiseModel(
  [reference, ratio]: readonly [number, number],
  radiance: number,
): (reflectance: number) => number {
  const atReference = reference / ratio / radiance
  return (reflectance) =>
    atReference * Math.sqrt(READOUT + (1 - READOUT) * Math.max(0, (reflectance * radiance) / reference))
}
