import { sql } from 'kysely'
import type { Database } from './connect.js'

/**
 * Notes that this version of the program uses the database. The newest version counts, so that a forgotten old program cannot stop the
 * nodes of a new one; `exactly` sets it whatever was there, for going back to an older program.
 */
export async function recordProgramVersion(
  db: Database,
  version: string,
  { exactly }: { readonly exactly: boolean },
): Promise<void> {
  const { rows } = await sql<{ version: string }>`select version from migrated_for`.execute(db)
  const known = rows[0]?.version
  if (known === version || (known !== undefined && !exactly && compareVersions(known, version) > 0)) return
  await sql`insert into migrated_for (version) values (${version})
    on conflict (is_single) do update set version = excluded.version, changed_at = now()`.execute(db)
}

/** Negative where `a` is older than `b`: numbers between dots are compared as numbers; a version with a suffix (-beta) is older than without. */
export function compareVersions(a: string, b: string): number {
  const [, mainA = a, restA = ''] = /^([\d.]+)(.*)$/.exec(a) ?? []
  const [, mainB = b, restB = ''] = /^([\d.]+)(.*)$/.exec(b) ?? []
  const partsA = mainA.split('.').map(Number)
  const partsB = mainB.split('.').map(Number)
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const difference = (partsA[i] ?? 0) - (partsB[i] ?? 0)
    if (difference !== 0) return difference
  }
  if (restA === restB) return 0
  if (restA === '' || restB === '') return restA === '' ? 1 : -1
  return restA < restB ? -1 : 1
}
