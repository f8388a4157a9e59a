import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import { searchArea } from '../areas.js'
import type { StacConfig } from '../config.js'
import type { HttpClient } from '../http/client.js'
import type { Found, Search } from '../source.js'
import { readItem } from './read-item.js'

const linkSchema = z.looseObject({
  rel: z.string(),
  href: z.string(),
  method: z.string().optional(),
  body: z.record(z.string(), z.unknown()).optional(),
  merge: z.boolean().optional(),
  headers: z.record(z.string(), z.union([z.string(), z.array(z.string())])).optional(),
})
const pageSchema = z.looseObject({
  features: z.array(z.unknown()),
  links: z.array(linkSchema).default([]),
})

interface PageRequest {
  readonly url: string
  readonly method: 'GET' | 'POST'
  readonly body: Readonly<Record<string, unknown>> | null
  readonly headers: Readonly<Record<string, string>>
}

export interface PageLimits {
  readonly maxPages: number
  readonly signal: AbortSignal
}

/**
 * Items of a STAC API that a search meets, page by page (STAC API - Item Search 1.0.0): `next` links by GET, and by POST with the body as the
 * link gives it, merged with the request's where it says so. Throws SOURCE_ANSWER_INVALID where pages come again or never end.
 */
export async function* searchStac(
  source: string,
  config: StacConfig,
  search: Search,
  client: HttpClient,
  limits: PageLimits,
): AsyncGenerator<readonly Found[], void, undefined> {
  for (const request of firstRequests(config, search)) yield* pages(source, config, request, client, limits)
}

function firstRequests(config: StacConfig, { area, from, to }: Search): readonly PageRequest[] {
  const url = `${config.url}/search`
  const asked = searchArea(area, config.area)
  const datetime = `${from}T00:00:00Z/${to}T23:59:59Z`
  const places: readonly Readonly<Record<string, unknown>>[] =
    'polygon' in asked ? [{ intersects: asked.polygon }] : asked.boxes.map((bbox) => ({ bbox }))
  return places.map((place) => {
    const body = { collections: config.collections, datetime, limit: config.page_size, ...place }
    if (config.method === 'POST')
      return {
        url,
        method: 'POST',
        body: { ...body, ...(config.query === undefined ? {} : { query: config.query }) },
        headers: {},
      }
    const query = Object.entries(body).map(([key, value]): [string, string] => [
      key,
      Array.isArray(value)
        ? value.join(',')
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value),
    ])
    return { url: `${url}?${new URLSearchParams(query).toString()}`, method: 'GET', body: null, headers: {} }
  })
}

async function* pages(
  source: string,
  config: StacConfig,
  first: PageRequest,
  client: HttpClient,
  { maxPages, signal }: PageLimits,
): AsyncGenerator<readonly Found[], void, undefined> {
  const asked = new Set<string>()
  let request: PageRequest | null = first
  for (let page = 1; request !== null; page++) {
    const { url, method, body, headers }: PageRequest = request
    const key = JSON.stringify([url, method, body])
    const endless = asked.has(key)
      ? 'a page that came before'
      : page > maxPages
        ? `more than ${maxPages} pages`
        : null
    if (endless !== null)
      throw new ProcessingError(
        'SOURCE_ANSWER_INVALID',
        `The search of source '${source}' leads to ${endless}; expected an end. Raise sources.max_pages if there really are so many.`,
      )
    asked.add(key)
    const json = await client.json(url, {
      method,
      signal,
      missing: 'SOURCE_ANSWER_INVALID',
      headers: body === null ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    })
    const parsed = pageSchema.safeParse(json)
    if (!parsed.success)
      throw new ProcessingError(
        'SOURCE_ANSWER_INVALID',
        `The answer to the search of source '${source}' is no page of STAC Items (${parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}). Is '${config.url}' a STAC API?`,
      )
    const { features, links } = parsed.data
    yield features.map((item) => readItem(item, config, url))
    request = nextRequest(links, request)
  }
}

/** The request that the `next` link stands for; null where there is none. */
function nextRequest(links: readonly z.infer<typeof linkSchema>[], request: PageRequest): PageRequest | null {
  const link = links.find(({ rel }) => rel === 'next')
  if (link === undefined) return null
  const method = link.method?.toUpperCase() === 'POST' ? 'POST' : 'GET'
  const headers = Object.fromEntries(
    Object.entries(link.headers ?? {})
      // Where credentials go is decided here, not by an answer.
      .filter(([name]) => !/^(authorization|cookie|host|proxy-.*)$/i.test(name))
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  )
  const body =
    method === 'GET'
      ? null
      : link.merge === true
        ? { ...request.body, ...link.body }
        : (link.body ?? request.body ?? {})
  const url = URL.canParse(link.href, request.url) ? new URL(link.href, request.url).href : link.href
  return { url, method, body, headers }
}
