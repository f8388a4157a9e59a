import { parse } from 'csv-parse/sync'
import { ProcessingError } from '../../domain/errors.js'

/** Rows of a table, values as text; null where the database had none. */
export type Row = Readonly<Record<string, string | null>>
export type Tables = ReadonlyMap<string, readonly Row[]>

/** Tables that are read; the rest of a dump is passed over. */
export const WANTED = ['site', 'season', 'site_tiles', 'config'] as const

/**
 * Tables of a Sen2Agri database (schema of 2.0.3) from text: a plain dump of pg_dump with COPY blocks, or the CSV of one table with a header, which is named
 * after the file (`site.csv`). Throws TABLES_INVALID naming the file, the line, what was expected and what was found.
 */
export function readTables(text: string, fileName: string): Map<string, Row[]> {
  if (/^COPY \S+ \(/m.test(text)) return readDump(text, fileName)
  const name = /([a-z_]+)\.csv$/i.exec(fileName)?.[1]?.toLowerCase()
  if (name === undefined || !WANTED.some((wanted) => wanted === name))
    throw new ProcessingError(
      'TABLES_INVALID',
      `${fileName}: expected a plain dump (pg_dump --format=plain --data-only) or ${WANTED.map((wanted) => `${wanted}.csv`).join(', ')} with a header line.`,
    )
  try {
    const rows = parse<Record<string, string>>(text, {
      columns: (header: string[]) => header.map((column) => column.trim()),
      bom: true,
      skip_empty_lines: true,
    })
    // Postgres writes no value as nothing at all; the tables that are read have no empty texts.
    const withNull = rows.map((row): Row =>
      Object.fromEntries(Object.entries(row).map(([column, value]) => [column, value === '' ? null : value])),
    )
    return new Map([[name, withNull]])
  } catch (cause) {
    throw new ProcessingError(
      'TABLES_INVALID',
      `${fileName}: is no CSV with a header: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** COPY blocks in text format. Source: PostgreSQL documentation, COPY, "Text Format". */
function readDump(text: string, fileName: string): Map<string, Row[]> {
  const tables = new Map<string, Row[]>()
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const head = /^COPY (?:\w+\.)?"?(\w+)"? \(([^)]*)\) FROM stdin;\r?$/.exec(lines[at] ?? '')
    if (head === null) continue
    const [, table = '', list = ''] = head
    const columns = list.split(',').map((column) => column.trim().replaceAll('"', ''))
    const isWanted = WANTED.some((wanted) => wanted === table)
    const rows: Row[] = []
    const begin = at + 1
    for (at++; lines[at]?.replace(/\r$/, '') !== '\\.'; at++) {
      const line = lines[at]?.replace(/\r$/, '')
      if (line === undefined)
        throw new ProcessingError(
          'TABLES_INVALID',
          `${fileName}:${begin}: the rows of table ${table} have no end (\\.): the file is cut short.`,
        )
      if (!isWanted) continue
      const values = line.split('\t')
      if (values.length !== columns.length)
        throw new ProcessingError(
          'TABLES_INVALID',
          `${fileName}:${at + 1}: expected ${columns.length} columns of table ${table}, found ${values.length}.`,
        )
      rows.push(Object.fromEntries(columns.map((column, i) => [column, unescape(values[i] ?? '')] as const)))
    }
    if (isWanted) tables.set(table, rows)
  }
  return tables
}

const unescape = (value: string): string | null =>
  value === '\\N' ? null : value.replace(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter)
