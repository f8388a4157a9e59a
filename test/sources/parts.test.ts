import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { layersOf } from '../../src/config/resolve-settings.js'
import { ProcessingError } from '../../src/domain/errors.js'
import { ringOf, searchArea, wktOf } from '../../src/sources/areas.js'
import { parseConfig } from '../../src/sources/config.js'
import { checkDistinct, safeAssetPath } from '../../src/sources/download/asset-path.js'
import { namedChecksum, parseMultihash } from '../../src/sources/download/checksum.js'
import { changeKey } from '../../src/sources/edit-config.js'
import { failureOf } from '../../src/sources/fetch.js'
import { verdictOf, type Wanted } from '../../src/sources/filters.js'
import {
  pauseSeconds,
  retryAfterSeconds,
  ServiceError,
  withBackOff,
} from '../../src/sources/http/back-off.js'
import { checkAddress } from '../../src/sources/http/hosts.js'
import { factsOfName, productName } from '../../src/sources/product-name.js'
import { joinDays } from '../../src/sources/searches.js'

describe('paths of files', () => {
  test('a path that passes stays below its folder, whatever it was made of', () => {
    const part = fc.oneof(
      fc.constantFrom('..', '.', '', 'a', 'B02.jp2', 'a\\b', 'C:', '\u0000'),
      fc.string({ maxLength: 8 }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const text = parts.join('/')
        let path: string
        try {
          path = safeAssetPath(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ASSET_UNSAFE' })
          return
        }
        const resolved = new URL(path.split('/').map(encodeURIComponent).join('/'), 'file:///root/folder/')
          .pathname
        expect(resolved.startsWith('/root/folder/')).toBe(true)
        expect(path.split('/')).not.toContain('..')
      }),
    )
  })

  test('two that a file system may take for one are refused', () => {
    expect(() => {
      checkDistinct(['a/b', 'a/c', 'd'])
    }).not.toThrow()
    for (const paths of [
      ['a', 'a'],
      ['a/B', 'a/b'],
      ['a', 'a/b'],
      ['a/b', 'a'],
      ['\u00e9', 'e\u0301'],
    ])
      expect(() => {
        checkDistinct(paths)
      }).toThrow(ProcessingError)
  })
})

describe('checksums', () => {
  test('a multihash is code, length and digest; every function has its own', () => {
    const hex = (name: string) => createHash(name).update('tilth').digest('hex')
    // Codes of the multicodec table: sha2-256 0x12, sha1 0x11, sha2-512 0x13, sha2-384 0x20, md5 0xd5 (two bytes as a varint: d5 01).
    expect(parseMultihash(`1220${hex('sha256')}`)).toEqual({ algorithm: 'sha256', hex: hex('sha256') })
    expect(parseMultihash(`1114${hex('sha1')}`)).toEqual({ algorithm: 'sha1', hex: hex('sha1') })
    expect(parseMultihash(`1340${hex('sha512')}`)).toEqual({ algorithm: 'sha512', hex: hex('sha512') })
    expect(parseMultihash(`2030${hex('sha384')}`)).toEqual({ algorithm: 'sha384', hex: hex('sha384') })
    expect(parseMultihash(`d50110${hex('md5')}`)).toEqual({ algorithm: 'md5', hex: hex('md5') })
  })

  test('what is none is none: no digest is ever made of it', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b).toString('hex')),
        ),
        (text) => {
          const found = parseMultihash(text)
          if (found !== null) expect(text.toLowerCase().endsWith(found.hex)).toBe(true)
        },
      ),
    )
    expect(parseMultihash('')).toBeNull()
    expect(parseMultihash('1220ab')).toBeNull()
    expect(namedChecksum('BLAKE3', 'ab')).toBeNull()
    expect(namedChecksum('SHA-256', 'AB'.repeat(32))).toEqual({ algorithm: 'sha256', hex: 'ab'.repeat(32) })
  })
})

describe('pauses', () => {
  test('grow to a minute, and never vanish', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.double({ min: 0.01, max: 60, noNaN: true }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (n, first, random) => {
          const pause = pauseSeconds(n, first, random)
          expect(pause).toBeLessThanOrEqual(60)
          expect(pause).toBeGreaterThanOrEqual(Math.min(60, first) / 2)
        },
      ),
    )
    // 1 s, doubled twice, with a quarter of it left out: 4 x (0.5 + 0.5 / 2)
    expect(pauseSeconds(4, 1, 0.5)).toBe(3)
  })

  test('Retry-After is a number or a date', () => {
    const now = new Date('2026-01-01T00:00:00Z')
    expect(retryAfterSeconds('120', now)).toBe(120)
    expect(retryAfterSeconds('Thu, 01 Jan 2026 00:00:30 GMT', now)).toBe(30)
    expect(retryAfterSeconds('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0)
    expect(retryAfterSeconds('99999999', now)).toBe(86_400)
    for (const text of [null, '', 'soon', '-5', '1e9']) expect(retryAfterSeconds(text, now)).toBeNull()
  })

  test('what cannot pass is not tried again, and a long demand is handed on', async () => {
    const run = async (error: Error) => {
      let tries = 0
      const work = () => {
        tries++
        return Promise.reject(error)
      }
      const options = { tries: 3, firstS: 0.001, signal: new AbortController().signal }
      await expect(withBackOff(options, work)).rejects.toBe(error)
      return tries
    }
    expect(await run(new ServiceError('SOURCE_UNREACHABLE', ''))).toBe(3)
    expect(await run(new ServiceError('ASSET_MISSING', '', { isRetried: false }))).toBe(1)
    expect(await run(new ServiceError('SOURCE_BUSY', '', { retryAfterS: 61 }))).toBe(1)
    expect(await run(new Error('a bug'))).toBe(1)
  })
})

