import { readKindCosts, readProcessorCosts, type StepCosts } from '../../db/plan/read-step-costs.js'
import type { ReadyStep } from '../../db/steps/list-ready-steps.js'
import type { Queryable } from '../../db/steps/queryable.js'
import { composite } from '../../processors/composite/definition.js'
import { importL2a } from '../../processors/import_l2a/definition.js'
import { l2a } from '../../processors/l2a/definition.js'
import { ndvi } from '../../processors/ndvi/definition.js'
import { UNKNOWN_COST_S } from '../fair-shares.js'

type Kind = Pick<ReadyStep, 'processor' | 'sizeClass' | 'diskMb'>

/** What a step is expected to take. */
export interface ExpectedCost {
  readonly cpuS: number
  /** In words where that comes from. */
  readonly from: string
  /** Past steps of which it is made; 0: assumed. */
  readonly samples: number
}

/**
 * Says what steps like these are expected to take: the median of recent ones of their processor and size class; where there are none, of their processor in
 * proportion to the files that they declare; where there are none either, what the order of the queue counts for them. Of those of the version that would run
 * now, as far as there are any.
 */
export async function readExpectedCosts(
  db: Queryable,
  steps: readonly Kind[],
): Promise<(step: Kind) => ExpectedCost> {
  const kinds = new Map<string, { processor: string; sizeClass: string; version: number }>()
  for (const { processor, sizeClass } of steps)
    if (sizeClass !== null)
      kinds.set(`${processor} ${sizeClass}`, { processor, sizeClass, version: versionOf(processor) })
  const measured = await readKindCosts(db, [...kinds.values()])
  const ofKind = new Map(measured.map((cost) => [`${cost.processor} ${cost.sizeClass}`, cost]))
  const without = steps.filter((step) => !ofKind.has(keyOf(step))).map(({ processor }) => processor)
  const scaled = await readProcessorCosts(
    db,
    [...new Set(without)].map((processor) => ({ processor, version: versionOf(processor) })),
  )
  const ofProcessor = new Map(scaled.map((cost) => [cost.processor, cost]))
  return (step) => {
    const like = ofKind.get(keyOf(step))
    if (like !== undefined) return { cpuS: like.cpuS, from: measuredOver(like), samples: like.samples }
    const other = ofProcessor.get(step.processor)
    if (other === undefined || step.diskMb <= 0) return { cpuS: UNKNOWN_COST_S, from: 'assumed', samples: 0 }
    return {
      cpuS: other.cpuSPerMb * step.diskMb,
      from: `${measuredOver(other)} of other sizes`,
      samples: other.samples,
    }
  }
}

const keyOf = ({ processor, sizeClass }: Kind): string => `${processor} ${sizeClass ?? ''}`

const measuredOver = ({ samples, isOfVersion }: StepCosts): string =>
  `measured over ${samples}${isOfVersion ? '' : ' of other versions'}`

const versionOf = (processor: string): number =>
  [composite, importL2a, l2a, ndvi].find(({ name }) => name === processor)?.version ?? 0
