import { statfs } from 'node:fs/promises'
import { ProcessingError } from '../../domain/errors.js'

/** What one archive may unpack to. Everything is checked before the bytes that would break it are written. */
export interface ArchiveLimits {
  /** Bytes of all members together. */
  readonly totalBytes: number
  /** Bytes of one member. */
  readonly fileBytes: number
  /** Files and folders that the archive lists. */
  readonly entries: number
  /** Bytes of all members over the bytes of the archive itself. */
  readonly ratio: number
  /** Folders above a member, itself included. */
  readonly depth: number
  /** Bytes of a member's path in UTF-8. */
  readonly pathBytes: number
  /** Bytes that must stay free where the archive is unpacked. */
  readonly minFreeBytes: number
}

export type MemberKind = 'file' | 'folder'

/** Longest name of one file or folder on Linux file systems, bytes: NAME_MAX of limits.h. */
const NAME_BYTES = 255

/**
 * Admits the members of one archive, one after the other: their names, their number and their stated sizes. What is admitted may be
 * written below a fresh folder without leaving it and without two members meeting on one path, also where the file system
 * takes upper and lower case for the same.
 */
export class Allowance {
  private readonly kinds = new Map<string, MemberKind>()
  private entries = 0
  private total = 0

  private constructor(
    private readonly archive: string,
    private readonly archiveBytes: number,
    private readonly limits: ArchiveLimits,
    private readonly freeBytes: number,
  ) {}

  /** `into`: an existing folder on the file system where the members will be written. */
  static async open(
    archive: string,
    archiveBytes: number,
    limits: ArchiveLimits,
    into: string,
  ): Promise<Allowance> {
    const { bavail, bsize } = await statfs(into)
    return new Allowance(archive, archiveBytes, limits, bavail * bsize)
  }

  /** Refuses a number of members that the archive states before any of them is read. Throws ARCHIVE_LIMIT. */
  announce(entries: number): void {
    if (entries > this.limits.entries)
      throw this.limit(`it lists ${entries} members`, `${this.limits.entries} (ingest.archive_max_entries)`)
  }

  /**
   * Admits a member of `bytes` bytes and returns its clean path, `''` for the archive's own top folder.
   * Throws ARCHIVE_UNSAFE for a name that is absolute, leads upwards, holds a backslash, a drive letter or a control character, or
   * that meets another member's; ARCHIVE_LIMIT beyond a limit; DISK_FULL where the free space would not do.
   */
  admit(name: string, kind: MemberKind, bytes: number): string {
    this.announce(++this.entries)
    const path = this.cleanPath(name)
    if (path === '') {
      if (kind === 'folder') return path
      throw this.unsafe(name, 'is no path of a file')
    }
    this.claimPath(name, path, kind)
    if (!(bytes <= this.limits.fileBytes))
      throw this.limit(
        `'${name}' has ${bytes} bytes`,
        `${this.limits.fileBytes} (ingest.archive_max_file_mb)`,
      )
    this.total += bytes
    if (this.total > this.limits.totalBytes)
      throw this.limit(
        `its members have ${this.total} bytes or more`,
        `${this.limits.totalBytes} (ingest.archive_max_mb)`,
      )
    if (this.total > this.limits.ratio * this.archiveBytes)
      throw this.limit(
        `its ${this.archiveBytes} bytes unpack to ${this.total} bytes or more`,
        `${this.limits.ratio} times its size (ingest.archive_max_ratio)`,
      )
    if (this.total > this.freeBytes - this.limits.minFreeBytes)
      throw new ProcessingError(
        'DISK_FULL',
        `Archive '${this.archive}' unpacks to ${this.total} bytes or more, but ${this.freeBytes} bytes are free and ` +
          `${this.limits.minFreeBytes} must stay so (storage.min_free_mb). Free space, or name another folder.`,
      )
    return path
  }

  /** Sum of the sizes of the members admitted so far, bytes. */
  get bytes(): number {
    return this.total
  }

  private cleanPath(name: string): string {
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u001f\u007f]/.test(name)) throw this.unsafe(name, 'holds a control character')
    if (name.includes('\\')) throw this.unsafe(name, 'holds a backslash')
    if (name.startsWith('/')) throw this.unsafe(name, 'is absolute')
    if (/^[A-Za-z]:/.test(name)) throw this.unsafe(name, 'begins with a drive letter')
    const parts = name.split('/').filter((part) => part !== '' && part !== '.')
    if (parts.includes('..')) throw this.unsafe(name, 'leads upwards')
    const path = parts.join('/')
    if (parts.length > this.limits.depth)
      throw this.limit(
        `'${name}' lies ${parts.length} levels deep`,
        `${this.limits.depth} (ingest.archive_max_depth)`,
      )
    if (Buffer.byteLength(path) > this.limits.pathBytes)
      throw this.limit(
        `the path '${name.slice(0, 80)}...' has ${Buffer.byteLength(path)} bytes`,
        `${this.limits.pathBytes} (ingest.archive_max_path_bytes)`,
      )
    const long = parts.find((part) => Buffer.byteLength(part) > NAME_BYTES)
    if (long !== undefined)
      throw this.limit(`the name '${long.slice(0, 80)}...' has ${Buffer.byteLength(long)} bytes`, NAME_BYTES)
    return path
  }

  /** Remembers a path and the folders above it; the same folder may be listed any number of times, a file once. */
  private claimPath(name: string, path: string, kind: MemberKind): void {
    // Composed and decomposed letters, upper and lower case are one name to some file systems.
    const parts = path.normalize('NFC').toLowerCase().split('/')
    for (let i = 1; i < parts.length; i++) {
      const above = parts.slice(0, i).join('/')
      if (this.kinds.get(above) === 'file') throw this.unsafe(name, 'lies below a member that is a file')
      this.kinds.set(above, 'folder')
    }
    const key = parts.join('/')
    const before = this.kinds.get(key)
    if (before === 'file' || (before === 'folder' && kind === 'file'))
      throw this.unsafe(name, 'comes twice, or differs from another member by upper and lower case only')
    this.kinds.set(key, kind)
  }

  unsafe(name: string, found: string): ProcessingError {
    return new ProcessingError(
      'ARCHIVE_UNSAFE',
      `Archive '${this.archive}' has a member ${JSON.stringify(name.slice(0, 200))} that ${found}; expected plain files and folders ` +
        'with different names below the archive itself. Nothing was unpacked; get the archive from its source again.',
    )
  }

  private limit(found: string, allowed: string | number): ProcessingError {
    return new ProcessingError(
      'ARCHIVE_LIMIT',
      `Archive '${this.archive}' is not unpacked: ${found}, allowed are ${allowed}. Raise the setting if the archive can be trusted.`,
    )
  }
}
