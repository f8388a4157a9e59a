/** A place in a TOML document: keys of tables, and numbers of entries in arrays of tables. */
export type TomlPath = readonly PropertyKey[]

const KEY = /\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.|)/y

/**
 * The line (from 1) on which a place of a well-formed TOML document is written; of a place within a value, the line on which the value
 * begins; of an unknown place, that of what it would lie in. The reader of TOML gives values only, and a mistake in a file of many sites must be
 * named with its line.
 */
export function locateToml(text: string): (path: TomlPath) => number {
  const lines = new Map<string, number>()
  const entries = new Map<string, number>()
  let table: PropertyKey[] = []
  let at = 0
  let line = 1
  const advance = (to: number) => {
    for (; at < to && at < text.length; at++) if (text[at] === '\n') line++
  }
  const dotted = (): string[] => {
    const keys: string[] = []
    for (let more = true; more;) {
      KEY.lastIndex = at
      const match = KEY.exec(text)
      if (match === null) break
      const [whole, key = '', dot] = match
      keys.push(key.startsWith('"') ? (JSON.parse(key) as string) : key.replace(/^'|'$/g, ''))
      advance(at + whole.length)
      more = dot === '.'
    }
    return keys
  }
  const within = (base: readonly PropertyKey[], keys: readonly string[]): PropertyKey[] => {
    const path = [...base]
    for (const key of keys) {
      path.push(key)
      const last = entries.get(keyOf(path))
      if (last !== undefined) path.push(last)
    }
    return path
  }
  while (at < text.length) {
    const mark = text[at] ?? ''
    if (/\s/.test(mark)) advance(at + 1)
    else if (mark === '#') advance(endOfLine(text, at))
    else if (mark === '[') {
      const isEntry = text[at + 1] === '['
      const here = line
      advance(at + (isEntry ? 2 : 1))
      const keys = dotted()
      if (isEntry) {
        const path = [...within([], keys.slice(0, -1)), keys.at(-1) ?? '']
        entries.set(keyOf(path), (entries.get(keyOf(path)) ?? -1) + 1)
      }
      table = within([], keys)
      lines.set(keyOf(table), here)
      advance(endOfLine(text, at))
    } else {
      const path = [...table, ...dotted()]
      if (!lines.has(keyOf(path))) lines.set(keyOf(path), line)
      advance(Math.max(at + 1, endOfValue(text, at)))
    }
  }
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const found = lines.get(keyOf(path.slice(0, length)))
      if (found !== undefined) return found
    }
    return 1
  }
}

const keyOf = (path: TomlPath): string => JSON.stringify(path.map(String))
const endOfLine = (text: string, from: number): number => {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/** The end of the line on which a value ends: arrays, inline tables and some strings go over several. */
function endOfValue(text: string, from: number): number {
  let depth = 0
  for (let i = from; i < text.length; i++) {
    const mark = text[i] ?? ''
    if (mark === '#') i = endOfLine(text, i) - 1
    else if (mark === '"' || mark === "'") i = endOfString(text, i, mark)
    else if (mark === '[' || mark === '{') depth++
    else if (mark === ']' || mark === '}') depth--
    else if (mark === '\n' && depth <= 0) return i
  }
  return text.length
}

/** Where a string that begins at `from` has its last quote. */
function endOfString(text: string, from: number, quote: string): number {
  const long = text.startsWith(quote.repeat(3), from)
  const close = long ? quote.repeat(3) : quote
  for (let i = from + close.length; i < text.length; i++) {
    if (quote === '"' && text[i] === '\\') i++
    else if (text.startsWith(close, i)) {
      // Up to two more quotes may belong to the text before the closing three.
      while (long && text[i + 3] === quote) i++
      return i + close.length - 1
    }
  }
  return text.length
}
