import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the service has of one product. */
export interface Served {
  readonly id: string
  readonly name: string
  readonly sensedAt: string
  readonly tile: string
  readonly cloud: number
  readonly zip: Buffer
  /** Files by path; offered one by one instead of as a zip. */
  readonly files?: Readonly<Record<string, Buffer>>
  /** Put over the item that is made of it. */
  readonly item?: (item: Record<string, unknown>) => Record<string, unknown>
  readonly md5?: string
  readonly online?: boolean
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Act = (req: IncomingMessage, res: ServerResponse, go: () => void) => void
interface Fault {
  readonly path: RegExp
  times: number
  readonly act: Act
}

export const sha256Multihash = (bytes: Buffer): string =>
  `1220${createHash('sha256').update(bytes).digest('hex')}`
export const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex')

/**
 * A STAC API, an OData catalogue with its downloads and tokens, and an S3-like store, on a port of this machine, that misbehaves as it is told:
 * `once(path, act)` takes the place of the next answer to a matching path.
 */
export class SourceServer {
  readonly asked: Asked[] = []
  products: Served[] = []
  pageSize = 2
  nextBy: 'POST' | 'GET' = 'POST'
  /** Token that downloads need; null: none. */
  token: string | null = null
  /** Answers to the token address, one after the other; the last one stays. */
  tokens: string[] = []
  refreshToken: string | null = null
  private faults: Fault[] = []
  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(): Promise<SourceServer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const self = new SourceServer(server, (server.address() as AddressInfo).port)
    server.on('request', (req: IncomingMessage, res: ServerResponse) => {
      void self.handle(req, res).catch(() => {
        res.destroy()
      })
    })
    return self
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }
  /** The same server under another name: for redirects to "another host". */
  get otherUrl(): string {
    return `http://localhost:${this.port}`
  }

  once(path: RegExp, act: Act, times = 1): void {
    this.faults.push({ path, times, act })
  }

  /** Misbehaves no more. */
  healed(): void {
    this.faults = []
  }

  reset(): void {
    this.asked.length = 0
    this.healed()
    this.products = []
    this.token = null
    this.tokens = []
    this.refreshToken = null
    this.pageSize = 2
    this.nextBy = 'POST'
  }

  askedFor(path: RegExp): Asked[] {
    return this.asked.filter(({ url }) => path.test(decodeURIComponent(url)))
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of req) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString('utf8')
    const url = req.url ?? ''
    this.asked.push({ method: req.method ?? '', url, headers: req.headers, body })
    const fault = this.faults.find(({ path, times }) => times > 0 && path.test(decodeURIComponent(url)))
    const go = () => {
      this.answer(req, res, url, body)
    }
    if (fault === undefined) {
      go()
      return
    }
    fault.times--
    fault.act(req, res, go)
  }

  private answer(req: IncomingMessage, res: ServerResponse, address: string, body: string): void {
    const url = new URL(address, this.url)
    const path = decodeURIComponent(url.pathname)
    if (path === '/stac/search') {
      json(res, this.stacPage(req.method === 'POST' ? (JSON.parse(body) as Query) : fromUrl(url)))
      return
    }
    if (path === '/token') {
      this.giveToken(res, new URLSearchParams(body))
      return
    }
    if (path === '/odata/v1/Products') {
      json(res, this.odataPage(url))
      return
    }
    const download = /^\/odata\/v1\/Products\((.*)\)\/\$value$/.exec(path)?.[1]
    const byId = this.products.find(({ id }) => id === download)
    const [, name = '', file = ''] = /^\/(?:files|bucket)\/([^/]+)\/(.+)$/.exec(path) ?? []
    const product = byId ?? this.products.find((one) => one.name === name)
    const bytes = byId === undefined && file !== 'product.zip' ? product?.files?.[file] : product?.zip
    if (bytes === undefined) {
      res.writeHead(404).end('no such file')
      return
    }
    if (byId !== undefined && this.token !== null && req.headers.authorization !== `Bearer ${this.token}`) {
      res.writeHead(401).end('expired token')
      return
    }
    sendFile(req, res, bytes)
  }

  private stacPage(query: Query): unknown {
    const [from = '', to = ''] = (query.datetime ?? '').split('/')
    const matching = this.products.filter(({ sensedAt }) => sensedAt >= from && sensedAt <= to)
    const at = Number(query.token ?? 0)
    const more = at + this.pageSize < matching.length
    const token = String(at + this.pageSize)
    const next =
      this.nextBy === 'POST'
        ? { rel: 'next', href: `${this.url}/stac/search`, method: 'POST', body: { token }, merge: true }
        : {
            rel: 'next',
            href: `/stac/search?${new URLSearchParams({ datetime: query.datetime ?? '', token }).toString()}`,
          }
    return {
      type: 'FeatureCollection',
      features: matching.slice(at, at + this.pageSize).map((one) => this.item(one)),
      links: more ? [{ rel: 'self', href: this.url }, next] : [],
    }
  }

  private item(one: Served): Record<string, unknown> {
    const base = `${this.url}/files/${one.name}`
    const asset = (path: string, bytes: Buffer, type: string) => ({
      href: `${base}/${path}`,
      type,
      roles: ['data'],
      'file:size': bytes.length,
      'file:checksum': sha256Multihash(bytes),
    })
    const item = {
      type: 'Feature',
      stac_version: '1.0.0',
      id: one.id,
      properties: {
        datetime: one.sensedAt,
        platform: 'sentinel-2a',
        'eo:cloud_cover': one.cloud,
        'grid:code': `MGRS-${one.tile}`,
        's2:product_uri': `${one.name}.SAFE`,
      },
      assets:
        one.files === undefined
          ? {
              product: asset('product.zip', one.zip, 'application/zip'),
              thumbnail: { href: `${base}/thumbnail.jpg`, roles: ['thumbnail'] },
            }
          : Object.fromEntries(
              Object.entries(one.files).map(([path, bytes], i) => [`a${i}`, asset(path, bytes, 'image/jp2')]),
            ),
    }
    return one.item?.(item) ?? item
  }

  private odataPage(url: URL): unknown {
    const skip = Number(url.searchParams.get('$skip') ?? 0)
    const more = skip + this.pageSize < this.products.length
    const next = new URL(url)
    next.searchParams.set('$skip', String(skip + this.pageSize))
    return {
      '@odata.context': '$metadata#Products',
      value: this.products.slice(skip, skip + this.pageSize).map((one) => ({
        Id: one.id,
        Name: `${one.name}.SAFE`,
        ContentLength: one.zip.length,
        Online: one.online ?? true,
        Checksum: [
          { Value: 'ab', Algorithm: 'BLAKE3' },
          { Value: one.md5 ?? md5(one.zip), Algorithm: 'MD5' },
        ],
        ContentDate: { Start: one.sensedAt, End: one.sensedAt },
        Attributes: [{ Name: 'cloudCover', Value: one.cloud, ValueType: 'Double' }],
      })),
      ...(more ? { '@odata.nextLink': next.href } : {}),
    }
  }

  private giveToken(res: ServerResponse, form: URLSearchParams): void {
    const isRefused =
      form.get('grant_type') === 'refresh_token'
        ? form.get('refresh_token') !== this.refreshToken
        : form.get('password') !== 'right'
    if (isRefused) {
      json(res, { error: 'invalid_grant' }, 400)
      return
    }
    const token = this.tokens.length > 1 ? this.tokens.shift() : this.tokens[0]
    json(res, {
      access_token: token ?? this.token ?? 'none',
      expires_in: 600,
      ...(this.refreshToken === null ? {} : { refresh_token: this.refreshToken }),
    })
  }
}

