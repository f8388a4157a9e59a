import type { Grid } from '../../domain/grid.js'

/** Edge of the windows that are compared, pixels of the near infrared, and of those over an image in which fewer than FEW_WINDOWS of these stand side by side. */
const WINDOW_SIDE = 128
const SMALL_SIDE = 64
const FEW_WINDOWS = 4
/** Windows along either axis, at most. */
const MOST_WINDOWS = 14
/** Share of a window's pixels that must be clear land in both for it to count. */
export const LEAST_SHARE = 0.5
/** Windows agree within this, pixels of the near infrared. */
export const AGREEMENT = 0.25
/** Fewer windows that agree are no evidence. */
export const LEAST_AGREEING = 8
/** Share of the windows with enough clear land that must agree. */
export const LEAST_CONFIDENCE = 0.5
/** A smaller shift is left, pixels of the finest band: resampling would cost more than it mends. */
export const LEAST_SHIFT = 0.1
/** A shift is found when another round changes it by less, pixels. */
export const SETTLED = 0.01
/** The windows' own pull towards the guess is gone by then (native/kernels/phase_shift.hpp). */
export const MOST_ROUNDS = 6

/** How far one window of the image lies to the right of and below the reference, pixels. */
export interface WindowShift {
  readonly columns: number
  readonly rows: number
}

/** Squares of `side` pixels that begin at each of `columns` and each of `rows`. */
export interface WindowLattice {
  readonly side: number
  readonly columns: readonly number[]
  readonly rows: readonly number[]
}

/**
 * Windows over an image: as many as fit without touching, MOST_WINDOWS along either axis at most, spread evenly, `margin` pixels from the edges of the grid. None where
 * the grid is too small.
 */
export function windowsOver(
  { width, height }: Pick<Grid, 'width' | 'height'>,
  margin: number,
): WindowLattice {
  const room = (Math.min(width, height) - 2 * margin) / WINDOW_SIDE
  const side = room < FEW_WINDOWS ? SMALL_SIDE : WINDOW_SIDE
  const along = (size: number): number[] => {
    const count = Math.min(MOST_WINDOWS, Math.floor((size - 2 * margin) / side))
    const last = size - 2 * margin - side
    return Array.from(
      { length: Math.max(0, count) },
      (_, i) => margin + (count === 1 ? Math.floor(last / 2) : Math.floor((i * last) / (count - 1))),
    )
  }
  return { side, columns: along(width), rows: along(height) }
}

/** What windows say together. */
export interface Agreement extends WindowShift {
  /** Windows within AGREEMENT of it. */
  readonly agreeing: number
  /** Root of the mean square of their distances from it, pixels. */
  readonly residual: number
}

/**
 * The shift that most windows say: the mean of those within AGREEMENT of the one that has most neighbours within that, and once more around that mean. Windows whose shift is
 * NaN agree with none. Null where there is no window at all. The same for any order of threads: windows have an order of their own.
 */
export function agreeOn(windows: readonly WindowShift[]): Agreement | null {
  const near = (at: WindowShift) =>
    windows.filter(({ columns, rows }) => Math.hypot(columns - at.columns, rows - at.rows) <= AGREEMENT)
  const mean = (of: readonly WindowShift[]): WindowShift => ({
    columns: of.reduce((sum, { columns }) => sum + columns, 0) / of.length,
    rows: of.reduce((sum, { rows }) => sum + rows, 0) / of.length,
  })
  let best: readonly WindowShift[] = []
  for (const window of windows) {
    const around = near(window)
    if (around.length > best.length) best = around
  }
  if (best.length === 0) return null
  const again = near(mean(best))
  const agreeing = again.length === 0 ? best : again
  const centre = mean(agreeing)
  const squares = agreeing.reduce(
    (sum, { columns, rows }) => sum + (columns - centre.columns) ** 2 + (rows - centre.rows) ** 2,
    0,
  )
  return { ...centre, agreeing: agreeing.length, residual: Math.sqrt(squares / agreeing.length) }
}

/** Least rise of blue reflectance at the sensor above the scene's own haze that is taken for cloud, unit 1. */
const CLOUD_RISE = 0.04
/** The rise that nine tenths of the cells exceed is that of the clear air. */
const CLEAR_RANK = 0.1

/**
 * Cells without cloud before any atmosphere is known: blue at the sensor rises above the reference's surface reflectance by hardly more than in the clearest tenth of the cells.
 * A cell beside a cloud is none either. `toa`, `reference`: reflectance on `grid`, NaN where not known. 1 where clear.
 */
export function clearBeside(
  { width, height }: Pick<Grid, 'width' | 'height'>,
  toa: Float32Array,
  reference: Float32Array,
): Uint8Array {
  const rise = toa.map((rho, i) => rho - reference[i]!)
  const known = rise.filter((value) => !Number.isNaN(value)).sort()
  const most = (known[Math.floor(known.length * CLEAR_RANK)] ?? NaN) + CLOUD_RISE
  const isClear = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      // NaN: beyond the images, or nothing was measured. It is no cloud, but says nothing either.
      let clear = !Number.isNaN(rise[y * width + x]!)
      for (let j = Math.max(0, y - 1); j <= Math.min(height - 1, y + 1); j++)
        for (let i = Math.max(0, x - 1); i <= Math.min(width - 1, x + 1); i++)
          if (rise[j * width + i]! > most) clear = false
      isClear[y * width + x] = clear ? 1 : 0
    }
  return isClear
}
