import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { convertSen2agri } from '../../src/catalog/sen2agri/convert-sen2agri.js'
import { parseHexEwkb } from '../../src/products/sen2agri/parse-ewkb.js'
import { readTables } from '../../src/products/sen2agri/read-tables.js'
import { temporaryFolder, tilth } from '../support/cli.js'

/** Extended well-known binary of a polygon, as PostGIS would write it. */
function ewkb(
  ring: readonly (readonly [number, number])[],
  { isMulti = false, srid = 4326, isLittle = true } = {},
): string {
  const uint = (value: number) => {
    const bytes = Buffer.alloc(4)
    if (isLittle) bytes.writeUInt32LE(value)
    else bytes.writeUInt32BE(value)
    return bytes
  }
  const double = (value: number) => {
    const bytes = Buffer.alloc(8)
    if (isLittle) bytes.writeDoubleLE(value)
    else bytes.writeDoubleBE(value)
    return bytes
  }
  const order = Buffer.from([isLittle ? 1 : 0])
  const rings = [uint(1), uint(ring.length), ...ring.flatMap(([x, y]) => [double(x), double(y)])]
  const head = (type: number) => [order, uint((type | 0x2000_0000) >>> 0), uint(srid)]
  const parts = isMulti ? [...head(6), uint(1), order, uint(3), ...rings] : [...head(3), ...rings]
  return Buffer.concat(parts).toString('hex').toUpperCase()
}
const RING = [
  [1.4, 43.5],
  [1.5, 43.5],
  [1.5, 43.6],
  [1.4, 43.5],
] as const

describe('geometries of PostGIS', () => {
  test('polygons and multipolygons in both byte orders', () => {
    const rings = [RING.map((each) => [...each])]
    expect(parseHexEwkb(ewkb(RING))).toEqual({ type: 'Polygon', coordinates: rings })
    expect(parseHexEwkb(ewkb(RING, { isLittle: false }))).toEqual({ type: 'Polygon', coordinates: rings })
    expect(parseHexEwkb(ewkb(RING, { isMulti: true }))).toEqual({
      type: 'MultiPolygon',
      coordinates: [rings],
    })
  })

  test('every cut, another SRID, another type and a lying count are refused', () => {
    const whole = ewkb(RING, { isMulti: true })
    for (let length = 2; length < whole.length; length += 2)
      expect(() => parseHexEwkb(whole.slice(0, length)), String(length)).toThrow('cut short')
    expect(() => parseHexEwkb(`${whole}00`)).toThrow('left over')
    expect(() => parseHexEwkb(ewkb(RING, { srid: 3857 }))).toThrow('SRID 3857')
    expect(() => parseHexEwkb('0101000020E6100000')).toThrow('type 1')
    expect(() => parseHexEwkb('POINT')).toThrow('no hexadecimal')
    // Type polygon, SRID, one ring of 4,294,967,295 points.
    expect(() => parseHexEwkb('0103000020E610000001000000FFFFFFFF')).toThrow('cut short')
  })
})

const DUMP = `--
COPY public.config (key, site_id, value, last_updated) FROM stdin;
processor.l2a.optical.num-workers\t\\N\t6\t2020-01-01 00:00:00+00
processor.l2a.optical.max-retries\t1\t2\t2020-01-01 00:00:00+00
processor.l4a.tile-threads-hint\t\\N\t5\t2020-01-01 00:00:00+00
processor.l3a.half_synthesis\t\\N\t30\t2020-01-01 00:00:00+00
processor.l3a.weight.total.weightdatemin\t1\t0.4\t2020-01-01 00:00:00+00
processor.l3a.weight.total.weightdatemin\t\\N\t0\t2020-01-01 00:00:00+00
processor.l2a.s2.implementation\t\\N\tmaja\t2020-01-01 00:00:00+00
archiver.max_age.l2a\t\\N\t400\t2020-01-01 00:00:00+00
general.scratch-path\t\\N\t/mnt/scratch\t2020-01-01 00:00:00+00
\\.

COPY public.job (job_id, parameters) FROM stdin;
1\t{"a": 1}\tone too many, but not read
\\.

COPY public.season (id, site_id, name, start_date, end_date, mid_date, enabled) FROM stdin;
1\t1\tsummer\t2020-04-01\t2020-10-31\t2020-07-01\tt
2\t1\told\t2019-04-01\t2019-10-31\t2019-07-01\tf
3\t2\tsummer\t2020-04-01\t2020-10-31\t2020-07-01\tt
\\.

COPY public.site (id, name, short_name, geog, enabled) FROM stdin;
1\tLauragais\\tEst\tlauragais_est\tGEOM\tt
2\tLauragais 31TCJ\tlauragais_31tcj\tGEOM\tf
\\.

COPY public.site_tiles (site_id, satellite_id, tiles) FROM stdin;
2\t1\t{31TCJ}
1\t2\t{198030,"199030"}
1\t3\t{A}
\\.
`.replaceAll('GEOM', ewkb(RING, { isMulti: true }))

