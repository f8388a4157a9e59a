import { addShares, readShares } from '../db/steps/fair-shares.js'
import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import {
  enter,
  fairOrder,
  nodesOf,
  pathKey,
  type FairRules,
  type FairStep,
  type Share,
} from './fair-order.js'
import type { SettingsInForce } from './settings-in-force.js'

/** Slot time that a step is taken for while nothing like it has run, s: about one L2A of a full tile. */
export const UNKNOWN_COST_S = 60

/** How old may be what others gave, ms. */
const FRESH_MS = 2000

/** How old may be what others know of when a node had work last, ms: well within the time after which it counts as idle. */
const ACTIVE_MS = 10_000

/** Slot time that a step is expected to take, s; undefined where nothing like it has run. */
export type CostOf = (step: ReadyStep) => number | undefined

/**
 * Brings ready steps into the order of fairness, and keeps in Postgres what each satellite, site, sub-site and tile was given. It asks Postgres after
 * a round has started its steps, never before: a step that is alone waits for no question about fairness. Two schedulers know of each other's starts
 * within 2 s.
 */
export class FairShares {
  private shares = new Map<string, Share>()
  /** Virtual time given since the last exchange, s. */
  private readonly given = new Map<string, number>()
  private readonly touched = new Set<string>()
  /** When what a node has was written last (performance.now). */
  private readonly writtenAt = new Map<string, number>()
  private readAt = -Infinity
  /** The database's clock against this process's, ms. */
  private aheadMs = 0

  constructor(private readonly db: Queryable) {}

  /** Ready steps as admission shall look at them. */
  order(ready: readonly ReadyStep[], settings: SettingsInForce, costOf: CostOf): ReadyStep[] {
    const { steps, rules } = asFair(ready, settings, costOf)
    const entered = enter(steps, this.shares, performance.now() + this.aheadMs)
    for (const [key, share] of entered) {
      this.shares.set(key, share)
      this.touched.add(key)
    }
    const byId = new Map(ready.map((step) => [step.id, step]))
    return inSequence(steps, rules, settings)
      .flatMap((part) => fairOrder(part, entered, rules))
      .flatMap(({ id }) => byId.get(id) ?? [])
  }

  /** Charges what was started, of what `order` was asked for. */
  charge(started: readonly ReadyStep[], settings: SettingsInForce, costOf: CostOf): void {
    const { steps, rules } = asFair(started, settings, costOf)
    for (const { path, costS } of steps)
      nodesOf(path).forEach((key, i) => {
        const virtualS = costS / rules.weight(path.slice(0, i + 1))
        const share = this.shares.get(key) ?? { virtualS: 0, activeAt: 0 }
        this.shares.set(key, { ...share, virtualS: share.virtualS + virtualS })
        this.given.set(key, (this.given.get(key) ?? 0) + virtualS)
      })
  }

  /** Writes what was given and reads what others gave, at most every 2 s unless it `mustBeNow`. */
  async exchange({ mustBeNow = false } = {}): Promise<void> {
    if (this.touched.size === 0 || (!mustBeNow && performance.now() - this.readAt < FRESH_MS)) return
    const now = performance.now()
    // Thousands of sites may have work that waits: for most of them nothing is new but the time.
    const changed = [...this.touched].filter(
      (path) => this.given.has(path) || now - (this.writtenAt.get(path) ?? -Infinity) >= ACTIVE_MS,
    )
    await addShares(
      this.db,
      changed.map((path) => {
        const givenS = this.given.get(path) ?? 0
        return { path, entryS: Math.max(0, (this.shares.get(path)?.virtualS ?? 0) - givenS), givenS }
      }),
    )
    for (const path of changed) this.writtenAt.set(path, now)
    this.touched.clear()
    this.given.clear()
    await this.read()
  }

  /** Reads where all stand. */
  async read(): Promise<void> {
    const { now, shares } = await readShares(this.db)
    this.readAt = performance.now()
    this.aheadMs = now - this.readAt
    this.shares = new Map(shares.map(({ path, ...share }) => [path, share]))
  }
}

function asFair(
  ready: readonly ReadyStep[],
  settings: SettingsInForce,
  costOf: CostOf,
): { readonly steps: FairStep[]; readonly rules: FairRules } {
  const weights = new Map<string, number>([
    ['s2', settings.resolve('fair.weight_s2').value],
    ['landsat', settings.resolve('fair.weight_landsat').value],
  ])
  const steps = ready.map((step): FairStep => {
    const satellite = satelliteOf(step.tile)
    const [site = '-', root = site] = settings.caps().lineage(step.siteId)
    const { ofRoot, ofSite } = settings.fairWeights(step.siteId)
    const path = [satellite, root, site, step.tile ?? '-']
    weights.set(pathKey(path.slice(0, 2)), ofRoot)
    weights.set(pathKey(path.slice(0, 3)), ofSite)
    const costS = Math.max(0.01, costOf(step) ?? UNKNOWN_COST_S)
    return { id: step.id, priority: step.priority, waitedS: step.waitedS, path, costS }
  })
  return {
    steps,
    rules: {
      weight: (path) => weights.get(pathKey(path)) ?? 1,
      priorityS: settings.resolve('fair.priority_s').value,
      ageing: settings.resolve('fair.ageing').value,
    },
  }
}

/** All at once, or with `fair.sites` sequential the steps of one site after those of the other: the heaviest first, then the one whose work came first. */
function inSequence(steps: readonly FairStep[], rules: FairRules, settings: SettingsInForce): FairStep[][] {
  if (settings.resolve('fair.sites').value === 'parallel') return [[...steps]]
  const bySite = new Map<string, FairStep[]>()
  for (const step of steps) {
    const site = step.path[1] ?? '-'
    bySite.set(site, [...(bySite.get(site) ?? []), step])
  }
  const weightOf = (part: readonly FairStep[]) => rules.weight(part[0]?.path.slice(0, 2) ?? [])
  const firstOf = (part: readonly FairStep[]) => Math.min(...part.map(({ id }) => id))
  return [...bySite.values()].sort((a, b) => weightOf(b) - weightOf(a) || firstOf(a) - firstOf(b))
}

/** By the form of the tile's name: six digits are a path and row of Landsat. */
const satelliteOf = (tile: string | null): string =>
  tile === null ? '-' : /^\d{6}$/.test(tile) ? 'landsat' : 's2'
