import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { archiveKind } from '../../../src/products/archive/archive-kind.js'
import { unpackArchive, type ArchiveLimits } from '../../../src/products/archive/unpack-archive.js'
import { tarOf, zipOf } from '../../support/archives.js'
import { temporaryFolder } from '../../support/cli.js'

const folder = temporaryFolder('archives')
const MIB = 2 ** 20
const limits: ArchiveLimits = {
  totalBytes: 64 * MIB,
  fileBytes: 16 * MIB,
  entries: 50,
  ratio: 100,
  depth: 8,
  pathBytes: 200,
  minFreeBytes: 0,
}

let made = 0
const save = (name: string, bytes: Buffer): string => {
  const path = join(folder, `${++made} ${name}`)
  writeFileSync(path, bytes)
  return path
}
/** A product as it comes: nested folders, an image that does not compress, text that does. */
const image = Buffer.from(
  Array.from({ length: 4000 }, (_, i) => createHash('sha256').update(`${i}`).digest()).flatMap((b) => [...b]),
)
const FILES: Readonly<Record<string, Buffer>> = {
  'P.SAFE/manifest.safe': Buffer.from('<xml/>\n'.repeat(200)),
  'P.SAFE/GRANULE/L1C/IMG_DATA/B01.jp2': image,
  'P.SAFE/HTML/empty.txt': Buffer.alloc(0),
  'P.SAFE/été.txt': Buffer.from('accents'),
}

/** Replaces every occurrence of a name in an archive by one of the same length: what the packers refuse to write. */
function rename(archive: Buffer, from: string, to: string): Buffer {
  expect(Buffer.byteLength(to)).toBe(Buffer.byteLength(from))
  const text = archive.toString('latin1').replaceAll(from, Buffer.from(to).toString('latin1'))
  return Buffer.from(text, 'latin1')
}

let unpacked = 0
const unpack = (archive: string, changed: Partial<ArchiveLimits> = {}) => {
  const into = join(folder, `unpacked ${++unpacked}`)
  return { into, done: unpackArchive({ archive, into, limits: { ...limits, ...changed } }) }
}
/** Refused with this code, and nothing is left: neither the folder nor anything beside it. */
async function expectRefused(archive: string, code: string, said: RegExp, changed?: Partial<ArchiveLimits>) {
  const before = readdirSync(folder)
  const { into, done } = unpack(archive, changed)
  await expect(done).rejects.toMatchObject({ code, message: expect.stringMatching(said) as string })
  expect(existsSync(into)).toBe(false)
  expect(readdirSync(folder)).toEqual(before)
}
function contentOf(into: string): Record<string, Buffer> {
  return Object.fromEntries(
    readdirSync(into, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(into.length + 1), readFileSync(path)]),
  )
}

const tarEntries = Object.entries(FILES).map(([name, bytes]) => ({ name, bytes }))

test.each([
  ['zip', () => zipOf(FILES)],
  [
    'tar',
    () =>
      tarOf([{ name: './', type: 'directory' }, ...tarEntries.map((e) => ({ ...e, name: `./${e.name}` }))]),
  ],
  ['tar.gz', async () => gzipSync(await tarOf(tarEntries))],
] as const)('a %s unpacks to what was packed, whatever it is called', async (kind, make) => {
  const archive = save('no such ending', await make())
  expect(await archiveKind(archive)).toBe(kind)
  const { into, done } = unpack(archive)
  const bytes = Object.values(FILES).reduce((sum, { length }) => sum + length, 0)
  expect(await done).toEqual({ kind, files: 4, bytes })
  expect(contentOf(into)).toEqual(FILES)
})

