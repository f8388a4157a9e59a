import { GLOBAL, integer, number, type SettingDefinition } from './define.js'

/** What comes in: products still being copied, archives that are unpacked. */
export const INGEST_SETTINGS = {
  'ingest.copy_quiet_s': integer({
    unit: 's',
    min: 0,
    max: 86_400,
    default: 60,
    scopes: GLOBAL,
    doc: 'An incomplete product that changed less than this long ago is taken for one still being copied.',
  }),
  'ingest.archive_max_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 32_768,
    scopes: GLOBAL,
    doc: 'What all members of one zip or tar may have together.',
  }),
  'ingest.archive_max_file_mb': integer({
    unit: 'MiB',
    min: 1,
    max: 1_048_576,
    default: 4096,
    scopes: GLOBAL,
    doc: 'What one member of a zip or tar may have.',
  }),
  'ingest.archive_max_entries': integer({
    unit: 'members',
    min: 1,
    max: 1_000_000,
    default: 20_000,
    scopes: GLOBAL,
    doc: 'Files and folders that a zip or tar may list; a product of 15 tiles has some 2,000.',
  }),
  'ingest.archive_max_ratio': number({
    unit: '1',
    min: 1,
    max: 1_000_000,
    default: 100,
    scopes: GLOBAL,
    doc: 'Bytes of all members over bytes of the archive; real products stay below 20.',
  }),
  'ingest.archive_max_depth': integer({
    unit: 'levels',
    min: 1,
    max: 255,
    default: 16,
    scopes: GLOBAL,
    doc: 'How deep a member of a zip or tar may lie.',
  }),
  'ingest.archive_max_path_bytes': integer({
    unit: 'bytes',
    min: 16,
    max: 4096,
    default: 1024,
    scopes: GLOBAL,
    doc: 'Length of the path of a member of a zip or tar, UTF-8.',
  }),
} as const satisfies Record<string, SettingDefinition>
