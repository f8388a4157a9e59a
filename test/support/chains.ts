import type { App } from '../../src/app.js'
import { lockTiles } from '../../src/db/catalog/acquisitions.js'

/** A present acquisition of tile 31TCJ on a day of May 2025 (33 is the second of June), as an ingest records it. Returns its id. */
export const acquireDate = (db: App['db'], day: number, orbit: number): Promise<number> =>
  db.transaction().execute(async (tx) => {
    await lockTiles(tx, [{ satellite: 's2', tile: '31TCJ' }])
    const { id } = await tx
      .insertInto('acquisition')
      .values({
        ...{ identity: `${day} ${orbit}`, satellite: 's2', platform: 'S2A', tile: '31TCJ', state: 'present' },
        ...{ sensed_at: new Date(Date.UTC(2025, 4, day, 10, 50)), relative_orbit: orbit },
        location: `l1:${day}-${orbit}.SAFE`,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    return id
  })
