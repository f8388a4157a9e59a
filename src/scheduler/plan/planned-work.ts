import type { Queryable } from '../../db/steps/queryable.js'
import type { DeclaredResources } from '../../processors/define-processor.js'
import { declareComposite, planComposite } from '../consumers/create-composite-job.js'
import { declareNdvi, planNdvi } from '../consumers/create-ndvi-job.js'
import { declareL2a, planL2a } from '../create-l2a-job.js'
import type { SettingsInForce } from '../settings-in-force.js'

export type PlannableProcessor = 'l2a' | 'ndvi' | 'composite'

/** What a plan can be asked for. */
export interface PlanRequest {
  readonly site: string
  readonly season?: string
  readonly tiles?: readonly string[]
  readonly force?: boolean
  /** Synthesis days of composites; without them the 15th of each month of the season. */
  readonly days?: readonly string[]
}

/** A step that would be made. */
export interface PlannedStep {
  readonly acquisitionId: number | null
  readonly satellite: 's2' | 'landsat'
  readonly tile: string
  /** Of the acquisition, or of the product that is made of products. */
  readonly name: string
  readonly homeId: number | null
  readonly declared: DeclaredResources & { readonly sizeClass: string }
  /** Steps of one chain run one after the other, in their order; null: it is in none. */
  readonly chain: string | null
}

/** What needs no step, and why. */
export interface SkippedWork {
  readonly tile: string
  readonly reason: string
  /** That makes it already, or null. */
  readonly step: number | null
  /** For which it is or was made, as far as that is known. */
  readonly site: string | null
}

export interface PlannedWork {
  readonly todo: readonly PlannedStep[]
  readonly settings: SettingsInForce
  /** Of the products that would be made. */
  readonly level: string
  readonly skipped: readonly SkippedWork[]
  readonly tilesWithoutInput: readonly string[]
}

/** The steps that a job of a processor would have, in their order. Writes nothing. Throws as the processor's planner. */
export async function planned(
  db: Queryable,
  processor: PlannableProcessor,
  { days, ...request }: PlanRequest,
): Promise<PlannedWork> {
  switch (processor) {
    case 'l2a': {
      const { todo, settings, ...rest } = await planL2a(db, request)
      const steps = todo.map((input) => ({
        ...input,
        name: input.productUri ?? input.location,
        declared: declareL2a(input, settings, input.homeId, input.parameters),
        chain: `${input.satellite} ${input.tile} ${input.relativeOrbit ?? ''}`,
      }))
      return { ...rest, settings, level: 'L2A', todo: steps }
    }
    case 'ndvi': {
      const { todo, settings, ...rest } = await planNdvi(db, request)
      const steps = todo.map((input) => ({
        ...{ acquisitionId: null, satellite: input.satellite, tile: input.tile },
        ...{
          name: input.product,
          homeId: input.homeId,
          declared: declareNdvi(input, settings, input.homeId),
          chain: null,
        },
      }))
      return { ...rest, settings, level: 'L3B', todo: steps }
    }
    case 'composite': {
      const { todo, settings, ...rest } = await planComposite(db, {
        ...request,
        ...(days === undefined ? {} : { days }),
      })
      const steps = todo.map((one) => ({
        ...{ acquisitionId: null, satellite: one.satellite, tile: one.tile },
        ...{ name: one.product, homeId: one.homeId, declared: declareComposite(one, settings) },
        chain: null,
      }))
      return { ...rest, settings, level: 'L3A', todo: steps }
    }
  }
}
