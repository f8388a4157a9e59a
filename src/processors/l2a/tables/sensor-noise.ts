/**
 * Instrument noise of Sentinel-2's bands, for products that state none: numbers X = gain x radiance have the variance alpha^2 + beta X (Gorrono et al. 2017, Remote Sensing 9, 178).
 * From the datastrip of S2A_MSIL1C_20171207T002051_N0206_R116; they stand for S2B and S2C too, which were built alike. gain: numbers per W m-2 sr-1 um-1; irradiance: W m-2 um-1.
 */
export const S2_NOISE_MODEL: Readonly<
  Record<string, { alpha: number; beta: number; gain: number; irradiance: number }>
> = {
  B01: { alpha: 0.56, beta: 0.00054, gain: 4.05671838, irradiance: 1913.57 },
  B02: { alpha: 0.567, beta: 0.04696, gain: 3.79528751, irradiance: 1941.63 },
  B03: { alpha: 0.488, beta: 0.03482, gain: 4.18612368, irradiance: 1822.61 },
  B04: { alpha: 0.489, beta: 0.04047, gain: 4.51346135, irradiance: 1512.79 },
  B05: { alpha: 0.578, beta: 0.03123, gain: 5.19911935, irradiance: 1425.56 },
  B06: { alpha: 0.576, beta: 0.04388, gain: 4.86630742, irradiance: 1288.32 },
  B07: { alpha: 0.576, beta: 0.0422, gain: 4.53048584, irradiance: 1163.19 },
  B08: { alpha: 0.571, beta: 0.04447, gain: 6.19199054, irradiance: 1036.39 },
  B8A: { alpha: 0.574, beta: 0.08714, gain: 5.13124675, irradiance: 955.19 },
  B11: { alpha: 0.683, beta: 0.09292, gain: 35.19974169, irradiance: 245.59 },
  B12: { alpha: 0.704, beta: 0.08259, gain: 106.20651341, irradiance: 85.25 },
}

/** Typical radiance of OLI's bands, W m-2 sr-1 um-1, and the signal to noise ratio required there (Irons et al. 2012, RSE 122, 11-21, table 2). */
export const OLI_NOISE_LIMIT: Readonly<Record<string, readonly [radiance: number, ratio: number]>> = {
  B01: [40, 130],
  B02: [40, 130],
  B03: [30, 100],
  B04: [22, 90],
  B05: [14, 90],
  B06: [4, 100],
  B07: [1.7, 100],
}
