import { InvalidArgumentError, Option, type Command } from 'commander'
import { resolve } from 'node:path'
import type { Place } from '../products/l2a/pixel-numbers.js'
import { finiteNumber } from './numbers.js'

interface Options {
  readonly at?: Place
  readonly lonlat?: Place
  readonly pixel?: Place
  readonly plot?: string
  readonly json?: boolean
}

/** Two numbers with a comma between them. */
const place =
  (kind: Place['kind']) =>
  (text: string): Place => {
    const parts = text.split(',')
    if (parts.length !== 2)
      throw new InvalidArgumentError(`expected two numbers with a comma between them, found '${text}'`)
    const [x = NaN, y = NaN] = parts.map(finiteNumber)
    if (kind === 'pixel' && !(Number.isSafeInteger(x) && Number.isSafeInteger(y)))
      throw new InvalidArgumentError(`expected two whole numbers, found '${text}'`)
    if (kind === 'lonlat' && !(Math.abs(x) <= 180 && Math.abs(y) <= 90))
      throw new InvalidArgumentError(
        `expected a longitude of -180 to 180 and a latitude of -90 to 90 degrees, found '${text}'`,
      )
    return { kind, x, y }
  }

const pageFile = (text: string): string => {
  if (!/\.html?$/i.test(text))
    throw new InvalidArgumentError(`expected the name of a page, such as plot.html, found '${text}'`)
  return text
}

/** Registers `inspect` below `tilth l2a`. */
export function registerInspect(l2a: Command): void {
  l2a
    .command('inspect')
    .description(
      'what was decided for an L2A product: atmosphere, masks, chain, time; and the numbers of a pixel',
    )
    .argument('<product>', 'folder of an L2A product in our layout, corrected here or imported')
    .addOption(
      new Option('--at <x,y>', "a pixel's numbers: map coordinates, m, in the CRS of the product")
        .argParser(place('at'))
        .conflicts(['lonlat', 'pixel']),
    )
    .addOption(
      new Option('--lonlat <lon,lat>', 'the same by longitude and latitude, degrees, WGS 84')
        .argParser(place('lonlat'))
        .conflicts('pixel'),
    )
    .addOption(
      new Option(
        '--pixel <col,row>',
        'the same by column and row of MASK.tif, the finest grid, from 0',
      ).argParser(place('pixel')),
    )
    .option(
      '--plot <file.html>',
      'page with the picture, the mask over it, maps of AOT and water vapour with their scales',
      pageFile,
    )
    .option('--json', 'print JSON')
    .action(async (folder: string, options: Options) => {
      const { openL2aProduct } = await import('../products/l2a/open-l2a.js')
      const { readReport } = await import('../products/l2a/read-report.js')
      const { readPixelNumbers } = await import('../products/l2a/pixel-numbers.js')
      const { formatDecisions, formatPixel } = await import('./format-inspect.js')
      const { printJson } = await import('./queue-options.js')
      const product = await openL2aProduct(resolve(folder))
      const report = await readReport(product)
      const wanted = options.at ?? options.lonlat ?? options.pixel
      const pixel = wanted === undefined ? null : await readPixelNumbers(product, wanted)
      if (options.plot !== undefined) {
        const { drawInspectPage } = await import('../products/l2a/inspect-page.js')
        const { publishError } = await import('../products/publish.js')
        const { writeFile } = await import('node:fs/promises')
        const page = await drawInspectPage(product, report)
        await writeFile(options.plot, page).catch((cause: unknown) => {
          throw publishError(`Writing '${String(options.plot)}'`, cause)
        })
      }
      if (options.json === true) {
        const plot = options.plot === undefined ? null : resolve(options.plot)
        printJson({ folder: product.folder, report, pixel, plot })
        return
      }
      process.stdout.write(
        pixel === null ? formatDecisions(product.folder, report) : `${report.product}\n${formatPixel(pixel)}`,
      )
    })
}
