import type { L1Scene } from '../../domain/l1-scene.js'
import { LEAST_AGREEING, LEAST_CONFIDENCE } from '../../processors/l2a/coregister.js'
import type { CoregistrationReport, Report } from '../../products/report.js'
import { coregister, type CoregisterOptions } from './coregister.js'
import type { Move } from './place-scene.js'
import { openShiftReference } from './shift-reference.js'
import { cellsOf } from './take-state.js'

/** A scene where it shall lie, and what a user should know of how it came there. */
export interface LaidScene {
  readonly scene: L1Scene
  /** Null: it was not asked for. */
  readonly coregistration: CoregistrationReport | null
  readonly inputs: Report['inputs']
  readonly notes: readonly string[]
  readonly flags: readonly string[]
}

/** Lays a scene on the ground of the reference that `path` names; null: as delivered. `moved` gives the scene as it is moved. Throws as `openShiftReference` and `coregister`. */
export async function layOnReference(
  scene: L1Scene,
  moved: (move: Move) => L1Scene,
  path: string | null,
  work: Omit<CoregisterOptions, 'scene' | 'reference' | 'cells'>,
): Promise<LaidScene> {
  if (path === null) return { scene, coregistration: null, inputs: [], notes: [], flags: [] }
  const reference = await openShiftReference(path, scene)
  const { report, move } = await coregister({ ...work, scene, reference, cells: cellsOf(scene) })
  const { product, nir } = reference
  return {
    scene: move === null ? scene : moved(move),
    coregistration: report,
    inputs: [
      {
        kind: 'REFERENCE',
        name: product.name,
        detail: `ground of ${nir.file}, made ${product.createdAt}${nir.digest === null ? '' : `, checksum ${nir.digest}`}`,
      },
    ],
    notes: [noteOf(report)],
    flags: [
      { moved: 'coregistered', in_place: 'coregistered_in_place', unsure: 'not_coregistered' }[
        report.outcome
      ],
    ],
  }
}

function noteOf(report: CoregistrationReport): string {
  const { outcome, reference, dx_m, dy_m, agreeing, compared, windows } = report
  const said = `${agreeing} of ${compared} windows agree (${windows} lie over the image)`
  const shift = dx_m === null || dy_m === null ? '' : ` ${dx_m} m east, ${dy_m} m north:`
  if (outcome === 'moved') return `Moved onto ${reference} by${shift} ${said}.`
  if (outcome === 'in_place') return `Lies on ${reference}:${shift} ${said}; too little to be moved.`
  return (
    `Was not laid on ${reference}:${shift} ${said}, at least ${LEAST_AGREEING} and a share of ${LEAST_CONFIDENCE} are needed. ` +
    `Clouds, other ground, or an image that is bent against the reference do that.`
  )
}
