import { readArchiveUse, readMeanOutput } from '../db/catalog/storage-use.js'
import { listReadySteps, type ReadyStep } from '../db/steps/list-ready-steps.js'
import type { Queryable } from '../db/steps/queryable.js'
import type { CapBound } from './admission.js'
import type { SettingsInForce } from './settings-in-force.js'

/** A step that writes, or is about to write, products of a site. */
interface Writer {
  readonly id: number
  readonly processor: string
  readonly siteId: number | null
}

/** What quotas are compared with. */
export interface QuotaFacts {
  /** `storage.quota_mb`: every row that bounds a step of the site, the global one as site null. */
  bounds(siteId: number | null): readonly CapBound[]
  /** MiB in the archive now. */
  used(site: string | null): number
  /** MiB that a step of the processor is expected to publish. */
  expected(processor: string): number
}

/**
 * Which candidates would stay within all quotas if each running step and each candidate before them publishes what is expected of it.
 * The others wait; smaller ones behind them may pass. Pure.
 */
export function withinQuota<T extends Writer>(
  candidates: readonly T[],
  running: readonly Writer[],
  facts: QuotaFacts,
): { within: T[]; over: { id: number; reason: string }[] } {
  const expected = new Map<string | null, number>()
  const reserve = ({ processor, siteId }: Writer): void => {
    for (const { site } of facts.bounds(siteId))
      expected.set(site, (expected.get(site) ?? 0) + facts.expected(processor))
  }
  for (const step of running) reserve(step)
  const within: T[] = []
  const over: { id: number; reason: string }[] = []
  for (const step of candidates) {
    const own = facts.expected(step.processor)
    const bound = facts
      .bounds(step.siteId)
      .find(({ cap, site }) => facts.used(site) + (expected.get(site) ?? 0) + own > cap)
    if (bound === undefined) {
      reserve(step)
      within.push(step)
      continue
    }
    const { cap, site } = bound
    const whose = site === null ? 'the archive' : `site ${site}`
    over.push({
      id: step.id,
      reason:
        `QUOTA: ${whose} has ${Math.round(facts.used(site))} MiB of ${cap} (storage.quota_mb), ${Math.round(expected.get(site) ?? 0)} more ` +
        `are being written, and this step is expected to need ${Math.round(own)}`,
    })
  }
  return { within, over }
}

/** The first ready steps that stay within their quotas, and those among them that do not. Sums are read only where something is bounded. */
export async function listReadyWithinQuota(
  db: Queryable,
  settings: SettingsInForce,
  running: readonly Writer[],
  { executor, limit }: { executor: string; limit: number },
): Promise<{ ready: readonly ReadyStep[]; over: readonly { id: number; reason: string }[] }> {
  const ready = await listReadySteps(db, { executor, limit })
  if (!ready.some(({ siteId }) => settings.quotaBounds(siteId).length > 0)) return { ready, over: [] }
  const { within, over } = withinQuota(
    ready,
    running,
    await readQuotaFacts(db, settings, [...running, ...ready]),
  )
  return { ready: within, over }
}

async function readQuotaFacts(
  db: Queryable,
  settings: SettingsInForce,
  steps: readonly Writer[],
): Promise<QuotaFacts> {
  const sites = [...new Set(steps.map(({ siteId }) => siteId))]
  const slugs = sites.flatMap((id) => settings.quotaBounds(id).flatMap(({ site }) => site ?? []))
  const use = new Map(
    (await readArchiveUse(db, [...new Set(slugs)])).map(({ site, bytes }) => [site, bytes / 2 ** 20]),
  )
  const expected = new Map<string, number>()
  for (const processor of new Set(steps.map((step) => step.processor))) {
    const mean = await readMeanOutput(db, processor)
    expected.set(
      processor,
      mean === null ? settings.ofProcessor(processor, 'output_mb', null, 0) : mean / 2 ** 20,
    )
  }
  return {
    bounds: (siteId) => settings.quotaBounds(siteId),
    used: (site) => use.get(site) ?? 0,
    expected: (processor) => expected.get(processor) ?? 0,
  }
}