describe('addresses', () => {
  const rules = {
    own: ['https://a.example.org/stac'],
    hosts: ['*.data.org', 'b.example.org:8443'],
    trusted: ['t.example.org'],
  }
  const check = (address: string, from: string | null = null) => {
    try {
      return checkAddress('s', new URL(address), rules, from === null ? null : new URL(from)).isTrusted
    } catch (error) {
      return error instanceof ProcessingError ? error.code : 'other'
    }
  }
  test.each([
    ['https://a.example.org/x', null, true],
    ['https://a.example.org:9443/x', null, false],
    ['https://t.example.org/x', null, true],
    ['http://t.example.org/x', null, false],
    ['https://x.data.org/y', null, false],
    ['https://data.org/y', null, 'SOURCE_HOST_REFUSED'],
    ['https://evildata.org/y', null, 'SOURCE_HOST_REFUSED'],
    ['https://b.example.org:8443/', null, false],
    ['https://b.example.org/', null, 'SOURCE_HOST_REFUSED'],
    ['https://a.example.org@evil.org/', null, 'SOURCE_HOST_REFUSED'],
    ['https://169.254.169.254/latest', null, 'SOURCE_HOST_REFUSED'],
    ['file:///etc/passwd', null, 'SOURCE_HOST_REFUSED'],
    ['ftp://a.example.org/', null, 'SOURCE_HOST_REFUSED'],
    ['http://x.data.org/y', 'https://a.example.org/', 'SOURCE_HOST_REFUSED'],
  ] as const)('%s (after %s): %s', (address, from, expected) => {
    expect(check(address, from)).toBe(expected)
  })
})

describe('searches', () => {
  test('days that touch are one span, in any order', () => {
    const span = (from: string, to: string) => ({ from, to })
    const spans = [
      span('2025-06-01', '2025-06-30'),
      span('2025-03-01', '2025-05-31'),
      span('2025-08-01', '2025-08-02'),
      span('2025-06-10', '2025-06-12'),
    ]
    const joined = [span('2025-03-01', '2025-06-30'), span('2025-08-01', '2025-08-02')]
    fc.assert(
      fc.property(fc.shuffledSubarray(spans, { minLength: 4 }), (some) => {
        expect(joinDays(some)).toEqual(joined)
      }),
    )
  })

  test('an area over the antimeridian is asked for as two boxes, one with many corners as one', () => {
    const ring = ringOf([179, -17, 181, -16])
    expect(searchArea({ type: 'Polygon', coordinates: [ring] }, 'intersects')).toEqual({
      boxes: [
        [179, -17, 180, -16],
        [-180, -17, -179, -16],
      ],
    })
    const circle = Array.from(
      { length: 400 },
      (_, i) => [Math.cos((i / 399) * 2 * Math.PI), Math.sin((i / 399) * 2 * Math.PI)] as const,
    )
    expect(searchArea({ type: 'Polygon', coordinates: [circle] }, 'intersects')).toHaveProperty(
      'boxes.length',
      1,
    )
    expect(
      wktOf({
        type: 'MultiPolygon',
        coordinates: [
          [
            [
              [0, 0],
              [1, 0],
              [0, 1],
              [0, 0],
            ],
          ],
        ],
      }),
    ).toBe('MULTIPOLYGON(((0 0,1 0,0 1,0 0)))')
  })
})

