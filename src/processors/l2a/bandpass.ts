import type { L1Platform } from '../../domain/l1-scene.js'

/** Reflectance of the other sensor = slope x reflectance + offset, unit 1. */
export interface BandpassLine {
  readonly slope: number
  readonly offset: number
}

const line = (slope: number, offset: number): BandpassLine => ({ slope, offset })

/**
 * From bands of MSI to those of OLI of the same colour: B01-B04 to 1-4, B8A to 5, B11 to 6, B12 to 7. Red edge and the broad B08 have no partner. Fits to 500 spectra of Hyperion.
 * Source: HLS v2.0 user guide, table 5 (method: Claverie et al. 2018, RSE 219, 145-161); the same in `bandpass_parameter.S2A.txt`, `.S2B.txt` and `.S2C.txt` of NASA-IMPACT/hls-sentinel.
 */
const TO_OLI: Readonly<Partial<Record<L1Platform, Readonly<Record<string, BandpassLine>>>>> = {
  S2A: {
    B01: line(0.9959, -0.0002),
    B02: line(0.9778, -0.004),
    B03: line(1.0053, -0.0009),
    B04: line(0.9765, 0.0009),
    B8A: line(0.9983, -0.0001),
    B11: line(0.9987, -0.0011),
    B12: line(1.003, -0.0012),
  },
  S2B: {
    B01: line(0.9959, -0.0002),
    B02: line(0.9778, -0.004),
    B03: line(1.0075, -0.0008),
    B04: line(0.9761, 0.001),
    B8A: line(0.9966, 0),
    B11: line(1, -0.0003),
    B12: line(0.9867, 0.0004),
  },
  S2C: {
    B01: line(1.003, 0),
    B02: line(0.9851, -0.0027),
    B03: line(1.0038, -0.0009),
    B04: line(0.9718, 0.0011),
    B8A: line(0.9995, -0.0003),
    B11: line(0.9994, -0.0007),
    B12: line(0.991, 0.0004),
  },
}

/** How a band of a platform becomes one of OLI; null where it has no partner, or is one of OLI already. */
export const lineToOli = (platform: L1Platform, band: string): BandpassLine | null =>
  TO_OLI[platform]?.[band] ?? null
