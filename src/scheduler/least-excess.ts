/** Beyond so many different sums the exact answer is not worth its time. */
const MOST_SUMS = 20_000

/**
 * The least by which the sum of some of `parts` can exceed `target` (> 0), or just reach it (0); -1 where even all together stay below.
 * Exact, except that with more than 20,000 different partial sums it says 0, the least it can be. Pure.
 * The classic subset-sum by dynamic programming: Bellman (1957), Dynamic Programming.
 */
export function leastExcess(parts: readonly number[], target: number): number {
  if (parts.reduce((sum, part) => sum + part, 0) < target) return -1
  let below = new Set([0])
  let least = Infinity
  for (const part of parts) {
    const next = new Set(below)
    for (const sum of below)
      if (sum + part >= target) least = Math.min(least, sum + part - target)
      else next.add(sum + part)
    if (least === 0 || next.size > MOST_SUMS) return 0
    below = next
  }
  return least
}