describe('names and verdicts', () => {
  test('names of products tell platform, tile, orbit and time', () => {
    expect(productName('S2A_MSIL1C_20250510T105621_N0511_R094_T31TCJ_20250510T143512.SAFE')).toBe(
      'S2A_MSIL1C_20250510T105621_N0511_R094_T31TCJ_20250510T143512',
    )
    expect(factsOfName('S2A_MSIL1C_20250510T105621_N0511_R094_T31TCJ_20250510T143512')).toMatchObject({
      platform: 'S2A',
      tile: '31TCJ',
      relativeOrbit: 94,
      sensedAt: '2025-05-10T10:56:21.000Z',
    })
    expect(factsOfName('LC08_L1GT_198030_20250510_20250518_02_T2')).toMatchObject({
      platform: 'LC08',
      tile: '198030',
      isIgnoredLevel: true,
    })
    expect(factsOfName('S2A_31TCJ_20250510_0_L1C')).toBeNull()
  })

  const wanted: Wanted = {
    seasons: [
      { siteId: 1, slug: 'a', season: 's', startsOn: '2025-03-01', until: '2025-10-31', isPast: false },
    ],
    tiles: [
      { siteId: 1, tile: '31TCJ', origin: 'auto', enabled: true },
      { siteId: 1, tile: '31TCH', origin: 'auto', enabled: false },
      { siteId: 2, tile: '31TDJ', origin: 'auto', enabled: true },
    ],
  }
  const offer = {
    product: 'x',
    platform: 'S2A',
    tile: '31TCJ',
    relativeOrbit: 94,
    sensedAt: '2025-05-10T10:56:21.000Z',
    cloudPercent: 30,
  }
  test.each([
    ['wanted', {}, {}, null],
    ['disabled tile', { tile: '31TCH' }, {}, 'FILTER_TILE'],
    ['tile of nobody', { tile: '32TMT' }, {}, 'outside'],
    ['tile of a site without a season', { tile: '31TDJ' }, {}, 'outside'],
    ['day out of season', { sensedAt: '2025-11-01T00:00:00.000Z' }, {}, 'outside'],
    ['last day of the season', { sensedAt: '2025-10-31T23:59:59.000Z' }, {}, null],
    ['unknown tile', { tile: null }, {}, null],
    ['clouds', {}, { cloud_max: 20 }, 'FILTER_CLOUD'],
    ['clouds at the limit', {}, { cloud_max: 30 }, null],
    ['unknown clouds', { cloudPercent: null }, { cloud_max: 0 }, null],
    ['orbit', {}, { orbits: [51] }, 'FILTER_ORBIT'],
    ['platform', {}, { platforms: ['S2B'] }, 'FILTER_PLATFORM'],
    ['before', {}, { from: '2025-05-11' }, 'FILTER_DATE'],
    ['after', {}, { to: '2025-05-09' }, 'FILTER_DATE'],
    ['other tiles', {}, { tiles: ['31TCH'] }, 'FILTER_TILE'],
    ['level', { product: 'LC08_L1GT_198030_20250510_20250518_02_T2' }, {}, 'FILTER_LEVEL'],
  ] as const)('%s', (_, over, filters, expected) => {
    const verdict = verdictOf(
      { ...offer, ...over },
      wanted,
      parseConfig('s', 'folder', { path: '/x', filters }).config.filters,
    )
    expect(typeof verdict === 'object' && verdict !== null ? verdict.code : verdict).toBe(expected)
  })
})

describe('failures', () => {
  const layers = layersOf({ settings: [], sites: [] })(null)
  const of = (
    code:
      | 'SOURCE_UNREACHABLE'
      | 'DOWNLOAD_TRUNCATED'
      | 'CHECKSUM_MISMATCH'
      | 'PRODUCT_INCOMPLETE'
      | 'DISK_FULL'
      | 'QUOTA_EXCEEDED',
    failures: number,
  ) => failureOf(new ProcessingError(code, ''), failures, layers)
  test('wait longer each time, up to six hours', () => {
    expect([0, 1, 2, 20].map((n) => of('DOWNLOAD_TRUNCATED', n).waitSeconds)).toEqual([120, 240, 480, 21_600])
  })
  test('are given up by what they are: at once, after two, eight or 24 tries, or never', () => {
    const tries = (code: Parameters<typeof of>[0]) =>
      [...Array(100).keys()].findIndex((n) => of(code, n).giveUp) + 1
    expect(tries('PRODUCT_INCOMPLETE')).toBe(1)
    expect(tries('CHECKSUM_MISMATCH')).toBe(2)
    expect(tries('DOWNLOAD_TRUNCATED')).toBe(8)
    expect(tries('SOURCE_UNREACHABLE')).toBe(24)
    expect(tries('DISK_FULL')).toBe(0)
    expect(tries('QUOTA_EXCEEDED')).toBe(0)
  })
  test('a demand of the service counts for more than our own pause', () => {
    const error = new ServiceError('SOURCE_BUSY', '', { retryAfterS: 5000 })
    expect(failureOf(error, 0, layers)).toMatchObject({ waitSeconds: 5000, counts: false, giveUp: false })
  })
})

describe('configurations', () => {
  test('all mistakes are named at once, with their keys', () => {
    const parse = () =>
      parseConfig('x', 'stac', {
        url: 'ftp://x',
        collections: [],
        filters: { cloud_max: 101, tiles: ['99XXX'] },
        typo: 1,
      })
    expect(parse).toThrow(/url: .*collections: .*filters\.cloud_max: .*filters\.tiles\.0: .*typo/s)
  })
  test('an address holds no password', () => {
    expect(() => parseConfig('x', 'stac', { url: 'https://me:pw@x.org', collections: ['a'] })).toThrow(
      /credentials/,
    )
  })
  test('keys are set, nested and removed; nothing else changes', () => {
    expect(changeKey({ a: 1, filters: { x: 1, y: 2 } }, 'filters.x', undefined)).toEqual({
      a: 1,
      filters: { y: 2 },
    })
    expect(changeKey({ a: 1 }, 'filters.cloud_max', 80)).toEqual({ a: 1, filters: { cloud_max: 80 } })
    expect(() => changeKey({ a: 1 }, 'a.b', 2)).toThrow(/no object/)
  })
})
