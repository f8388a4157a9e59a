import { resolveSetting, type SettingLayers } from './resolve-settings.js'

/** What an archive may unpack to by the settings in force; bytes, members, levels, and 1 for the ratio. */
export function archiveLimits(layers: SettingLayers): {
  totalBytes: number
  fileBytes: number
  entries: number
  ratio: number
  depth: number
  pathBytes: number
  minFreeBytes: number
} {
  const mib = 2 ** 20
  return {
    totalBytes: resolveSetting('ingest.archive_max_mb', layers).value * mib,
    fileBytes: resolveSetting('ingest.archive_max_file_mb', layers).value * mib,
    entries: resolveSetting('ingest.archive_max_entries', layers).value,
    ratio: resolveSetting('ingest.archive_max_ratio', layers).value,
    depth: resolveSetting('ingest.archive_max_depth', layers).value,
    pathBytes: resolveSetting('ingest.archive_max_path_bytes', layers).value,
    minFreeBytes: resolveSetting('storage.min_free_mb', layers).value * mib,
  }
}
