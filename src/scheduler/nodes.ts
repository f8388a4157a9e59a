import { ProcessingError } from '../domain/errors.js'
import { forgetNode as deleteNode, setNodeLabels, setNodeState } from '../db/nodes/change-node.js'
import { listNodes as selectNodes, type NodeRow } from '../db/nodes/list-nodes.js'
import type { Queryable } from '../db/steps/queryable.js'
import { describeWish } from './node-presence.js'
import type { HeldSlots } from './pressure.js'

export { readNodeStanding } from '../db/nodes/read-node-standing.js'

/** What a node does: gone (silent or signed off), or what its operator wants; draining becomes drained when its last step has ended. */
export type NodeState = 'active' | 'paused' | 'draining' | 'drained' | 'gone'

export interface NodeView extends NodeRow {
  readonly state: NodeState
}

/** A node of a cluster is there only while a job of ours runs on it: without one it is what its operator wants, or gone where that is nothing. */
export const stateOfNode = (
  node: Pick<NodeRow, 'wish' | 'isGone' | 'runningSteps' | 'executor' | 'slots'>,
): NodeState =>
  node.isGone && !(isOfCluster(node) && node.wish !== 'active')
    ? 'gone'
    : node.wish === 'draining' && node.runningSteps === 0
      ? 'drained'
      : node.wish

/** Not the scheduler that submits, which has no slots of its own. */
const isOfCluster = ({ executor, slots }: Pick<NodeRow, 'executor' | 'slots'>): boolean =>
  executor === 'slurm' && slots > 0

/** All nodes by name. */
export async function listNodes(db: Queryable): Promise<readonly NodeView[]> {
  return (await selectNodes(db, null)).map((row) => ({ ...row, state: stateOfNode(row) }))
}

/** Throws NOT_FOUND. */
export async function getNode(db: Queryable, name: string): Promise<NodeView> {
  const [row] = await selectNodes(db, name)
  if (row === undefined) throw unknownNode(name)
  return { ...row, state: stateOfNode(row) }
}

/** Fewer slots than the node has, handed out because of pressure; null where it hands out all, is gone, or there is none of this name. */
export async function heldSlots(db: Queryable, name: string): Promise<HeldSlots | null> {
  const [row] = await selectNodes(db, name)
  return row === undefined || row.isGone || row.slotsHeldTo === null
    ? null
    : { slots: row.slotsHeldTo, reason: row.heldReason ?? '' }
}

/** Lets a node take work (active), take none for a while (paused), or none for good while its steps end (draining). Throws NOT_FOUND. */
export async function setNodeWish(db: Queryable, name: string, wish: NodeRow['wish']): Promise<NodeView> {
  if (!(await setNodeState(db, name, wish))) throw unknownNode(name)
  return getNode(db, name)
}

/** What a change of a node's wish comes to while the node is gone; null while it is there, and for a node of a cluster, which comes with the next job. */
export const noteGone = (node: NodeView): string | null =>
  node.isGone && !isOfCluster(node)
    ? `node ${node.name} is gone, last seen ${Math.round(node.lastSeenS)} s ago: it will be ${node.wish} when its \`tilth up\` runs again`
    : null

/** Sets labels from `key=value` texts; `key=` removes one. Throws BAD_ARGUMENT, NOT_FOUND. */
export async function labelNode(db: Queryable, name: string, texts: readonly string[]): Promise<NodeView> {
  const labels = Object.fromEntries(
    texts.map((text): [string, string | null] => {
      const [, key, value] = /^([a-z][a-z0-9_.-]{0,62})=(.{0,255})$/.exec(text) ?? []
      if (key === undefined || value === undefined)
        throw new ProcessingError(
          'BAD_ARGUMENT',
          `'${text}' is no label, expected key=value with a key of a-z, 0-9, _ . and -; key= removes it.`,
        )
      return [key, value === '' ? null : value]
    }),
  )
  if (!(await setNodeLabels(db, name, labels))) throw unknownNode(name)
  return getNode(db, name)
}

/** Deletes a node that is gone from the table. Throws NOT_FOUND, and CONFLICT while it is alive or steps of it still run. */
export async function forgetNode(db: Queryable, name: string): Promise<void> {
  if (await deleteNode(db, name)) return
  const node = await getNode(db, name)
  throw new ProcessingError(
    'CONFLICT',
    node.isGone
      ? `${node.runningSteps} steps of node '${name}' count as running until their leases end. Try again then.`
      : `Node '${name}' is ${node.state}, seen ${Math.round(node.lastSeenS)} s ago. Stop its \`tilth up\` first.`,
  )
}

/** Why a node takes no work, in words; null where it does, or is not known yet. */
export async function getNodeObstacle(db: Queryable, name: string): Promise<string | null> {
  const [node] = await selectNodes(db, name)
  if (node === undefined) return null
  return describeWish(name, node.wish) ?? (node.isGone ? null : node.fault)
}

const unknownNode = (name: string): ProcessingError =>
  new ProcessingError('NOT_FOUND', `There is no node '${name}'. See \`tilth nodes\`.`)