test('what is no archive is not taken for one', async () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(512),
    Buffer.from('PK'),
    Buffer.from('text'.repeat(300)),
  ]) {
    const path = save('plain.zip', bytes)
    expect(await archiveKind(path)).toBeNull()
    await expectRefused(path, 'ARCHIVE_UNSUPPORTED', /is no archive/)
  }
  await expectRefused(
    save('text.gz', gzipSync(Buffer.from('text'.repeat(600)))),
    'ARCHIVE_BROKEN',
    /Invalid tar header/,
  )
  await expect(unpack(join(folder, 'nowhere.zip')).done).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

const BAD_NAMES = [
  ['upwards', '../up.txt', /leads upwards/],
  ['upwards inside', 'a/../../t', /leads upwards/],
  ['absolute', '/tmp/t.txt', /is absolute/],
  ['drive letter', 'C:/dos.txt', /drive letter/],
  ['backslash', 'a\\..\\b.tx', /backslash/],
  ['NUL', 'a\0bcdef.tx', /control character/],
  ['newline', 'a\nbcdef.tx', /control character/],
] as const
test.each(BAD_NAMES)('a member whose name is bad (%s) is refused', async (_, bad, said) => {
  const place = 'x'.repeat(Buffer.byteLength(bad))
  const zip = await zipOf({ 'first.txt': Buffer.from('a'), [place]: Buffer.from('b') })
  await expectRefused(save('names.zip', rename(zip, place, bad)), 'ARCHIVE_UNSAFE', said)
  // A tar ends its names at NUL, so that one cannot be written into it.
  if (bad.includes('\0')) return
  const tar = await tarOf([
    { name: 'first.txt', bytes: Buffer.from('a') },
    { name: bad, bytes: Buffer.from('b') },
  ])
  await expectRefused(save('names.tgz', gzipSync(tar)), 'ARCHIVE_UNSAFE', said)
})

test.each(['symlink', 'link', 'character-device', 'block-device', 'fifo'])(
  'a tar member of type %s is refused',
  async (type) => {
    const tar = await tarOf([...tarEntries, { name: 'P.SAFE/odd', type, linkname: '/etc/passwd' }])
    await expectRefused(save('odd.tar', tar), 'ARCHIVE_UNSAFE', new RegExp(`of type '${type}'`))
  },
)

test('a zip member that is a link, a device, or a folder by name only is refused', async () => {
  for (const mode of [0o120777, 0o020644, 0o010644]) {
    const zip = await zipOf(FILES, (z) => {
      z.addBuffer(Buffer.from('/etc/passwd'), 'P.SAFE/link', { mode })
    })
    await expectRefused(save('link.zip', zip), 'ARCHIVE_UNSAFE', /link or a device/)
  }
  const zip = await zipOf({ 'folder-': Buffer.from('content') })
  await expectRefused(save('folder.zip', rename(zip, 'folder-', 'folder/')), 'ARCHIVE_UNSAFE', /folder/)
})

test.each([
  ['twice', 'a/b.txt', 'a/b.txt'],
  ['by case only', 'a/b.txt', 'A/B.TXT'],
  ['by composition only', 'a/é.txt', 'a/e\u0301.txt'],
  ['a file and then a folder', 'a/b', 'a/b/c'],
  ['a folder and then a file', 'a/b/c', 'a/b'],
])('members that meet on one path are refused: %s', async (_, first, second) => {
  const tar = await tarOf([
    { name: first, bytes: Buffer.from('1') },
    { name: second, bytes: Buffer.from('2') },
  ])
  await expectRefused(save('twins.tar', tar), 'ARCHIVE_UNSAFE', /twice|file|case/)
  const names = [1, 2].map((i) => `${i}`.repeat(Buffer.byteLength(i === 1 ? first : second)))
  const zip = await zipOf({ [names[0]!]: Buffer.from('1'), [names[1]!]: Buffer.from('2') })
  await expectRefused(
    save('twins.zip', rename(rename(zip, names[0]!, first), names[1]!, second)),
    'ARCHIVE_UNSAFE',
    /twice|file|case/,
  )
})

