import type { SettingOrigin } from '../../config/resolve-settings.js'
import { parseParams, type ProcessorDefinition } from '../../processors/define-processor.js'
import { freezeSettings, type FrozenSettings } from '../freeze-settings.js'
import type { SettingsInForce } from '../settings-in-force.js'

/** Parameters as they are frozen into a job, with where each comes from: `cli`, `schedule z`, `site x`, `global`, `default`, ... */
export interface FrozenConsumer {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly origins: Readonly<Record<string, string>>
  readonly frozen: FrozenSettings
}

/** Given parameters, by hand unless `from` says otherwise, else the job settings in force for the site, else defaults. Throws BAD_ARGUMENT for what the processor refuses. */
export function freezeConsumer(
  settings: SettingsInForce,
  definition: ProcessorDefinition,
  siteId: number | null,
  given: Readonly<Record<string, unknown>>,
  from?: SettingOrigin,
): FrozenConsumer {
  const { values, origins, frozen } = freezeSettings(settings, definition.name, siteId, given, from)
  return { parameters: parseParams(definition, values), origins, frozen }
}