describe('a dump', () => {
  test('becomes sites with seasons, filters and sub-sites, commands, and notes of what is otherwise', () => {
    const { siteFile, commands, notes } = convertSen2agri(readTables(DUMP, 'dump.sql'))
    expect(siteFile).toContain('slug = "lauragais-est"\nname = "Lauragais\\tEst"\npaused = false')
    expect(siteFile).toContain('[site.tiles.landsat]\nonly = [ "198030", "199030" ]')
    expect(siteFile).toContain('[[site.sub_site]]\nslug = "lauragais-31tcj"')
    expect(siteFile).toContain('[site.sub_site.tiles.s2]\nonly = [ "31TCJ" ]')
    expect(siteFile).toContain('start = 2020-04-01\nmid = 2020-07-01\nend = 2020-10-31')
    expect(siteFile).not.toContain('2019')
    expect(commands).toEqual([
      'tilth config set processor.l2a.max_parallelism 6',
      'tilth config set retry.max_failures 2 --site lauragais-est',
      'tilth config set processor.composite.half_days 30',
      'tilth config set processor.composite.weight_date_min 0.4 --site lauragais-est',
    ])
    const told = notes.join('\n')
    expect(told).toContain('season old is disabled and left out')
    expect(told).toContain('satellite 3 is left out')
    expect(told).toContain('lauragais-31tcj has the area of lauragais-est and a tile filter')
    expect(told).toContain('tilth retention set --processor l2a --keep-days 400 --then archive')
    expect(told).toContain('processor.l4a.tile-threads-hint = 5: the processor is not there yet')
    expect(told).toContain('`tilth config set processor.l2a.engine maja` (--site) where')
    expect(told).toContain('1 rows of config have no counterpart')
  })

  test('a cut file, a row of other columns and a missing table are named with their place', () => {
    expect(() => readTables(DUMP.slice(0, DUMP.indexOf('COPY public.job') - 5), 'dump.sql')).toThrow(
      'dump.sql:2: the rows of table config have no end',
    )
    expect(() => readTables(DUMP.replace('\t6\t', '\t'), 'dump.sql')).toThrow(
      'dump.sql:3: expected 4 columns of table config, found 3',
    )
    expect(() => convertSen2agri(readTables('key,site_id,value\na,,b\n', 'config.csv'))).toThrow(
      'no table site',
    )
    expect(() => readTables('a,b\n1\n', 'site.csv')).toThrow('site.csv: is no CSV')
    expect(() => readTables('a,b\n', 'sites.csv')).toThrow('expected a plain dump')
  })
})

test('the command writes a site file that `tilth site apply` takes, and asks before it replaces one', async () => {
  const folder = temporaryFolder('sen2agri')
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const files = [
    put('site.csv', `id,name,short_name,geog,enabled\n1,"Farm, north",farm_north,${ewkb(RING)},t\n`),
    put(
      'season.csv',
      'id,site_id,name,start_date,end_date,mid_date,enabled\n1,1,s20,2020-04-01,2020-10-31,2020-07-01,t\n',
    ),
    put('site_tiles.csv', 'site_id,satellite_id,tiles\n1,1,"{31TCJ}"\n'),
  ]
  const out = join(folder, 'sites.toml')
  const made = await tilth(['import', 'sen2agri', ...files, '--out', out])
  expect(made.exitCode, made.stderr).toBe(0)
  expect(readFileSync(out, 'utf8')).toContain('slug = "farm-north"')
  expect((await tilth(['import', 'sen2agri', ...files, '--out', out])).stderr).toContain('CONFLICT')
  const applied = await tilth(['site', 'apply', out, '--dry-run'])
  expect(applied.stdout + applied.stderr).toContain('farm-north')
  expect(applied.exitCode, applied.stderr).toBeLessThanOrEqual(1)
})
