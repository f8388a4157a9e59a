import type { SettingOrigin } from '../config/resolve-settings.js'
import type { AskedJob } from '../db/jobs/insert-job.js'
import type { SeasonNews } from '../db/jobs/season-news.js'

/** Parameters of a processor that a request brings along. */
export interface GivenParameters {
  /** They win over all settings; default: none. */
  readonly parameters?: Readonly<Record<string, unknown>>
  /** Who gave them; default: by hand. */
  readonly parametersFrom?: SettingOrigin
}

/** What is new for a season, and the job that is asked for it. */
export type AskedNews = SeasonNews & AskedJob & GivenParameters

/** What a planner needs of a request for what is new: the scope of the plan, and what its job is given. */
export function askedOf(news: AskedNews | undefined) {
  const { siteId = null, season, deadline, priority = 100, createdBy = '' } = news ?? {}
  const { parameters: given = {}, parametersFrom: from } = news ?? {}
  return {
    scope: { siteId, tiles: undefined, given, from },
    job: { season, deadline, priority, createdBy },
  }
}