interface Query {
  readonly datetime?: string
  readonly token?: string
}
const fromUrl = (url: URL): Query => ({
  datetime: url.searchParams.get('datetime') ?? '',
  token: url.searchParams.get('token') ?? '0',
})

function json(res: ServerResponse, value: unknown, status = 200): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

/** With a strong ETag and byte ranges. */
export function sendFile(req: IncomingMessage, res: ServerResponse, bytes: Buffer): void {
  const etag = `"${md5(bytes)}"`
  const start = /^bytes=(\d+)-(\d*)$/.exec(req.headers.range ?? '')
  const isSame = req.headers['if-range'] === undefined || req.headers['if-range'] === etag
  if (start !== null && isSame) {
    const from = Number(start[1])
    const to = start[2] === '' ? bytes.length - 1 : Math.min(Number(start[2]), bytes.length - 1)
    if (from >= bytes.length) {
      res.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
      return
    }
    res.writeHead(206, {
      etag,
      'content-length': to - from + 1,
      'content-range': `bytes ${from}-${to}/${bytes.length}`,
    })
    res.end(req.method === 'HEAD' ? undefined : bytes.subarray(from, to + 1))
    return
  }
  res.writeHead(200, { etag, 'content-length': bytes.length, 'accept-ranges': 'bytes' })
  res.end(req.method === 'HEAD' ? undefined : bytes)
}

/** Answers with a status. */
export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}, text = ''): Act =>
  (_req, res) => {
    res.writeHead(code, headers).end(text)
  }

/** Promises the whole file, sends a part and cuts the connection. */
export const cutAfter =
  (bytes: Buffer, share: number): Act =>
  (_req, res) => {
    res.writeHead(200, { etag: `"${md5(bytes)}"`, 'content-length': bytes.length, 'accept-ranges': 'bytes' })
    res.write(bytes.subarray(0, Math.floor(bytes.length * share)), () => {
      // The bytes shall arrive before the cut does.
      setTimeout(() => res.destroy(), 50)
    })
  }

/** Sends the file in pieces with a pause before each. */
export const slowly =
  (bytes: Buffer, pieces: number, pauseMs: number): Act =>
  (_req, res) => {
    res.writeHead(200, { etag: `"${md5(bytes)}"`, 'content-length': bytes.length, 'accept-ranges': 'bytes' })
    const size = Math.ceil(bytes.length / pieces)
    void (async () => {
      for (let at = 0; at < bytes.length && !res.destroyed; at += size) {
        await sleep(pauseMs)
        res.write(bytes.subarray(at, at + size))
      }
      res.end()
    })()
  }
