import { ProcessingError } from '../../domain/errors.js'
import type { ChainMode, L2aParams } from './definition.js'

/** How a date begins in fact. */
export type ChainStartMode = Exclude<ChainMode, 'auto'>

/** Days between two dates of one chain beyond which the state is too old, where the parameter does not say: Start_maja's `max_l2_diff`. */
const AUTOMATIC_AGE_DAYS = { s2: 15, landsat: 30 } as const

/** Days behind a date within which the dates of its backward start are looked for: as long as a state remembers. */
export const BACKWARD_REACH_DAYS = 90

/** What a date asks of its chain. */
export interface ChainWish {
  /** Days; 0: it takes no state of an earlier date. */
  readonly maxAgeDays: number
  readonly otherOrbits: boolean
  /** Following dates that a backward start reads; 0: none. */
  readonly backwardDates: number
}

/** What the parameters ask of the chain of a family. */
export function chainWish(
  { mode, max_state_age, other_orbits, backward_dates }: L2aParams,
  satellite: 's2' | 'landsat',
): ChainWish {
  return {
    maxAgeDays:
      mode === 'init' || mode === 'backward'
        ? 0
        : max_state_age === 0
          ? AUTOMATIC_AGE_DAYS[satellite]
          : max_state_age,
    otherOrbits: other_orbits,
    backwardDates: mode === 'auto' || mode === 'backward' ? backward_dates : 0,
  }
}

/**
 * How a date begins, given what there is of its chain: the rule of MAJA's launcher. Backward by `auto` only where all dates that were asked for are there; by its
 * own name with as many as there are, and where there is none, as init.
 * @throws ProcessingError STATE_MISSING where `nominal` was asked for and there is no state.
 */
export function chainStart(
  mode: ChainMode,
  wish: ChainWish,
  found: { readonly hasPrevious: boolean; readonly following: number },
): ChainStartMode {
  if (found.hasPrevious) return 'nominal'
  if (mode === 'nominal')
    throw new ProcessingError(
      'STATE_MISSING',
      `Mode nominal: expected an earlier date of the chain, at most ${wish.maxAgeDays} days old, with a state; found none.`,
    )
  const enough = mode === 'backward' ? 1 : wish.backwardDates
  return wish.backwardDates > 0 && found.following >= enough ? 'backward' : 'init'
}
