import type { Window } from '../domain/grid.js'
import { addon, type Axes } from './addon.js'

/** Bits of the flag byte beside each corrected pixel. `noDetector` comes with `noData`; `grazing`: the sun grazes sloping ground. */
export const CORRECTION_FLAGS = { noData: 1, saturated: 2, clipped: 4, noDetector: 8, grazing: 16 } as const
/** No-data of corrected reflectance. */
export const REFLECTANCE_NO_DATA = -32768

/**
 * Coefficients of y = a * rho_toa - b, rho = y / (1 + S * y) on grid nodes, per detector and pressure.
 * `axes` gives the node coordinate of a pixel's centre: x0 + dx * column, y0 + dy * row, counted from the image's corner;
 * for a pixel of p metres and nodes step metres apart, on an image whose corner lies e metres east of node 0:
 * dx = p / step, x0 = (e + p / 2) / step. Beyond the outermost nodes coefficients stay constant.
 */
export interface CorrectionTable {
  /** [slots][nodeHpa.length][rows][columns][3]: a, b, S; unit 1. */
  readonly coefficients: Float32Array
  /** [256]: slot of each detector number, 255 where it has none. */
  readonly slotOfDetector: Uint8Array
  readonly slots: number
  readonly rows: number
  readonly columns: number
  /** Ascending pressures in hPa, 1 to 16; a single one means that pressure does not matter. */
  readonly nodeHpa: Float32Array
  readonly axes: Axes
  /** [slots][nodeHpa.length][rows][columns][2]: total over direct transmittance upwards, direct share downwards. Needed with `around` or `terrain`. */
  readonly legs?: Float32Array | null
  /** [slots][rows][columns][4]: tangent of the zenith angle times sine and cosine of the azimuth, of the sun, then of the sensor. Needed with `terrain`. */
  readonly directions?: Float32Array | null
}

/** Reflectance around each pixel, [rows][columns], each at least 2, no NaN, bilinear between nodes; `axes` as in `CorrectionTable`. */
export interface SurroundingsGrid {
  readonly reflectance: Float32Array
  readonly rows: number
  readonly columns: number
  readonly axes: Axes
}

/** Slopes x SLOPE_SCALE and 1 where the sun is hidden, [rows][columns], each at least 2; slopes bilinear between nodes, hidden of the nearest. */
export interface TerrainGrid {
  readonly east: Int16Array
  readonly north: Int16Array
  readonly hidden: Uint8Array
  /** 1: the ground reflects as a canopy of upright plants, 0: as Lambert's. */
  readonly canopy: 0 | 1
  readonly rows: number
  readonly columns: number
  readonly axes: Axes
}

/** Surface pressure in hPa, [rows][columns], each at least 2, bilinear between nodes; `axes` as in `CorrectionTable`. */
export interface PressureGrid {
  readonly hpa: Float32Array
  readonly rows: number
  readonly columns: number
  readonly axes: Axes
}

/** One block of one band. Arrays are row-major, window.width x window.height or longer; `window` lies in the whole image. */
export interface CorrectReflectanceArgs {
  readonly window: Window
  /** Digital numbers: 0 no-data, 65535 saturated. */
  readonly dn: Uint16Array
  /** Detector of each pixel; 0 is none. */
  readonly detector: Uint8Array
  readonly table: CorrectionTable
  /** Needed when the table has more than one pressure. */
  readonly pressure?: PressureGrid | null
  /** Absent: the ground around a pixel is as the pixel. */
  readonly around?: SurroundingsGrid | null
  /** Absent: the ground is level. With it `flat` gets what the ground would reflect if it were. */
  readonly terrain?: TerrainGrid | null
  readonly flat?: Int16Array | null
  /** rho_toa = (DN + offset) / quantification. */
  readonly offset: number
  readonly quantification: number
  /** Reflectance x 10000 in [-32767, 32767], halves away from zero; -32768 no-data. */
  readonly out: Int16Array
  /** Bits of CORRECTION_FLAGS. */
  readonly flags: Uint8Array
}

/**
 * Corrects one block on the calling thread: surface reflectance from DN (native/kernels/correct.hpp). The same pixel gives the
 * same bytes whatever block it is part of. Throws TypeError or RangeError on malformed arguments.
 */
export function correctReflectance(args: CorrectReflectanceArgs): void {
  const { window, ...rest } = args
  addon().correct({ ...rest, ...window })
}

/** One table entry of slots: detector numbers in the order of the table's slots. */
export function slotTable(detectors: readonly number[]): Uint8Array {
  const table = new Uint8Array(256).fill(255)
  detectors.forEach((detector, slot) => {
    table[detector] = slot
  })
  return table
}
