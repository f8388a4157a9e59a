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
