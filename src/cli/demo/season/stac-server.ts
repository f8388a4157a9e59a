import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { InputProduct } from './simulate-inputs.js'

/** Collections by satellite. */
export const COLLECTIONS = { s2: 'sentinel-2-l1c', landsat: 'landsat-c2-l1' } as const
/** Items of a page at most, fewer than a client asks for: there are several pages. */
const PAGE = 40

interface StoredFile {
  /** Path in the product, as `NAME.SAFE/...`, or the name of the tar. */
  readonly path: string
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

/** A product that the server offers, with what it does wrong about one of its files. */
interface Stored {
  readonly product: InputProduct
  readonly files: readonly StoredFile[]
  readonly victim: string | null
}

const box = z.tuple([z.number(), z.number(), z.number(), z.number()])
const point = z.tuple([z.number(), z.number()])
const query = z.object({
  collections: z.array(z.string()),
  datetime: z.string().regex(/^[^/]+\/[^/]+$/),
  limit: z.number().int().positive().default(PAGE),
  token: z.string().regex(/^\d+$/).default('0'),
  bbox: box.optional(),
  intersects: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('Polygon'), coordinates: z.array(z.array(point)) }),
      z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(z.array(z.array(point))) }),
    ])
    .optional(),
})
type Query = z.infer<typeof query>

/**
 * A STAC API over simulated products (Item Search 1.0.0 by POST, with pages), on a port of this machine. An item appears when the clock of the season has
 * reached its publication. Files come with size and SHA-256; areas are compared by their boxes. What a product's `fault` or `hitch` says about
 * the server is done to its largest image.
 */
export class StacServer {
  /** Files that were cut or refused once already. */
  private readonly stumbled = new Set<string>()

  private constructor(
    private readonly server: Server,
    private readonly port: number,
    private readonly stored: readonly Stored[],
    private readonly now: () => number,
  ) {}

  /** Offers those that come by `stac`. @param now the clock of the season, ms since 1970 */
  static async start(products: readonly InputProduct[], now: () => number): Promise<StacServer> {
    const stored: Stored[] = []
    for (const product of products) if (product.pass.via === 'stac') stored.push(await store(product))
    const server = createServer()
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const self = new StacServer(server, port, stored, now)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      self.answer(request, response).catch(() => {
        response.destroy()
      })
    })
    return self
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = decodeURIComponent((request.url ?? '').replace(/\?.*$/, ''))
    if (path === '/search' && request.method === 'POST') {
      const asked = query.safeParse(JSON.parse(Buffer.concat(chunks).toString('utf8')))
      if (asked.success) sendJson(response, this.page(asked.data))
      else response.writeHead(400).end(asked.error.message)
      return
    }
    const [, name = '', file = ''] = /^\/files\/([^/]+)\/(.+)$/.exec(path) ?? []
    const found = this.stored.find(({ product }) => product.name === name)
    const entry = found?.files.find((one) => one.path === file)
    if (found === undefined || entry === undefined) response.writeHead(404).end('no such file')
    else await this.send(request, response, found, entry)
  }

  private page({ collections, datetime, limit, token, bbox, intersects }: Query): object {
    const [from = '', to = ''] = datetime.split('/')
    const area = bbox ?? (intersects === undefined ? null : boxOf(intersects.coordinates))
    const found = this.stored.filter(
      ({ product: { pass, sensedAt, bbox: own } }) =>
        pass.publishedMs <= this.now() &&
        collections.includes(COLLECTIONS[pass.satellite]) &&
        Date.parse(sensedAt) >= Date.parse(from) &&
        Date.parse(sensedAt) <= Date.parse(to) &&
        (area === null || touch(area, own)),
    )
    const first = Number(token)
    const end = first + Math.min(limit, PAGE)
    const next = {
      rel: 'next',
      href: `${this.url}/search`,
      method: 'POST',
      body: { token: String(end) },
      merge: true,
    }
    return {
      type: 'FeatureCollection',
      features: found.slice(first, end).map((one) => this.item(one)),
      links: end < found.length ? [next] : [],
    }
  }

  private item({ product, files, victim }: Stored): object {
    const { name, pass, sensedAt, cloudPercent, bbox } = product
    const [west, south, east, north] = bbox
    const wrong = pass.fault === 'wrong checksum' ? victim : null
    return {
      type: 'Feature',
      stac_version: '1.0.0',
      id: name,
      collection: COLLECTIONS[pass.satellite],
      bbox,
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [west, south],
            [east, south],
            [east, north],
            [west, north],
            [west, south],
          ],
        ],
      },
      properties: { datetime: sensedAt, 'eo:cloud_cover': cloudPercent },
      assets: Object.fromEntries(
        files.map(({ path, bytes, sha256 }, i) => [
          `file${i}`,
          {
            href: `${this.url}/files/${name}/${encodeURI(path)}`,
            ...(path.endsWith('.tar') ? { type: 'application/x-tar' } : { 'file:local_path': path }),
            roles: ['data'],
            'file:size': bytes,
            'file:checksum': `1220${path === wrong ? sha256.split('').reverse().join('') : sha256}`,
          },
        ]),
      ),
    }
  }

  /** A whole file or, with `Range`, its rest; its checksum is its version. */
  private async send(
    request: IncomingMessage,
    response: ServerResponse,
    { product: { pass }, victim }: Stored,
    { path, file, sha256 }: StoredFile,
  ): Promise<void> {
    const isFirst = path === victim && !this.stumbled.has(file)
    if (path === victim && pass.fault === 'file gone') {
      response.writeHead(404).end('no such file')
      return
    }
    if (isFirst && pass.hitch === 'busy server') {
      this.stumbled.add(file)
      response.writeHead(503, { 'retry-after': '1' }).end('busy')
      return
    }
    const content = await readFile(file)
    const etag = `"${sha256}"`
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const isRest = start > 0 && start < content.length && (request.headers['if-range'] ?? etag) === etag
    const part = isRest ? content.subarray(start) : content
    const headers = { etag, 'content-length': part.length, 'accept-ranges': 'bytes' }
    if (isRest)
      response.writeHead(206, {
        ...headers,
        'content-range': `bytes ${start}-${content.length - 1}/${content.length}`,
      })
    else response.writeHead(200, headers)
    if (isFirst && pass.hitch === 'cut download') {
      this.stumbled.add(file)
      response.write(part.subarray(0, Math.floor(part.length / 2)), () => {
        response.destroy()
      })
    } else response.end(part)
  }
}

async function store(product: InputProduct): Promise<Stored> {
  const { path, name } = product
  if (path === null) return { product, files: [], victim: null }
  const isFolder = (await stat(path)).isDirectory()
  const below = isFolder ? await filesBelow(path) : [path]
  const files: StoredFile[] = []
  for (const file of below) {
    const content = await readFile(file)
    files.push({
      path: isFolder ? `${name}.SAFE/${file.slice(path.length + 1)}` : `${name}.tar`,
      file,
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })
  }
  const largest = [...files]
    .sort((a, b) => b.bytes - a.bytes)
    .find(({ path: one }) => /\.(jp2|tar)$/.test(one))
  return { product, files, victim: largest?.path ?? null }
}

/** Absolute paths, sorted. */
export async function filesBelow(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

type Box = InputProduct['bbox']

function boxOf(coordinates: readonly unknown[]): Box {
  const numbers = coordinates.flat(4).filter((one): one is number => typeof one === 'number')
  const lons = numbers.filter((_, i) => i % 2 === 0)
  const lats = numbers.filter((_, i) => i % 2 === 1)
  return [Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)]
}

const touch = (a: Box, b: Box): boolean => a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3]

function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}
