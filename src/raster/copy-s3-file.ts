import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { asProcessingError, ProcessingError } from '../domain/errors.js'
import gdal from './gdal.js'

export interface S3Options {
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** `host:port`; null: Amazon's. */
  readonly endpoint: string | null
  readonly https: boolean
  /** Bucket as part of the host's name, not of the path. */
  readonly virtualHosting: boolean
  readonly region: string | null
  readonly requesterPays: boolean
  /** Null: requests are not signed. */
  readonly login: { readonly key: string; readonly secret: string; readonly token: string | null } | null
}

/** Bytes that are held at once. */
const ROW = 65_536
const ROWS = 64

/** GDAL's options are those of the whole process: files of one source at a time. */
let turn: Promise<unknown> = Promise.resolve()

/**
 * Copies an object of an S3-like store to a file, through GDAL's /vsis3. GDAL gives no bytes of a file as such; an image without a header
 * (VRTRawRasterBand of bytes) over the object does. Returns the bytes; rejects with ASSET_MISSING, DOWNLOAD_LIMIT, SOURCE_UNREACHABLE, DISK_FULL.
 */
export async function copyS3File(href: string, to: string, options: S3Options): Promise<number> {
  const mine = turn.then(() => copy(href, to, options))
  turn = mine.catch(() => undefined)
  return mine
}

async function copy(href: string, to: string, options: S3Options): Promise<number> {
  const [, bucket, key] = /^s3:\/\/([A-Za-z0-9._-]+)\/([^?#]+)$/.exec(href) ?? []
  if (bucket === undefined || key === undefined || key.split('/').includes('..'))
    throw new ProcessingError(
      'ASSET_MISSING',
      `'${href.slice(0, 200)}' is no object: expected s3://bucket/key.`,
    )
  const path = `/vsis3/${bucket}/${key}`
  const settings = settingsOf(options)
  const before = Object.keys(settings).map((name) => [name, gdal.config.get(name)] as const)
  for (const [name, value] of Object.entries(settings)) gdal.config.set(name, value)
  try {
    const bytes = await sizeOf(path, href)
    if (bytes > options.maxBytes)
      throw new ProcessingError(
        'DOWNLOAD_LIMIT',
        `${href} has ${bytes} bytes; ${options.maxBytes} are left of sources.max_product_mb for this acquisition.`,
      )
    await mkdir(dirname(to), { recursive: true })
    const file = await open(to, 'w')
    try {
      for (let at = 0; at < bytes;) {
        options.signal.throwIfAborted()
        const left = bytes - at
        const [width, height] = left < ROW ? [left, 1] : [ROW, Math.min(ROWS, Math.floor(left / ROW))]
        await file.write(await readBytes(path, at, width, height, href), 0, width * height, at)
        at += width * height
      }
      await file.sync()
    } finally {
      await file.close()
    }
    return bytes
  } catch (error) {
    options.signal.throwIfAborted()
    throw asProcessingError(error)
  } finally {
    for (const [name, value] of before) gdal.config.set(name, value)
  }
}

function settingsOf(o: S3Options): Record<string, string | null> {
  return {
    AWS_S3_ENDPOINT: o.endpoint,
    AWS_HTTPS: o.https ? 'YES' : 'NO',
    AWS_VIRTUAL_HOSTING: o.virtualHosting ? 'TRUE' : 'FALSE',
    AWS_REGION: o.region ?? 'us-east-1',
    AWS_REQUEST_PAYER: o.requesterPays ? 'requester' : null,
    AWS_NO_SIGN_REQUEST: o.login === null ? 'YES' : 'NO',
    AWS_ACCESS_KEY_ID: o.login?.key ?? null,
    AWS_SECRET_ACCESS_KEY: o.login?.secret ?? null,
    AWS_SESSION_TOKEN: o.login?.token ?? null,
    // Listing a folder for each file would cost more than the file.
    GDAL_DISABLE_READDIR_ON_OPEN: 'EMPTY_DIR',
    VSI_CACHE: 'FALSE',
    CPL_VSIL_CURL_NON_CACHED: '/vsis3/',
    GDAL_HTTP_MAX_RETRY: '4',
    GDAL_HTTP_RETRY_DELAY: '1',
    GDAL_HTTP_TIMEOUT: '300',
    GDAL_HTTP_CONNECTTIMEOUT: '30',
  }
}

async function sizeOf(path: string, href: string): Promise<number> {
  try {
    const info = await gdal.fs.statAsync(path)
    return info.size
  } catch (cause) {
    throw new ProcessingError(
      'ASSET_MISSING',
      `${href} is not there, or the credentials do not allow it: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}

async function readBytes(
  path: string,
  offset: number,
  width: number,
  height: number,
  href: string,
): Promise<Uint8Array> {
  const escaped = path.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
  const vrt = `<VRTDataset rasterXSize="${width}" rasterYSize="${height}"><VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
    <SourceFilename relativeToVRT="0">${escaped}</SourceFilename><ImageOffset>${offset}</ImageOffset><PixelOffset>1</PixelOffset><LineOffset>${width}</LineOffset>
    </VRTRasterBand></VRTDataset>`
  try {
    const dataset = await gdal.openAsync(vrt)
    try {
      const band = await dataset.bands.getAsync(1)
      const bytes = await band.pixels.readAsync(0, 0, width, height, new Uint8Array(width * height))
      return bytes
    } finally {
      dataset.close()
    }
  } catch (cause) {
    throw new ProcessingError(
      'SOURCE_UNREACHABLE',
      `${href} could not be read from byte ${offset} on: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    )
  }
}
