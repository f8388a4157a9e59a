import { listChains as selectChains, type ChainOfTile } from '../db/chains/list-chains.js'
import type { Database } from '../db/connect.js'
import { siteTiles } from './site-tiles.js'

export { listDatesOfChains, type DateOfChain } from '../db/chains/list-chains.js'

/** Chains with a present acquisition; of a site those of its enabled tiles and its sub-sites'. Throws NOT_FOUND for an unknown site. */
export async function listChains(db: Database, site: string | null): Promise<readonly ChainOfTile[]> {
  if (site === null) return selectChains(db, { tiles: null })
  const tiles = (await siteTiles(db, site)).filter(({ enabled }) => enabled).map(({ tile }) => tile)
  return selectChains(db, { tiles })
}
