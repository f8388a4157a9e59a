import { productName } from '../../src/products/layout.js'

/** One step of a round before it is in the database. */
export interface PlannedStep {
  readonly index: number
  /** Indices of steps that must have succeeded before; all are smaller than its own. */
  readonly predecessors: readonly number[]
  /** How long it works, ms. */
  readonly workMs: number
  /** Name of the product it publishes; unique in the round. */
  readonly product: string
  readonly sensedAt: string
}

/** What a step of the bench finds in its row. */
export interface ChaosParams {
  readonly index: number
  readonly product: string
  readonly sensed_at: string
  readonly predecessors: readonly string[]
  readonly work_ms: number
  /** Absolute path of the log of side effects, outside of all that Tilth manages. */
  readonly effects: string
}

/** A line of the log of side effects; its place in the file is its place in time. */
export interface Effect {
  readonly step: number
  readonly attempt: number
  readonly pid: number
  readonly what: 'begin' | 'done'
}

/** Uniform in [0, 1), the same for the same seed. Source: mulberry32, T. Ettinger, 2017, public domain. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** How far back a predecessor may lie: near enough for long paths, far enough for several at once. */
const REACH = 25

/** `count` steps with 0 to 3 random predecessors each, working 30 to 180 ms. */
export function planSteps(count: number, round: number, random: () => number): PlannedStep[] {
  const upTo = (n: number) => Math.floor(random() * n)
  return Array.from({ length: count }, (_, index) => {
    const predecessors = new Set<number>()
    for (let left = index === 0 ? 0 : upTo(4); left > 0; left--)
      predecessors.add(index - 1 - upTo(Math.min(index, REACH)))
    const sensedAt = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString()
    return {
      index,
      predecessors: [...predecessors].sort((a, b) => a - b),
      workMs: 30 + upTo(150),
      product: productName({
        platform: 'S2A',
        level: 'L2A',
        tile: '31TCJ',
        sensedAt,
        relativeOrbit: 1 + (round % 999),
      }),
      sensedAt,
    }
  })
}
