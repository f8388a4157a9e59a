import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { GeoJsonArea } from '../../domain/polygon.js'
import { ringOf, searchArea, wktOf } from '../areas.js'
import type { OdataConfig } from '../config.js'
import { namedChecksum } from '../download/checksum.js'
import type { HttpClient } from '../http/client.js'
import { factsOfName, productName } from '../product-name.js'
import type { PageLimits } from '../stac/search.js'
import type { Checksum, Found, Search } from '../source.js'

/** A product as the OData catalogue of the Copernicus Data Space Ecosystem lists it, as far as it is used. */
const productSchema = z.looseObject({
  Id: z.string().regex(/^[0-9A-Za-z-]{1,100}$/),
  Name: z.string().min(1).max(500),
  ContentLength: z.number().nullish(),
  Online: z.boolean().nullish(),
  ContentDate: z.looseObject({ Start: z.string() }),
  Checksum: z
    .array(z.looseObject({ Value: z.string().nullish(), Algorithm: z.string().nullish() }))
    .nullish(),
  Attributes: z.array(z.looseObject({ Name: z.string(), Value: z.unknown() })).nullish(),
})
const pageSchema = z.looseObject({
  value: z.array(z.unknown()),
  '@odata.nextLink': z.string().nullish(),
})

/** Products of an OData catalogue that a search meets, page by page. Throws SOURCE_ANSWER_INVALID where pages come again or never end. */
export async function* searchOdata(
  source: string,
  config: OdataConfig,
  search: Search,
  client: HttpClient,
  { maxPages, signal }: PageLimits,
): AsyncGenerator<readonly Found[], void, undefined> {
  for (const area of areasOf(search, config)) {
    const asked = new Set<string>()
    let url: string | null = firstUrl(config, search, area)
    for (let page = 1; url !== null; page++) {
      if (asked.has(url) || page > maxPages)
        throw new ProcessingError(
          'SOURCE_ANSWER_INVALID',
          `The search of source '${source}' leads to ${asked.has(url) ? 'a page that came before' : `more than ${maxPages} pages`}; expected an end. Raise sources.max_pages if there really are so many.`,
        )
      asked.add(url)
      const parsed = pageSchema.safeParse(
        await client.json(url, { signal, missing: 'SOURCE_ANSWER_INVALID' }),
      )
      if (!parsed.success)
        throw new ProcessingError(
          'SOURCE_ANSWER_INVALID',
          `The answer to the search of source '${source}' is no page of OData products. Is '${config.url}' the address of a catalogue?`,
        )
      yield parsed.data.value.map((product) => readProduct(product, config))
      const next: string | null | undefined = parsed.data['@odata.nextLink']
      url =
        next === null || next === undefined ? null : URL.canParse(next, url) ? new URL(next, url).href : next
    }
  }
}

function areasOf({ area }: Search, config: OdataConfig): readonly GeoJsonArea[] {
  const asked = searchArea(area, config.area)
  return 'polygon' in asked
    ? [asked.polygon]
    : asked.boxes.map((box) => ({ type: 'Polygon', coordinates: [ringOf(box)] }))
}

function firstUrl(config: OdataConfig, { from, to }: Search, area: GeoJsonArea): string {
  const filter = [
    `Collection/Name eq '${config.collection}'`,
    `Attributes/OData.CSDL.StringAttribute/any(att:att/Name eq 'productType' and att/OData.CSDL.StringAttribute/Value eq '${config.product_type}')`,
    `OData.CSDL.Intersects(area=geography'SRID=4326;${wktOf(area)}')`,
    `ContentDate/Start ge ${from}T00:00:00.000Z`,
    `ContentDate/Start le ${to}T23:59:59.999Z`,
  ].join(' and ')
  const query = new URLSearchParams({
    $filter: filter,
    $orderby: 'ContentDate/Start asc',
    $top: String(config.page_size),
    $expand: 'Attributes',
  })
  return `${config.url}/Products?${query.toString()}`
}

/** Pure. */
export function readProduct(json: unknown, config: OdataConfig): Found {
  const parsed = productSchema.safeParse(json)
  if (!parsed.success) return { skipped: `a product lacks ${parsed.error.issues[0]?.path.join('.') ?? '?'}` }
  const {
    Id: id,
    Name: name,
    ContentLength: length,
    Online: online,
    ContentDate,
    Checksum: sums,
    Attributes,
  } = parsed.data
  const attribute = (key: string): unknown => Attributes?.find((one) => one.Name === key)?.Value
  const number = (key: string): number | null => {
    const value = attribute(key)
    return typeof value === 'number' && Number.isFinite(value) ? value : null
  }
  if (Number.isNaN(Date.parse(ContentDate.Start)))
    return { skipped: `product ${name} has no time of sensing` }
  const product = productName(name)
  const named = factsOfName(product)
  return {
    offer: {
      remoteId: id,
      product,
      platform: named?.platform ?? null,
      tile: named?.tile ?? null,
      relativeOrbit: number('relativeOrbitNumber') ?? named?.relativeOrbit ?? null,
      sensedAt: new Date(ContentDate.Start).toISOString(),
      cloudPercent: number('cloudCover'),
      bytes: typeof length === 'number' && Number.isSafeInteger(length) && length > 0 ? length : null,
      content: {
        kind: 'archive',
        isOffline: online === false,
        assets: [
          {
            href: `${config.download_url}/Products(${id})/$value`,
            path: 'product.zip',
            // Of some products the length is that of the unpacked folder: it says about how much, not how much.
            bytes: null,
            checksum: config.verify_checksum ? checksumOf(sums ?? []) : null,
          },
        ],
      },
    },
  }
}

function checksumOf(
  sums: readonly { Value?: string | null | undefined; Algorithm?: string | null | undefined }[],
): Checksum | null {
  for (const { Value, Algorithm } of sums) {
    const found = namedChecksum(Algorithm ?? '', Value ?? '')
    if (found !== null) return found
  }
  return null
}
