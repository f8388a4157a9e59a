import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { REAL_SAFE, hasSharedData, productFolder, temporaryFolder, tilth } from '../support/cli.js'
import { L2A_RASTERS } from '../support/l2a-files.js'
import { processesOf } from '../support/processes-of.js'
import { eventually } from '../support/queue.js'

describe.skipIf(!hasSharedData)(
  'the same real product by `tilth l2a` and through site, ingest and scheduler',
  () => {
    const home = temporaryFolder('same pixels')
    // The embedded server of this folder, as a newcomer has it.
    const env = { TILTH_HOME: home, DATABASE_URL: '' }
    let alone = ''
    let scheduled = ''

    beforeAll(async () => {
      const run = async (...args: string[]): Promise<string> => {
        const result = await tilth(args, env)
        expect(result.exitCode, `${args.join(' ')}: ${result.stderr}`).toBe(0)
        return result.stdout
      }
      const out = join(home, 'alone')
      await run('l2a', REAL_SAFE, '--out', out, '--quiet')
      alone = productFolder(out)

      const polygon = join(home, 'field.geojson')
      const ring = [
        [147.5, -28.4],
        [147.6, -28.4],
        [147.6, -28.5],
        [147.5, -28.5],
        [147.5, -28.4],
      ]
      writeFileSync(polygon, JSON.stringify({ type: 'Polygon', coordinates: [ring] }))
      await run('site', 'add', polygon, '--name', 'Field')
      await run('ingest', REAL_SAFE)
      expect(await run('process', '--site', 'field', '--processor', 'l2a')).toMatch(/^job \d+: 1 steps/)
      await run('up', '--until-idle')
      const products = JSON.parse(await run('products', '--json')) as { location: string }[]
      expect(products).toHaveLength(1)
      scheduled = join(home, 'archive', products[0]!.location.replace('archive:', ''))
    })

    test('every raster and the quicklook have the same bytes', () => {
      const names = (folder: string) => readdirSync(folder).sort()
      expect(names(scheduled)).toEqual(names(alone))
      const pictures = names(alone).filter((name) => /\.(tif|png)$/.test(name))
      expect(pictures).toEqual([...L2A_RASTERS, 'quicklook.png'])
      for (const name of pictures)
        expect(readFileSync(join(scheduled, name)).equals(readFileSync(join(alone, name))), name).toBe(true)
    })

    test('no Postgres and no step process is left behind', async () => {
      await eventually(
        () => Promise.resolve(processesOf(home).length === 0),
        `these end: ${processesOf(home).join('; ')}`,
        10_000,
      )
    })
  },
)
