import type { RetentionContext, RetentionRule } from '../../db/retention/rules.js'

/** What of a product or acquisition decides about its keeping. */
export interface RetentionFacts {
  readonly level: string
  /** Null for acquisitions, which only rules of their own level speak of. */
  readonly processor: string | null
  readonly sensedAt: Date
  readonly siteIds: readonly number[]
}

export interface Verdict {
  readonly action: 'archive' | 'delete'
  /** The rule by which it is due: of the sites concerned, that of the most patient. */
  readonly rule: RetentionRule
}

const DAY_MS = 86_400_000
/** More is gone with each. */
const RANK = { keep: 0, archive: 1, delete: 2 } as const

/** Rules, sites and seasons as one run sees them. Pure. */
export class RetentionPolicy {
  private readonly sites: ReadonlyMap<number, RetentionContext['sites'][number]>

  constructor(
    private readonly rules: readonly RetentionRule[],
    private readonly context: RetentionContext,
  ) {
    this.sites = new Map(context.sites.map((site) => [site.id, site]))
  }

  /**
   * What is due, or null: it is kept. Each site with the tile has its say by the rule that holds for it, and the one that keeps longest
   * wins: a site without a rule keeps for ever. What no site wants is left to global rules.
   */
  verdict(subject: RetentionFacts): Verdict | null {
    const sites: readonly (number | null)[] = subject.siteIds.length > 0 ? subject.siteIds : [null]
    let least: Verdict | null = null
    for (const site of sites) {
      const own = this.verdictOfSite(subject, site)
      if (own === null) return null
      if (least === null || RANK[own.action] <= RANK[least.action]) least = own
    }
    return least
  }

  /** How many revisions of such a product are kept, the one in force included: the largest number that a site asks for; 1 without a rule. */
  revisionsKept(subject: Omit<RetentionFacts, 'sensedAt'>): number {
    const sites: readonly (number | null)[] = subject.siteIds.length > 0 ? subject.siteIds : [null]
    const kept = sites.map(
      (site) => this.holding(subject, site, (rule) => rule.keepRevisions !== null)?.keepRevisions ?? 1,
    )
    return Math.max(...kept)
  }

  /** Only what was sensed before this can be due by any rule. */
  sensedBefore(): Date {
    const ages = this.rules.filter(hasAge).map((rule) => rule.keepDays ?? 0)
    return new Date(ages.length === 0 ? 0 : this.context.now.getTime() - Math.min(...ages) * DAY_MS)
  }

  /** Some rule speaks of acquisitions of this level. */
  concerns(level: string): boolean {
    return this.rules.some((rule) => rule.level === level)
  }

  private verdictOfSite(subject: RetentionFacts, site: number | null): Verdict | null {
    for (const action of ['delete', 'archive'] as const) {
      const rule = this.holding(subject, site, (r) => r.action === action && hasAge(r))
      if (rule !== undefined && this.isDue(rule, subject.sensedAt, site)) return { action, rule }
    }
    return null
  }

  /** Of the rules that speak of the subject: those of the site, else of its nearest ancestor, else global ones; of these the one that names most. */
  private holding(
    subject: Omit<RetentionFacts, 'sensedAt'>,
    site: number | null,
    concerns: (rule: RetentionRule) => boolean,
  ): RetentionRule | undefined {
    const matching = this.rules.filter(
      (rule) =>
        concerns(rule) &&
        (rule.level === subject.level || (rule.level === null && subject.processor !== null)) &&
        (rule.processor === null || rule.processor === subject.processor),
    )
    for (const scope of [...this.lineage(site), null]) {
      const here = matching.filter((rule) => rule.siteId === scope)
      if (here.length > 0) return here.reduce((best, rule) => (naming(rule) > naming(best) ? rule : best))
    }
    return undefined
  }

  private isDue(rule: RetentionRule, sensedAt: Date, site: number | null): boolean {
    const now = this.context.now.getTime()
    if (rule.keepDays !== null) return now >= sensedAt.getTime() + rule.keepDays * DAY_MS
    const ends = this.seasonEnds(site).map((day) => Date.parse(`${day}T00:00:00Z`) + DAY_MS)
    const after = ends.filter((end) => end > sensedAt.getTime())
    const last = after[(rule.keepSeasons ?? 1) - 1]
    return last !== undefined && now >= last
  }

  /** Of the site, or of the nearest ancestor that has seasons. */
  private seasonEnds(site: number | null): readonly string[] {
    for (const id of this.lineage(site)) {
      const ends = this.sites.get(id)?.seasonEnds ?? []
      if (ends.length > 0) return ends
    }
    return []
  }

  private lineage(site: number | null): readonly number[] {
    const ids: number[] = []
    // A loop of parents must not hang the program.
    for (let id = site; id !== null && !ids.includes(id); id = this.sites.get(id)?.parentId ?? null)
      ids.push(id)
    return ids
  }
}

const hasAge = (rule: RetentionRule): boolean => rule.keepDays !== null || rule.keepSeasons !== null
const naming = (rule: RetentionRule): number =>
  (rule.processor === null ? 0 : 2) + (rule.level === null ? 0 : 1)

/** A rule as people read it: `rule 3 (site farm, L2A): delete after 365 days`. */
export function describeRule(rule: RetentionRule): string {
  const where = [rule.site === null ? 'all sites' : `site ${rule.site}`, rule.level, rule.processor]
  const age =
    rule.keepDays !== null
      ? `after ${rule.keepDays} days`
      : rule.keepSeasons !== null
        ? `after ${rule.keepSeasons} seasons`
        : null
  const what = [
    age === null ? null : `${rule.action} ${age}`,
    rule.keepRevisions === null ? null : `keep ${rule.keepRevisions} revisions`,
  ]
  return `rule ${rule.id} (${where.filter((w) => w !== null).join(', ')}): ${what.filter((w) => w !== null).join(', ')}`
}
