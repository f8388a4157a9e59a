import { ProcessingError } from '../../domain/errors.js'

/** Keys of one group with their values: text without its quotes, or the items of a list in parentheses. */
export type OdlGroup = ReadonlyMap<string, string | readonly string[]>

/**
 * Groups of a file in the Object Description Language, as far as USGS uses it (`_MTL.txt`, `_ANG.txt`): `GROUP = name`, `key = value`, lists over
 * several lines, `END`. A group's keys come under its own name, whatever group it lies in: names are unique in these files.
 * Throws METADATA_INVALID with file and line; a file that ends without `END` is cut.
 */
export function parseOdl(text: string, file: string): ReadonlyMap<string, OdlGroup> {
  const groups = new Map<string, Map<string, string | readonly string[]>>()
  const open: string[] = []
  const lines = text.split(/\r?\n/)
  const fail = (line: number, found: string): never => {
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${file}', line ${line + 1}: ${found}. Download the product again.`,
    )
  }
  for (let i = 0; i < lines.length; i++) {
    const line = (lines[i] ?? '').trim()
    if (line === '') continue
    if (line === 'END') {
      if (open.length > 0) fail(i, `the file ends within the group ${open.at(-1) ?? ''}`)
      return groups
    }
    const match = /^([A-Z][A-Z0-9_]*)\s*=\s*(.*)$/.exec(line)
    if (match === null) return fail(i, `expected 'KEY = value', found '${line.slice(0, 60)}'`)
    const [, key = '', first = ''] = match
    if (key === 'GROUP') {
      open.push(first)
      groups.set(first, groups.get(first) ?? new Map<string, string | readonly string[]>())
      continue
    }
    if (key === 'END_GROUP') {
      if (open.pop() !== first) fail(i, `the group ${first} ends, but it is not the one that is open`)
      continue
    }
    const group = groups.get(open.at(-1) ?? '') ?? fail(i, `'${key}' lies in no group`)
    if (!first.startsWith('(')) {
      group.set(key, first.replace(/^"(.*)"$/, '$1'))
      continue
    }
    let list = first
    while (!list.endsWith(')')) {
      if (++i >= lines.length) return fail(i, `the list ${key} has no end`)
      list += (lines[i] ?? '').trim()
    }
    group.set(
      key,
      list
        .slice(1, -1)
        .split(',')
        .map((item) => item.trim()),
    )
  }
  return fail(lines.length, 'the file has no END; it is cut')
}
