import { threadsWanted, type Admission, type Candidate, type Caps, type RunningStep } from './admission.js'

/**
 * Which ready steps are handed to a cluster now. Pure. The cluster has a scheduler of its own that packs them onto its nodes, so only two
 * things hold a step back here: `max_parallelism`, counted over all that is claimed anywhere, and `room`, how many more may wait there.
 * On automatic a processor has no cap. A step gets its threads hint, at most what it can make use of: that many CPUs are asked for, and they stay with it.
 */
export function admitToCluster(
  claimed: readonly RunningStep[],
  candidates: readonly Candidate[],
  room: number,
  caps: Caps,
): Admission {
  const active: Candidate[] = [...claimed]
  const start: { id: number; threads: number }[] = []
  const waiting: { id: number; reason: string }[] = []
  for (const step of candidates) {
    const capped = overCap(step, active, caps)
    if (capped !== null) waiting.push({ id: step.id, reason: capped })
    else if (start.length >= room)
      waiting.push({
        id: step.id,
        reason: 'as many steps as slurm.pending_steps allows wait in Slurm already',
      })
    else {
      active.push(step)
      start.push({ id: step.id, threads: threadsWanted(step, caps) })
    }
  }
  return { start, budgets: [], waiting }
}

function overCap(step: Candidate, active: readonly Candidate[], caps: Caps): string | null {
  const same = active.filter(({ processor }) => processor === step.processor)
  for (const { cap, site } of caps.bounds(step.processor, step.siteId)) {
    const counted = site === null ? same : same.filter((a) => caps.lineage(a.siteId).includes(site))
    if (counted.length >= cap)
      return `processor.${step.processor}.max_parallelism${site === null ? '' : ` of site ${site}`} is ${cap}, and ${counted.length} run or wait in Slurm`
  }
  return null
}
