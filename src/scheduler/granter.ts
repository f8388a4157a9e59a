import { ProcessingError } from '../domain/errors.js'
import type { ReadyStep } from '../db/steps/list-ready-steps.js'
import { readLearnedUse, type LearnedUse } from '../db/steps/read-learned-use.js'
import type { Queryable } from '../db/steps/queryable.js'
import { executorMemoryMb } from './executor-memory.js'
import { grantResources, type GrantedResources } from './grant-resources.js'
import type { SettingsInForce } from './settings-in-force.js'

/** What was learned changes slowly: it is read again after so long, ms. */
const FRESH_MS = 5000

/** Says what ready steps are admitted with, looking at what was learned every few seconds only. */
export class Granter {
  private readonly known = new Map<string, { readonly use: LearnedUse | undefined; readonly at: number }>()

  /** By id of the step; all of them are of `executor`. */
  async grant(
    db: Queryable,
    steps: readonly ReadyStep[],
    settings: SettingsInForce,
    executor: string,
  ): Promise<ReadonlyMap<number, GrantedResources>> {
    if (settings.resolve('resources.learn').value) await this.refresh(db, steps, settings)
    const executorMb = await executorMemoryMb(db, settings, executor)
    return new Map(
      steps.map((step) => {
        const wanted = settings.grants(step.processor, step.siteId)
        return [step.id, grantResources(step, this.known.get(keyOf(step))?.use, { ...wanted, executorMb })]
      }),
    )
  }

  /** Mean slot time of such steps, s, as far as it was read for `grant`. */
  costOf(step: Pick<ReadyStep, 'processor' | 'sizeClass'>): number | undefined {
    return this.known.get(keyOf(step))?.use?.slotS
  }

  private async refresh(
    db: Queryable,
    steps: readonly ReadyStep[],
    settings: SettingsInForce,
  ): Promise<void> {
    const now = performance.now()
    const stale = new Map<string, { processor: string; sizeClass: string }>()
    for (const step of steps) {
      const { processor, sizeClass } = step
      if (sizeClass === null || now - (this.known.get(keyOf(step))?.at ?? -Infinity) < FRESH_MS) continue
      stale.set(keyOf(step), { processor, sizeClass })
    }
    if (stale.size === 0) return
    const read = await readLearnedUse(db, [...stale.values()], settings.learnHow())
    for (const key of stale.keys()) this.known.set(key, { use: read.get(key), at: now })
  }
}

/** What one of the steps that were asked for is granted. */
export function grantOf(
  granted: ReadonlyMap<number, GrantedResources>,
  { id }: { readonly id: number },
): GrantedResources {
  const found = granted.get(id)
  if (found === undefined) throw new ProcessingError('INTERNAL', `Step ${id} was not asked for.`)
  return found
}

const keyOf = ({ processor, sizeClass }: Pick<ReadyStep, 'processor' | 'sizeClass'>): string =>
  `${processor} ${sizeClass ?? ''}`
