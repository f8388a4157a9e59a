import {
  admit,
  type Admission,
  type Candidate,
  type Capacity,
  type Caps,
  type RunningStep,
} from './admission.js'
import { admitToCluster } from './admit-to-cluster.js'

/** Where a scheduler runs steps: on one node, or with null on all nodes of a cluster. */
export interface Place {
  readonly executor: string
  readonly node: string | null
}

interface PlacedStep extends RunningStep {
  readonly executor: string
  readonly node: string | null
}

export const runsAt = (place: Place, step: Pick<PlacedStep, 'executor' | 'node'>): boolean =>
  step.executor === place.executor && (place.node === null || step.node === place.node)

/**
 * What one round of a scheduler decides, by what runs anywhere. `room`: how many more may be handed to the cluster; undefined: steps run
 * on this host, whose capacity counts. Pure.
 */
export function admitRound(
  { place, room }: { readonly place: Place; readonly room: number | undefined },
  running: readonly PlacedStep[],
  candidates: readonly Candidate[],
  capacity: Capacity,
  caps: Caps,
): Admission {
  if (room !== undefined) return admitToCluster(running, candidates, room, caps)
  const here = running.filter((step) => runsAt(place, step))
  return admit(
    here,
    candidates,
    capacity,
    caps,
    running.filter((step) => !runsAt(place, step)),
  )
}
