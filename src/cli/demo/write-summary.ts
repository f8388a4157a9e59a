import { writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { renderSummary } from '../../products/html-summary.js'
import { PRODUCT_FILES } from '../../products/layout.js'
import { COMPARED_NAMES } from './compared-bands.js'
import type { DemoRow } from './run-demo.js'

/** Writes `summary.html` into the demo's folder: pictures, errors by band, bias. Returns its path. */
export async function writeSummary(
  home: string,
  rows: readonly DemoRow[],
  air: { readonly aot: number; readonly wv: number; readonly ozone: number },
  seconds: number,
): Promise<string> {
  const path = join(home, 'summary.html')

  const table = (title: string, note: string, pick: 'rmse' | 'bias') => ({
    title,
    note,
    columns: [
      { label: 'Product' },
      { label: 'Input' },
      ...COMPARED_NAMES.map((name) => ({ label: name, unit: '1', digits: 4 })),
    ],
    rows: rows.map((row) => [
      row.product,
      row.input,
      ...COMPARED_NAMES.map((name) => row.errors.find((e) => e.name === name)?.[pick] ?? null),
    ]),
  })
  const html = renderSummary({
    title: 'Tilth demo',
    lead:
      'Simulated Sentinel-2 L1C products of two neighbouring tiles and a Landsat scene over both, for a site of two sub-sites: ingested, ' +
      'scheduled and corrected to surface reflectance, ' +
      "compared with the simulator's truth. The processor was told the atmosphere; its physics are not the simulator's.",
    facts: [
      ['Products', String(rows.length)],
      ['Wall time', `${seconds.toFixed(0)} s`],
      ['AOT at 550 nm', String(air.aot)],
      ['Water vapour', `${air.wv} g/cm2`],
      ['Ozone', `${air.ozone} DU`],
    ],
    products: rows.map((row) => ({
      name: row.product,
      caption: `${row.tile}, ${row.date}, ${row.input}`,
      quicklook: relative(home, join(row.folder, PRODUCT_FILES.quicklook)),
      folder: relative(home, row.folder),
    })),
    tables: [
      table('Root mean square error', 'Surface reflectance, all valid pixels, against the truth.', 'rmse'),
      table('Bias', 'Mean of product minus truth.', 'bias'),
    ],
    footer:
      'Beside this page: job.html, who ran when and waited for whom; the simulated products in incoming/, the products in archive/.',
  })
  await writeFile(path, html)
  return path
}