test('limits hold for entries, one file, all files, depth and path; the message names the setting', async () => {
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`f${i}`, Buffer.from('x')]))
  const deep = `${'d/'.repeat(8)}f`
  const long = `${'d'.repeat(120)}/${'e'.repeat(120)}`
  for (const [files, said, changed] of [
    [many, /archive_max_entries/, {}],
    [{ [deep]: Buffer.from('x') }, /archive_max_depth/, {}],
    [{ [long]: Buffer.from('x') }, /archive_max_path_bytes/, {}],
    [{ big: image }, /archive_max_file_mb/, { fileBytes: image.length - 1 }],
    [{ a: image, b: image }, /archive_max_mb/, { totalBytes: 2 * image.length - 1 }],
  ] as const) {
    const entries = Object.entries(files).map(([name, bytes]: [string, Buffer]) => ({ name, bytes }))
    await expectRefused(save('limit.zip', await zipOf(files)), 'ARCHIVE_LIMIT', said, changed)
    await expectRefused(save('limit.tgz', gzipSync(await tarOf(entries))), 'ARCHIVE_LIMIT', said, changed)
  }
  await expectRefused(save('space.zip', await zipOf(FILES)), 'DISK_FULL', /min_free_mb/, {
    minFreeBytes: 2 ** 52,
  })
  await expectRefused(
    save('name.tar', await tarOf([{ name: 'n'.repeat(256) }])),
    'ARCHIVE_LIMIT',
    /256 bytes/,
    {
      pathBytes: 1000,
    },
  )
})

test('4 GB of zeros are refused before they are written, in a zip and in a gzipped tar', async () => {
  // Deflated zeros of 1 MiB, stated to be 4 GiB: the sizes alone say that it is a bomb.
  const zip = await zipOf({ zeros: Buffer.alloc(MIB) })
  const central = zip.lastIndexOf(Buffer.from('PK\x01\x02'))
  zip.writeUInt32LE(0xfffffff0, central + 24)
  const started = performance.now()
  await expectRefused(save('bomb.zip', zip), 'ARCHIVE_LIMIT', /archive_max_file_mb/)
  await expectRefused(save('bomb.zip', zip), 'ARCHIVE_LIMIT', /archive_max_ratio/, {
    fileBytes: 2 ** 40,
    totalBytes: 2 ** 40,
  })
  const tar = await tarOf([{ name: 'zeros', bytes: Buffer.alloc(MIB) }])
  // The size of a tar member is octal text; the checksum follows it.
  const sum = parseInt(tar.toString('latin1', 148, 154), 8)
  const before = [...tar.subarray(124, 136)].reduce((a, b) => a + b, 0)
  tar.write('37777777760 ', 124, 'latin1')
  const after = [...tar.subarray(124, 136)].reduce((a, b) => a + b, 0)
  tar.write((sum - before + after).toString(8).padStart(6, '0'), 148, 'latin1')
  await expectRefused(save('bomb.tgz', gzipSync(tar)), 'ARCHIVE_LIMIT', /archive_max_file_mb/)
  await expectRefused(save('bomb.tgz', gzipSync(tar)), 'ARCHIVE_LIMIT', /archive_max_ratio/, {
    fileBytes: 2 ** 40,
    totalBytes: 2 ** 40,
  })
  expect(performance.now() - started).toBeLessThan(5000)
})

test('a zip whose sizes are not true is refused as soon as the data differ', async () => {
  for (const stated of [10, 5000]) {
    const zip = await zipOf({ text: Buffer.from('x'.repeat(1000)) })
    zip.writeUInt32LE(stated, zip.lastIndexOf(Buffer.from('PK\x01\x02')) + 24)
    await expectRefused(
      save('lying.zip', zip),
      'ARCHIVE_BROKEN',
      stated === 10 ? /too many bytes/ : /not enough bytes/,
    )
  }
})

