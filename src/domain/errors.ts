import { EXIT, type ErrorCodeEntry, type FailureClass } from './exit-codes.js'
import { EXTERNAL_ERROR_CODES } from './external-error-codes.js'
import { SOURCE_ERROR_CODES } from './source-error-codes.js'

export { EXIT, type FailureClass } from './exit-codes.js'

/** Every error code of the program. A code never changes meaning; `test/docs.test.ts` compares this with `docs/errors.md`. */
export const ERROR_CODES = {
  BAD_ARGUMENT: {
    failure: 'permanent',
    exit: EXIT.usage,
    summary: 'A command-line argument or option is malformed or out of range.',
    remedy: 'Read the message: it names the option, what was expected and what was found.',
  },
  NOT_FOUND: {
    failure: 'permanent',
    exit: EXIT.noInput,
    summary: 'A named site, product, step, job or file does not exist.',
    remedy: 'List what there is with the command that the message names.',
  },
  CONFLICT: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The row exists already with other content, or its state does not allow the change.',
    remedy: 'Look at the present state and repeat the command if it still applies.',
  },
  SETTING_UNKNOWN: {
    failure: 'permanent',
    exit: EXIT.config,
    summary: 'No setting has this key.',
    remedy: 'See `tilth config list` for all keys.',
  },
  SETTING_INVALID: {
    failure: 'permanent',
    exit: EXIT.config,
    summary: 'A setting has the wrong type or is out of its range.',
    remedy: 'The message states type, unit and range.',
  },
  GEOMETRY_INVALID: {
    failure: 'permanent',
    exit: EXIT.data,
    summary:
      'A polygon is empty, self-crossing, out of range, without a known reference system or not a polygon.',
    remedy: 'The message says where; repair it, for example with `ogr2ogr -makevalid`.',
  },
  SITE_FILE_INVALID: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A file of sites has mistakes; nothing of it was applied.',
    remedy: 'The message lists all of them with their lines.',
  },
  TABLES_INVALID: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'Tables of another system cannot be read as what they should be.',
    remedy: 'The message names file, line and column; dump the table again, whole and with its header.',
  },
  TILE_UNKNOWN: {
    failure: 'permanent',
    exit: EXIT.usage,
    summary: 'A name is no tile of Sentinel-2 or Landsat.',
    remedy:
      'Sentinel-2 tiles look like 31TCJ (zone, band, two letters of the 100 km square), Landsat tiles like 198030 (path, row).',
  },
  DATABASE_UNAVAILABLE: {
    failure: 'transient',
    exit: EXIT.unavailable,
    summary: 'Postgres cannot be reached or started.',
    remedy: 'Check DATABASE_URL, or the server log below the data folder.',
  },
  DATABASE_NOT_SHARED: {
    failure: 'permanent',
    exit: EXIT.config,
    summary: 'Steps shall run on other machines, but the database can be reached on this one only.',
    remedy:
      'Set DATABASE_URL to a Postgres that listens on TCP, such as postgres://tilth@db.example:5432/tilth; a database of the embedded server moves there by `tilth db backup` and `tilth db restore`.',
  },
  SLURM_UNAVAILABLE: {
    failure: 'transient',
    exit: EXIT.unavailable,
    summary: 'A command of Slurm is not installed, or its controller does not answer.',
    remedy:
      'See that slurmctld runs and that SLURM_CONF names its configuration; `tilth slurm check` tells more.',
  },
  SLURM_REFUSED: {
    failure: 'permanent',
    exit: EXIT.config,
    summary:
      'Slurm refused a request, such as a partition, account or amount of memory that it does not have.',
    remedy:
      'The message repeats what Slurm said; correct the setting slurm.* or processor.<name>.slurm_* that it names.',
  },
  SCHEMA_TOO_NEW: {
    failure: 'permanent',
    exit: EXIT.unavailable,
    summary: 'The database was migrated by a newer program with a breaking change.',
    remedy: 'Upgrade this program, or point it to another database.',
  },
  SCHEMA_EDITED: {
    failure: 'permanent',
    exit: EXIT.software,
    summary: 'A migration that was already applied differs from the file shipped with this program.',
    remedy: 'Install the program whole again; migrations are never edited.',
  },
  MIGRATION_FAILED: {
    failure: 'permanent',
    exit: EXIT.software,
    summary: 'Postgres refused a statement of a migration; nothing was changed.',
    remedy:
      'The message names the migration and repeats what Postgres said: objects or rows that are not of this program are in its way, or the role lacks rights. Remove the cause and run `tilth db migrate` again; the older program goes on working.',
  },
  VERSION_MISMATCH: {
    failure: 'permanent',
    exit: EXIT.unavailable,
    summary: 'A node runs another program or schema than the database was migrated for, so it gets no work.',
    remedy:
      'Install the same program everywhere, then `tilth db migrate` with it; or set node.allow_other_versions to true.',
  },
  BACKUP_CORRUPT: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A backup of the database is truncated, damaged or none at all; nothing was changed.',
    remedy: 'Take an older backup, or copy the file again from where it was written.',
  },
  PRODUCT_INCOMPLETE: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A product lacks a file that its metadata names, such as MTD_TL.xml or a band.',
    remedy: 'Copy or download it again and ingest it anew.',
  },
  PRODUCT_COPYING: {
    failure: 'transient',
    exit: EXIT.temporary,
    summary: 'A product is still being written: files are missing or changed moments ago.',
    remedy: 'Wait until the copy has ended and ingest again.',
  },
  PRODUCT_UNSUPPORTED: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The folder or file is no product that this program reads.',
    remedy: 'The message names what was looked for.',
  },
  LEVEL_NOT_CORRECTED: {
    failure: 'permanent',
    exit: EXIT.data,
    summary:
      'A Landsat product is of level L1GT or L1GS: without ground control it may lie off by hundreds of metres.',
    remedy:
      'Nothing: an ingest ignores it, only L1TP is corrected. USGS may deliver the scene as L1TP later.',
  },
  PRODUCT_UNREADABLE: {
    failure: 'permanent',
    exit: EXIT.noInput,
    summary:
      'A product, an archive or a folder vanished while it was read, may not be read by this user, or its disk fails.',
    remedy: 'See that it is there and that its rights allow it, then ingest it again.',
  },
  ARCHIVE_UNSAFE: {
    failure: 'permanent',
    exit: EXIT.data,
    summary:
      'A member of a zip or tar would lie outside its folder, is a link or device, or meets another one.',
    remedy:
      'Nothing was unpacked; get the archive from its source again, or unpack it yourself after a look.',
  },
  ARCHIVE_LIMIT: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A zip or tar would unpack to more than the settings `ingest.archive_*` allow.',
    remedy: 'The message names the setting; raise it if the archive can be trusted.',
  },
  ARCHIVE_BROKEN: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A zip or tar is cut, or its sizes or checksums are not true.',
    remedy: 'Copy or download it again.',
  },
  ARCHIVE_UNSUPPORTED: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'A file is no archive that is read, is encrypted, or is compressed in another way.',
    remedy: 'Unpack it yourself and name the folder.',
  },
  METADATA_INVALID: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'Metadata is no well-formed XML, or an element is missing or has a value that makes no sense.',
    remedy: 'Download the product again.',
  },
  RASTER_UNREADABLE: {
    failure: 'permanent',
    exit: EXIT.data,
    summary:
      'An image cannot be opened or a block of it cannot be decoded, for example because the file is truncated.',
    remedy: 'Download the product again; the message names file and block.',
  },
  GRID_MISMATCH: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'Two images that must share a grid do not.',
    remedy: 'The message describes both grids.',
  },
  NO_VALID_PIXEL: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'No band of the image has a single pixel with data: the swath does not touch the tile.',
    remedy: 'Nothing: there is nothing to correct.',
  },
  TOO_CLOUDY: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'More of the image is cloud and shadow than the parameter max_cloud of l2a allows.',
    remedy: 'Nothing: its chain goes on without this date. For a product all the same raise `max_cloud`.',
  },
  STATE_MISSING: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The mode nominal was asked for, and no earlier date of the chain left a state young enough.',
    remedy: 'Use `--mode auto`, raise `max_state_age`, or process the date before first.',
  },
  INPUT_GONE: {
    failure: 'permanent',
    exit: EXIT.noInput,
    summary:
      'The revision of a product that a step was made for is in the archive no more: it was made again or removed since.',
    remedy: 'Ask again with `tilth process`: a new step takes the revision in force.',
  },
  SUN_TOO_LOW: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The sun stands lower than the processor accepts in the whole image.',
    remedy: 'Nothing: such a date cannot be corrected.',
  },
  SENSOR_UNKNOWN: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'No gas or spectral coefficients are known for this platform.',
    remedy: 'Supported platforms are named in the message.',
  },
  ATMOSPHERE_TABLE_INVALID: {
    failure: 'permanent',
    exit: EXIT.data,
    summary: 'The table of radiative transfer is torn, was changed, or is of another version.',
    remedy: 'Install the program whole again, or make the table anew with `tilth rt build`.',
  },
  DISK_FULL: {
    failure: 'resource',
    exit: EXIT.io,
    summary: 'A file could not be written because the file system or quota is full.',
    remedy: 'Free space below the archive or scratch root; the step is tried again.',
  },
  ROOT_UNAVAILABLE: {
    failure: 'transient',
    exit: EXIT.unavailable,
    summary:
      'A storage root is not mounted, or another folder is in its place: its marker file is missing or another one.',
    remedy: 'Mount the right disk, or register the folder with `tilth db root`. Steps go on by themselves.',
  },
  WRITE_FAILED: {
    failure: 'transient',
    exit: EXIT.io,
    summary: 'A file could not be written for another reason than space.',
    remedy: 'The message holds the cause of the operating system.',
  },
  OUT_OF_MEMORY: {
    failure: 'resource',
    exit: EXIT.software,
    summary: 'A step was ended for lack of memory.',
    remedy: 'It is tried again; lower parallelism or raise executor.memory_mb if it repeats.',
  },
  MEMORY_LIMIT: {
    failure: 'resource',
    exit: EXIT.software,
    summary:
      'A step used far more memory than it was admitted with and was ended before the kernel would end others.',
    remedy: 'It is tried again with more, then with smaller blocks; see limits.memory_factor.',
  },
  MEMORY_TOO_SMALL: {
    failure: 'resource',
    exit: EXIT.usage,
    summary:
      'The memory that a correction may take (`--memory`, `processor.l2a.memory_mb`) does not hold its input even with one thread and the smallest blocks.',
    remedy: 'Give it what the message says, or leave out what takes memory. A step is tried again with more.',
  },
  TIME_LIMIT: {
    failure: 'resource',
    exit: EXIT.software,
    summary: 'An attempt of a step took longer than limits.time_s.',
    remedy: 'It is tried again; raise limits.time_s if such inputs need it, else look at its log.',
  },
  DISK_LIMIT: {
    failure: 'resource',
    exit: EXIT.software,
    summary: 'A step wrote far more below staging and scratch than it declared.',
    remedy: 'It is tried again; raise limits.disk_factor if such inputs need it.',
  },
  LOG_LIMIT: {
    failure: 'resource',
    exit: EXIT.software,
    summary: 'An attempt of a step wrote more log than limits.log_flood_mb.',
    remedy: 'Look at the beginning of its log, which is kept.',
  },
  STEP_KILLED: {
    failure: 'transient',
    exit: EXIT.software,
    summary: 'A step process ended by a signal or without a word.',
    remedy: 'It is tried again; `tilth logs` has its last lines.',
  },
  STEP_SILENT: {
    failure: 'transient',
    exit: EXIT.software,
    summary: 'A step process gave no sign of life for longer than its lease and was killed.',
    remedy:
      'It is tried again; if it repeats, `tilth show` has what it was doing. Raise executor.lease_s on an overloaded host.',
  },
  STEP_CANCELLED: {
    failure: 'permanent',
    exit: EXIT.temporary,
    summary: 'A step was cancelled by its user.',
    remedy: 'Start it again with `tilth retry`.',
  },
  SUPERSEDED: {
    failure: 'permanent',
    exit: EXIT.temporary,
    summary:
      'A step made nothing because a newer version of its acquisition, or a product of newer inputs, has come meanwhile. Its job does not fail for it.',
    remedy: 'Nothing: schedules make the newer one by themselves; without them `tilth process` does.',
  },
  LEASE_LOST: {
    failure: 'transient',
    exit: EXIT.temporary,
    summary: 'A step process lost its claim to another attempt; nothing that it wrote is visible.',
    remedy: 'Nothing: the other attempt goes on.',
  },
  ...EXTERNAL_ERROR_CODES,
  ...SOURCE_ERROR_CODES,
  NATIVE_UNAVAILABLE: {
    failure: 'permanent',
    exit: EXIT.unavailable,
    summary: 'The native kernels cannot be loaded.',
    remedy: 'Remove the folder build/ and start ./tilth again: it builds them.',
  },
  INTERNAL: {
    failure: 'permanent',
    exit: EXIT.software,
    summary: 'A bug in this program.',
    remedy: 'Report it with the message and the log.',
  },
} as const satisfies Record<string, ErrorCodeEntry>

