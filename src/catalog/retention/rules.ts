import type { Database } from '../../db/connect.js'
import {
  deleteRetentionRule,
  listRetentionRules,
  upsertRetentionRule,
  type RetentionRule,
} from '../../db/retention/rules.js'
import { ProcessingError } from '../../domain/errors.js'
import { getSite } from '../sites.js'

export type { RetentionRule } from '../../db/retention/rules.js'
/** Levels of acquisitions: only a rule that names one of them removes any. */
export const ACQUISITION_LEVELS: readonly string[] = ['L1C', 'L1TP']

export interface RuleRequest {
  /** Slug; null: global. */
  readonly site: string | null
  readonly level: string | null
  readonly processor: string | null
  readonly action: 'delete' | 'archive'
  readonly keepDays: number | null
  readonly keepSeasons: number | null
  readonly keepRevisions: number | null
  readonly by: string
}

/** All rules, global ones first. */
export const listRules = (db: Database): Promise<readonly RetentionRule[]> => listRetentionRules(db)

/** Writes a rule; one of the same site, level, processor and action is replaced. Throws BAD_ARGUMENT, NOT_FOUND. */
export async function setRule(db: Database, request: RuleRequest): Promise<RetentionRule> {
  const { site, level, processor, action, keepDays, keepSeasons, keepRevisions, by } = request
  const refuse = (why: string): never => {
    throw new ProcessingError('BAD_ARGUMENT', why)
  }
  if (level !== null && !/^[A-Z0-9]{2,12}$/.test(level))
    refuse(`'${level}' is no level, expected e.g. L2A: 2 to 12 upper-case letters and digits.`)
  if (keepDays !== null && keepSeasons !== null) refuse('Give days or seasons, not both.')
  if (keepDays === null && keepSeasons === null && keepRevisions === null)
    refuse('Say how long products are kept: days or seasons after sensing, or a number of revisions.')
  if (level !== null && ACQUISITION_LEVELS.includes(level)) {
    if (action === 'archive') refuse(`Acquisitions (${level}) can be deleted by a rule, not archived.`)
    if (processor !== null || keepRevisions !== null)
      refuse(`Acquisitions (${level}) have neither processor nor revisions.`)
  }
  const siteId = site === null ? null : (await getSite(db, site)).id
  const rule = { siteId, level, processor, action, keepDays, keepSeasons, keepRevisions, createdBy: by }
  const id = await upsertRetentionRule(db, rule)
  return { ...rule, id, site }
}

/** Throws NOT_FOUND. */
export async function removeRule(db: Database, id: number): Promise<void> {
  if (!(await deleteRetentionRule(db, id)))
    throw new ProcessingError('NOT_FOUND', `There is no retention rule ${id}. See \`tilth retention list\`.`)
}