test('a zip64 header that lies is refused', async () => {
  const make = async (stated: bigint) => {
    const zip = await zipOf({}, (z) => {
      z.addBuffer(Buffer.from('x'.repeat(1000)), 'text', { forceZip64Format: true })
    })
    // The extra field 1 of the central directory, 24 bytes long, begins with the size of the data.
    const central = zip.lastIndexOf(Buffer.from('PK\x01\x02'))
    const extra = zip.indexOf(Buffer.from([1, 0, 24, 0]), central)
    expect(zip.readBigUInt64LE(extra + 4)).toBe(1000n)
    zip.writeBigUInt64LE(stated, extra + 4)
    return zip
  }
  await expectRefused(save('small.zip', await make(10n)), 'ARCHIVE_BROKEN', /too many bytes/)
  await expectRefused(save('4gb.zip', await make(2n ** 32n + 7n)), 'ARCHIVE_LIMIT', /archive_max_file_mb/)
  await expectRefused(save('all.zip', await make(2n ** 64n - 1n)), 'ARCHIVE_LIMIT', /archive_max_file_mb/)
})

test.each([0.1, 0.5, 0.9, 0.99])('an archive cut to %d of its length is refused', async (share) => {
  for (const [name, bytes] of [
    ['cut.zip', await zipOf(FILES)],
    ['cut.tar', await tarOf(tarEntries)],
    ['cut.tgz', gzipSync(await tarOf(tarEntries))],
  ] as const)
    await expectRefused(
      save(name, bytes.subarray(0, Math.floor(bytes.length * share))),
      'ARCHIVE_BROKEN',
      /damaged or cut/,
    )
})

test('a tar cut between two members is refused', async () => {
  const tar = await tarOf(tarEntries.slice(0, 2))
  await expectRefused(save('cut.tar', tar.subarray(0, tar.length - 1024)), 'ARCHIVE_BROKEN', /closes a tar/)
})

test('data that do not fit their checksum are refused', async () => {
  const zip = await zipOf({ image })
  zip.writeUInt8(zip.readUInt8(500) ^ 1, 500)
  await expectRefused(save('crc.zip', zip), 'ARCHIVE_BROKEN', /checksum/)
  const gz = gzipSync(await tarOf([{ name: 'image', bytes: image }]))
  gz.writeUInt8(gz.readUInt8(gz.length - 8) ^ 1, gz.length - 8)
  await expectRefused(save('crc.tgz', gz), 'ARCHIVE_BROKEN', /incorrect data check/)
})

test('encrypted members and unknown compression are refused by name', async () => {
  const zip = await zipOf(FILES)
  const central = zip.lastIndexOf(Buffer.from('PK\x01\x02'))
  const encrypted = Buffer.from(zip)
  encrypted.writeUInt16LE(encrypted.readUInt16LE(central + 8) | 1, central + 8)
  await expectRefused(save('secret.zip', encrypted), 'ARCHIVE_UNSUPPORTED', /is encrypted/)
  zip.writeUInt16LE(93, central + 10)
  await expectRefused(save('zstd.zip', zip), 'ARCHIVE_UNSUPPORTED', /method 93/)
})

test('an abort leaves nothing, and its reason is what the caller gets', async () => {
  const controller = new AbortController()
  const archive = save('abort.tgz', gzipSync(await tarOf(tarEntries)))
  const into = join(folder, 'aborted')
  const done = unpackArchive({
    archive,
    into,
    limits,
    signal: controller.signal,
    onProgress: () => {
      controller.abort(new Error('stop it'))
    },
  })
  await expect(done).rejects.toThrow('stop it')
  expect(existsSync(into)).toBe(false)
})

test('a folder that is there already is never written into', async () => {
  const archive = save('again.zip', await zipOf(FILES))
  const into = join(folder, 'taken')
  mkdirSync(into)
  await expect(unpackArchive({ archive, into, limits })).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(readdirSync(into)).toEqual([])
})
