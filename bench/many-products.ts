import { cpSync, linkSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * Makes `count` products out of one: images and masks are hard links, the two metadata files say another datatake, sensing time and
 * generation, a day apart each. Returns the folder with all of them.
 */
export function makeManyProducts(safe: string, count: number, out: string): string {
  const files = readdirSync(safe, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(safe.length + 1))
  const isMetadata = (file: string) => /(^|\/)MTD_(MSIL1C|TL)\.xml$/.test(file)
  const texts = new Map(
    files.filter(isMetadata).map((file) => [file, readFileSync(join(safe, file), 'utf8')]),
  )
  const [first = ''] = texts.values()
  const day = /(\d{4})-(\d\d)-(\d\d)T\d\d:/.exec(first)
  if (day === null) throw new Error(`${safe}: no date in its metadata`)
  const start = Date.parse(`${day.slice(1, 4).join('-')}T00:00:00Z`)
  for (let i = 0; i < count; i++) {
    const path = join(out, `product ${i}.SAFE`)
    const iso = new Date(start - (i + 1) * 86_400_000).toISOString().slice(0, 10)
    for (const file of files) {
      const target = join(path, file)
      mkdirSync(dirname(target), { recursive: true })
      const text = texts.get(file)
      if (text === undefined) linkOrCopy(join(safe, file), target)
      else
        writeFileSync(
          target,
          text
            .replaceAll(day.slice(1, 4).join('-'), iso)
            .replaceAll(/(DATATAKE_IDENTIFIER|datatakeIdentifier="G|TILE_ID[^>]*>)[^<"]*/g, (name) =>
              name.replaceAll(day.slice(1, 4).join(''), iso.replaceAll('-', '')),
            ),
        )
    }
  }
  return out
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    cpSync(from, to)
  }
}