export type ErrorCode = keyof typeof ERROR_CODES

/**
 * A failure that an operator can act on. The message says on what, what was expected, what was found and what to do;
 * class and exit status follow from the code. The low-level error stays in `cause`.
 */
export class ProcessingError extends Error {
  override readonly name = 'ProcessingError'
  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { cause?: unknown },
  ) {
    // Messages quote damaged files; a text in the database cannot hold a zero byte.
    super(message.replaceAll('\0', '\uFFFD'), options)
  }
  get failure(): FailureClass {
    return ERROR_CODES[this.code].failure
  }
}

/** The error as it is recorded: an unforeseen one becomes INTERNAL, so that it is never retried blindly; ENOSPC and EDQUOT are told apart. */
export function asProcessingError(error: unknown): ProcessingError {
  if (error instanceof ProcessingError) return error
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message : String(error)
  if (systemCode === 'ENOSPC' || systemCode === 'EDQUOT')
    return new ProcessingError('DISK_FULL', message, { cause: error })
  if (systemCode === 'EIO' || systemCode === 'ESTALE' || systemCode === 'EROFS')
    return new ProcessingError('WRITE_FAILED', message, { cause: error })
  return new ProcessingError('INTERNAL', message, { cause: error })
}

export function assertNever(value: never): never {
  throw new ProcessingError('INTERNAL', `Unexpected value ${JSON.stringify(value)}.`)
}
