import { GROUND_CLASSES } from '../../domain/ground-class.js'
import { MASK_BITS } from '../../domain/mask-bits.js'
import type { BandStatistics, Quantiles } from '../../products/report.js'

const LIMIT = 10_000
const NO_DATA = -32768

/**
 * Counts of each value of an index x 10000: everything that a report says follows from them exactly, whatever the order of the blocks.
 */
export class IndexStatistics {
  private readonly all = new Float64Array(2 * LIMIT + 1)
  private readonly clear = new Float64Array(2 * LIMIT + 1)
  private total = 0
  private cloudy = 0

  /** @param classes `groundClassTable()` */
  constructor(private readonly classes: Uint8Array) {}

  /** Index (no-data -32768) and mask of a block, pixel by pixel. */
  add(index: Int16Array, mask: Uint16Array): void {
    const { all, clear, classes } = this
    this.total += index.length
    let cloudy = 0
    for (let i = 0; i < index.length; i++) {
      const value = index[i] ?? NO_DATA
      if (value === NO_DATA) continue
      const bits = mask[i] ?? 0
      all[value + LIMIT] = (all[value + LIMIT] ?? 0) + 1
      if ((bits & (1 << MASK_BITS.cloudOrShadow)) !== 0) cloudy++
      if ((classes[bits] ?? 0) >= GROUND_CLASSES.water) clear[value + LIMIT] = (clear[value + LIMIT] ?? 0) + 1
    }
    this.cloudy += cloudy
  }

  /** Valid pixels so far. */
  get valid(): number {
    return sumOf(this.all)
  }

  /** Of the valid pixels those with mask bit 0; null where none is valid. */
  get cloudShare(): number | null {
    return this.valid === 0 ? null : this.cloudy / this.valid
  }

  /** In units of the index. */
  result(file: string): BandStatistics {
    const { valid } = this
    const clear = sumOf(this.clear)
    const first = this.all.findIndex((n) => n > 0)
    const last = this.all.findLastIndex((n) => n > 0)
    return {
      file,
      unit: '1',
      min: valid === 0 ? null : (first - LIMIT) / LIMIT,
      mean: meanOf(this.all),
      max: valid === 0 ? null : (last - LIMIT) / LIMIT,
      valid_share: this.total === 0 ? 0 : valid / this.total,
      quantiles: quantilesOf(this.all),
      clear: {
        share: valid === 0 ? 0 : clear / valid,
        mean: meanOf(this.clear),
        quantiles: quantilesOf(this.clear),
      },
    }
  }
}

const sumOf = (counts: Float64Array): number => counts.reduce((sum, n) => sum + n, 0)

function meanOf(counts: Float64Array): number | null {
  const n = sumOf(counts)
  if (n === 0) return null
  const sum = counts.reduce((s, count, i) => s + count * (i - LIMIT), 0)
  return Math.round((sum / n) * 100) / 100 / LIMIT
}

/** The least value that so large a share of the values does not pass (inverse of the empirical distribution, type 1 of Hyndman and Fan 1996). */
function quantilesOf(counts: Float64Array): Quantiles | null {
  const n = sumOf(counts)
  if (n === 0) return null
  const at = (share: number): number => {
    let seen = 0
    const found = counts.findIndex((count) => (seen += count) >= share * n)
    return (found - LIMIT) / LIMIT
  }
  return {
    p05: at(0.05),
    p25: at(0.25),
    p50: at(0.5),
    p75: at(0.75),
    p95: at(0.95),
  }
}
