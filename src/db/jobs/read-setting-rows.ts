import type { Queryable } from '../steps/queryable.js'

export interface SettingRows {
  readonly settings: readonly {
    readonly key: string
    readonly siteId: number | null
    readonly value: unknown
  }[]
  readonly sites: readonly { readonly id: number; readonly slug: string; readonly parentId: number | null }[]
}

/** All rows of settings, and the tree of sites along which they are inherited: one look for a whole round of the scheduler. */
export async function readSettingRows(db: Queryable): Promise<SettingRows> {
  const settings = await db.selectFrom('setting').select(['key', 'site_id as siteId', 'value']).execute()
  const sites = await db.selectFrom('site').select(['id', 'slug', 'parent_id as parentId']).execute()
  return { settings, sites }
}
