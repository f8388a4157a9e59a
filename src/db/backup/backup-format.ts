import { createHash, type Hash } from 'node:crypto'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'

/**
 * A backup is one gzip stream. Inside, text lines of JSON and between them data of COPY in text format, cut into pieces that each
 * follow a line `#<bytes>`:
 *
 *   header; then for each table: {"table": name}, pieces, {"table", rows, bytes, sha256}; then {"end": true, "sequences": {...}}
 *
 * gzip has a checksum of all, each table one of its own, and the last line says that nothing is missing.
 */
export const FORMAT_VERSION = 1

const migrationName = z.object({ name: z.string(), sha256: z.string() })
export const backupHeader = z.object({
  tilth_backup: z.literal(FORMAT_VERSION),
  program: z.string(),
  server: z.string(),
  created_at: z.string(),
  /** Migrations that were applied, oldest first. */
  schema: z.array(migrationName).min(1),
  /** In an order in which foreign keys hold. */
  tables: z.array(z.object({ name: z.string(), columns: z.array(z.string()).min(1) })).min(1),
})
export type BackupHeader = z.infer<typeof backupHeader>

const tableStart = z.strictObject({ table: z.string() })
const tableEnd = z.strictObject({
  table: z.string(),
  rows: z.number().int(),
  bytes: z.number().int(),
  sha256: z.string(),
})
const backupEnd = z.strictObject({ end: z.literal(true), sequences: z.record(z.string(), z.number().int()) })
export type TableEnd = z.infer<typeof tableEnd>

/** What a backup says, in order. `data` belongs to the table before it. */
export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  | { readonly kind: 'table'; readonly name: string }
  | { readonly kind: 'data'; readonly chunk: Buffer }
  | { readonly kind: 'table-end'; readonly table: TableEnd }
  | { readonly kind: 'end'; readonly sequences: Readonly<Record<string, number>> }

export const encodeLine = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)
export const encodePiece = (piece: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`#${piece.length}\n`), piece])

/** Counts and hashes what goes through a table, the same way on both sides. */
export class TableSum {
  private readonly hash: Hash = createHash('sha256')
  private bytes = 0
  add(chunk: Buffer): void {
    this.hash.update(chunk)
    this.bytes += chunk.length
  }
  end(table: string, rows: number): TableEnd {
    return { table, rows, bytes: this.bytes, sha256: this.hash.digest('hex') }
  }
}

/**
 * Reads a backup that was unzipped already, and checks it on the way: form, checksums, that every table of the header is there once and
 * in order, and that nothing follows the end. Throws BACKUP_CORRUPT.
 * @param source bytes; errors of it are BACKUP_CORRUPT too
 * @param what   file name for messages
 */
export async function* readBackup(source: AsyncIterable<Buffer>, what: string): AsyncGenerator<BackupPart> {
  const input = new LineReader(source, what)
  const header = backupHeader.safeParse(await input.json())
  if (!header.success)
    throw corrupt(what, `its first line is no header of a backup of format ${FORMAT_VERSION}`)
  yield { kind: 'header', header: header.data }
  for (const { name } of header.data.tables) {
    const start = tableStart.safeParse(await input.json())
    if (!start.success || start.data.table !== name)
      throw corrupt(what, `table ${name} was expected after the one before it`)
    yield { kind: 'table', name }
    const sum = new TableSum()
    let line = await input.line()
    for (; line.startsWith('#'); line = await input.line())
      for await (const chunk of input.bytes(Number(line.slice(1)))) {
        sum.add(chunk)
        yield { kind: 'data', chunk }
      }
    const end = tableEnd.safeParse(parseJson(line, what))
    if (!end.success || end.data.table !== name)
      throw corrupt(what, `table ${name} does not end as it should`)
    const found = sum.end(name, end.data.rows)
    if (found.sha256 !== end.data.sha256 || found.bytes !== end.data.bytes)
      throw corrupt(
        what,
        `table ${name} has ${found.bytes} bytes of sha256 ${found.sha256.slice(0, 12)}, expected ${end.data.bytes} of ${end.data.sha256.slice(0, 12)}`,
      )
    yield { kind: 'table-end', table: end.data }
  }
  const end = backupEnd.safeParse(await input.json())
  if (!end.success) throw corrupt(what, 'its last line is missing')
  await input.end()
  yield { kind: 'end', sequences: end.data.sequences }
}

export const corrupt = (what: string, why: string, cause?: unknown): ProcessingError =>
  new ProcessingError(
    'BACKUP_CORRUPT',
    `${what} is no whole backup: ${why}. Nothing was changed. Take an older backup, or copy the file again.`,
    cause === undefined ? {} : { cause },
  )

function parseJson(line: string, what: string): unknown {
  try {
    return JSON.parse(line) as unknown
  } catch (cause) {
    throw corrupt(what, 'a line of it is no JSON', cause)
  }
}

/** Longest line between the data, bytes: a header with a thousand columns is far below. */
const LONGEST_LINE = 2 ** 20

class LineReader {
  private readonly chunks: AsyncIterator<Buffer>
  private rest: Buffer = Buffer.alloc(0)

  constructor(
    source: AsyncIterable<Buffer>,
    private readonly what: string,
  ) {
    this.chunks = source[Symbol.asyncIterator]()
  }

  async json(): Promise<unknown> {
    return parseJson(await this.line(), this.what)
  }

  async line(): Promise<string> {
    for (;;) {
      const at = this.rest.indexOf(10)
      if (at >= 0) {
        const line = this.rest.toString('utf8', 0, at)
        this.rest = this.rest.subarray(at + 1)
        return line
      }
      if (this.rest.length > LONGEST_LINE) throw corrupt(this.what, 'a line of it does not end')
      const next = await this.next()
      if (next === undefined) throw corrupt(this.what, 'it ends too early')
      this.rest = this.rest.length === 0 ? next : Buffer.concat([this.rest, next])
    }
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    if (!Number.isSafeInteger(count) || count < 1) throw corrupt(this.what, 'a piece of it has no length')
    for (let left = count; left > 0;) {
      if (this.rest.length === 0) {
        const next = await this.next()
        if (next === undefined) throw corrupt(this.what, 'it ends too early')
        this.rest = next
      }
      const piece = this.rest.subarray(0, left)
      this.rest = this.rest.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  async end(): Promise<void> {
    const next = this.rest.length > 0 ? this.rest : await this.next()
    if (next !== undefined) throw corrupt(this.what, 'something follows its end')
  }

  private async next(): Promise<Buffer | undefined> {
    try {
      for (;;) {
        const next = await this.chunks.next()
        if (next.done === true) return undefined
        if (next.value.length > 0) return next.value
      }
    } catch (cause) {
      throw corrupt(this.what, cause instanceof Error ? cause.message : String(cause), cause)
    }
  }
}
