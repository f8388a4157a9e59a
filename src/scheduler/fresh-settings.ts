import type { Queryable } from '../db/steps/queryable.js'
import { readSettings, type SettingsInForce } from './settings-in-force.js'

/** The settings in force for round after round: notified changes are read at once; what is not notified, such as a new site, within a poll. */
export class FreshSettings {
  /** What was heard of changes, counted; values read before the last of it are read again. */
  private changes = 0
  private known:
    { readonly at: number; readonly changes: number; readonly values: SettingsInForce } | undefined

  constructor(
    private readonly db: Queryable,
    private readonly pollMs: number,
  ) {}

  noteChange(): void {
    this.changes += 1
  }

  async now(): Promise<SettingsInForce> {
    const [at, changes] = [performance.now(), this.changes]
    const isFresh = this.known?.changes === changes && at - this.known.at < this.pollMs
    if (this.known === undefined || !isFresh)
      this.known = { at, changes, values: await readSettings(this.db) }
    return this.known.values
  }
}
