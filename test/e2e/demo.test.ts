import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, tilth } from '../support/cli.js'
import { processesOf } from '../support/processes-of.js'

interface DemoResult {
  readonly summary: string
  readonly products: readonly {
    readonly product: string
    readonly folder: string
    readonly errors: readonly { readonly name: string; readonly rmse: number; readonly pixels: number }[]
  }[]
}

test('the demo runs twice in the same folder, makes seven products near the truth and leaves no process behind', async () => {
  const dir = join(temporaryFolder('demo'), 'here')
  for (const round of [1, 2]) {
    const { exitCode, stdout, stderr } = await tilth(['demo', '--dir', dir, '--pixel-size', '600', '--json'])
    expect(exitCode, `round ${round}: ${stderr}`).toBe(0)
    const result = JSON.parse(stdout) as DemoResult
    expect(result.products).toHaveLength(7)
    for (const { product, folder, errors } of result.products) {
      expect(readdirSync(folder), product).toContain('item.json')
      // AOT is found to some hundredths, of which each costs about .001 in B02; noise of 4 DN and rounding come to .0005.
      for (const { name, rmse, pixels } of errors) {
        expect(pixels).toBeGreaterThan(1250)
        expect(rmse, `${product} ${name}`).toBeLessThan(0.007)
      }
    }
    const page = readFileSync(result.summary, 'utf8')
    expect(readFileSync(join(dir, 'job.html'), 'utf8')).toMatch(/7 succeeded/)
    const sites = await tilth(['site', 'list', '--json'], { TILTH_HOME: dir })
    expect((JSON.parse(sites.stdout) as { parent: string | null }[]).map(({ parent }) => parent)).toEqual([
      null,
      'demo-fields',
      'demo-fields',
    ])
    for (const [, picture] of page.matchAll(/<img[^>]+src="([^"]+)"/g))
      expect(existsSync(join(dirname(result.summary), decodeURIComponent(picture!)))).toBe(true)
    expect(processesOf(dir)).toEqual([])
  }
}, 1_200_000)
