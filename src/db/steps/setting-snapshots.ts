import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Queryable } from './queryable.js'

/** Ids of the combinations of settings that claims name, each looked up in the database once a process. */
export class SettingSnapshots {
  private readonly ids = new Map<string, number>()

  /** The same by object: claims between two readings of the settings share one, and do not write it out again. */
  private readonly known = new WeakMap<object, number>()

  /** `db` is no transaction: an id that it takes back would be remembered. */
  constructor(private readonly db: Queryable) {}

  /** The id of `{key: {value, origin}}`, which is stored where it is new. */
  async idOf(settings: Readonly<Record<string, unknown>>): Promise<number> {
    const id = this.known.get(settings) ?? (await this.lookUp(settings))
    this.known.set(settings, id)
    return id
  }

  private async lookUp(settings: Readonly<Record<string, unknown>>): Promise<number> {
    const text = JSON.stringify(settings)
    const known = this.ids.get(text)
    if (known !== undefined) return known
    const digest = createHash('sha256').update(text).digest()
    await sql`insert into setting_snapshot (digest, settings) values (${digest}, ${text}::jsonb) on conflict do nothing`.execute(
      this.db,
    )
    const { id } = await this.db
      .selectFrom('setting_snapshot')
      .select('id')
      .where('digest', '=', digest)
      .executeTakeFirstOrThrow()
    this.ids.set(text, id)
    return id
  }
}
