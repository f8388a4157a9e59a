import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import { BACKWARD_REACH_DAYS, type ChainWish } from '../../processors/l2a/chain-mode.js'
import { dayOf } from '../../processors/l2a/chain-state.js'
import { openL2aProduct, type L2aProduct } from '../../products/l2a/open-l2a.js'
import { parseProductName, type ProductId } from '../../products/layout.js'
import type { ChainInputs } from './take-state.js'

export interface NamedL2a {
  readonly name: string
  readonly id: ProductId & { readonly relativeOrbit: number }
}

/** L2A products in a folder by their names, none of them opened; none where the folder is not there yet. Rejects with BAD_ARGUMENT where it is none. */
export async function productsIn(folder: string): Promise<readonly NamedL2a[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return []
    throw new ProcessingError('BAD_ARGUMENT', `--out: '${folder}' cannot be read as a folder.`, { cause })
  })
  return names.sort().flatMap((name) => {
    const id = parseProductName(name)
    if (id?.level !== 'L2A' || id.relativeOrbit === null) return []
    return [{ name, id: { ...id, relativeOrbit: id.relativeOrbit } }]
  })
}

/**
 * What a folder with L2A products has of the chain of a scene: the last date before it that is young enough, of its own orbit first, and those from which the state of
 * that one can be built again. Products of other processors leave no state. A product whose item cannot be read is told and passed over.
 * @param later L1 products of the scene's chain that follow it, nearest first.
 */
export async function chainInFolder(
  folder: string,
  wish: ChainWish,
  scene: Pick<L1Scene, 'satellite' | 'tile' | 'relativeOrbit' | 'sensedAt'>,
  onNote: (note: string) => void,
  later: readonly string[] = [],
): Promise<ChainInputs> {
  const following = later.slice(0, wish.backwardDates)
  const before: L2aProduct[] = []
  for (const { name, id } of wish.maxAgeDays === 0 ? [] : await productsIn(folder)) {
    if (id.tile !== scene.tile || id.madeBy !== undefined) continue
    try {
      const product = await openL2aProduct(join(folder, name))
      if (product.satellite === scene.satellite && product.sensedAt < scene.sensedAt) before.push(product)
    } catch (error) {
      if (!(error instanceof ProcessingError)) throw error
      onNote(`${name} was passed over: ${error.code}: ${error.message}`)
    }
  }
  before.sort((a, b) => (a.sensedAt < b.sensedAt ? -1 : 1))
  const ageOf = ({ sensedAt }: L2aProduct) => dayOf(scene.sensedAt) - dayOf(sensedAt)
  const young = before.filter((product) => ageOf(product) <= wish.maxAgeDays)
  const isOwn = ({ id }: L2aProduct) => id.relativeOrbit === scene.relativeOrbit
  const last = young.findLast(isOwn) ?? (wish.otherOrbits ? young.at(-1) : undefined)
  if (last === undefined) return { previous: null, following }
  const history = before.filter(
    (product) =>
      product.id.relativeOrbit === last.id.relativeOrbit &&
      product.sensedAt <= last.sensedAt &&
      ageOf(product) <= BACKWARD_REACH_DAYS,
  )
  return {
    previous: {
      ...{ name: last.name, folder: last.folder, digest: null, isOtherOrbit: !isOwn(last) },
      history: history.map((product) => product.folder),
    },
    following,
  }
}
