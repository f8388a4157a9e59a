import { readForeignL2a, type ProvenForeignL2a } from '../../products/foreign/read-foreign-l2a.js'
import { bboxOf } from './bbox-of.js'
import type { DescribedAcquisition, InputFormat } from './input-format.js'

/** L2A products of other processors. They are inputs as L1 is, but only the processor `import_l2a` takes them: `madeBy` tells them. */
export const foreignL2a: InputFormat = {
  acquisitions: () => Promise.resolve(['']),
  describe: async (path, { settleSeconds }) => describeForeign(await readForeignL2a(path, { settleSeconds })),
}

const compactTime = (iso: string): string => iso.replace(/[-:]|\.\d+|Z$/g, '')

function describeForeign({ source, finest, pixels }: ProvenForeignL2a): DescribedAcquisition {
  const { producer, platform, tile, datatakeId, sensedAt, baseline, generatedAt } = source
  const madeBy = producer.name
  const made = compactTime(generatedAt)
  const [right, bottom] = [
    finest.ulx + finest.width * finest.pixelWidthM,
    finest.uly - finest.height * finest.pixelHeightM,
  ]
  return {
    identity: ['S2_L2A', madeBy, platform, tile, sensedAt, `N${baseline}`, `G${made}`].join(':'),
    satellite: 's2',
    platform,
    tile,
    datatakeId,
    datatakeStart: source.namedAt,
    relativeOrbit: source.relativeOrbit,
    sensedAt,
    baseline,
    generatedAt,
    productUri: source.productUri,
    madeBy,
    bbox: bboxOf({ epsg: finest.epsg, extent: [finest.ulx, bottom, right, finest.uly] }),
    cloudPercent: null,
    notes: [...source.notes, `L2A made by ${madeBy} (${producer.version}): imported, never corrected again.`],
    place: `s2-l2a/${madeBy.toLowerCase()}/${tile}/${sensedAt.slice(0, 4)}/${platform}_${tile}_${compactTime(sensedAt)}_N${baseline}_${made}`,
    metadata: { epsg: finest.epsg, pixels, bands: source.bands.length },
  }
}
