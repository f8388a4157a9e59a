import { createRequire } from 'node:module'
import { ProcessingError } from '../domain/errors.js'

/** Pixel or node positions along both axes; see the kernels that use them. */
export interface Axes {
  readonly x0: number
  readonly dx: number
  readonly y0: number
  readonly dy: number
}

/** A rectangle inside a larger row-major array: first element, elements from row to row, size in pixels. */
export interface Plane<T> {
  readonly pixels: T
  readonly start?: number
  readonly stride: number
  readonly width: number
  readonly height: number
}

/** The functions of build/native/kernels.node. They check their arguments and throw TypeError or RangeError. */
export interface Addon {
  simdTarget(): string
  correct(args: object): void
  slopes(args: object): void
  castShadows(args: object): void
  meansAround(args: object): void
  halveMean(args: { in: Plane<Int16Array>; out: Plane<Int16Array>; noData: number }): void
  halveNearest8(args: { in: Plane<Uint8Array>; out: Plane<Uint8Array> }): void
  halveNearest16(args: { in: Plane<Uint16Array>; out: Plane<Uint16Array> }): void
  orFlags(args: object): void
  normalizedDifference(args: object): void
  compositeClasses(args: object): void
  leastOfFour(args: object): void
  compositeAdd(args: object): void
  compositeDivide(args: object): void
  cellSums(args: object): void
  sensorCells(args: object): void
  /** Least, largest, sum and number of those that are not no-data. */
  summarize(args: { pixels: Int16Array; noData: number }): [number, number, number, number]
  resampleCubic(args: object): void
  shiftCubic(args: object): void
  phaseShifts(args: object): void
  packBound(args: { width: number; height: number }): number
  packBlock(args: object): number
  unpackBlock(args: object): boolean
  encodeTile(args: object): number
  encodeBound(): number
}

let loaded: Addon | undefined

/** The native kernels, loaded at the first call. Throws NATIVE_UNAVAILABLE when they are not built or TILTH_SIMD names a target that is not there. */
export function addon(): Addon {
  if (loaded) return loaded
  try {
    loaded = createRequire(import.meta.url)('#kernels.node') as Addon
    return loaded
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProcessingError('NATIVE_UNAVAILABLE', `The native kernels cannot be loaded: ${reason}`, {
      cause,
    })
  }
}

/** SIMD target in use: baseline, avx2 or avx512. TILTH_SIMD forces one; all give the same bytes. */
export const simdTarget = (): string => addon().simdTarget()
