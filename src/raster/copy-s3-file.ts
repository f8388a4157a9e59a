import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { asProcessingError, ProcessingError, type ErrorCode } from '../domain/errors.js'
import gdal from './gdal.js'

export interface S3Options {
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** Waited for just before the object is first asked for, when those before it are done. */
  readonly permit: () => Promise<void>
  /** Of one request, before it fails. */
  readonly tries: number
  /** The first pause between them, seconds; doubled each time. */
  readonly backOffS: number
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
 * (VRTRawRasterBand of bytes) over the object does. Returns the bytes; rejects with ASSET_MISSING, DOWNLOAD_LIMIT, SOURCE_REFUSED, SOURCE_BUSY,
 * SOURCE_UNREACHABLE, DISK_FULL.
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
  await options.permit()
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
        await writeAll(file, await readBytes(path, at, width, height, href), at)
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
    GDAL_HTTP_MAX_RETRY: String(o.tries - 1),
    GDAL_HTTP_RETRY_DELAY: String(o.backOffS),
    GDAL_HTTP_TIMEOUT: '300',
    GDAL_HTTP_CONNECTTIMEOUT: '30',
  }
}

async function sizeOf(path: string, href: string): Promise<number> {
  try {
    const info = await gdal.fs.statAsync(path)
    return info.size
  } catch (cause) {
    const said = messageOf(cause)
    // A file that cannot be looked at tells its status or nothing; opened, it tells the error of the store, or the status of an answer without one.
    const code = codeOfStatus(said) ?? codeOfAnswer(await whyNotOpened(path))
    throw new ProcessingError(code.code, `${href} ${code.what}${code.said === '' ? '' : `: ${code.said}`}.`, {
      cause,
    })
  }
}

const whyNotOpened = (path: string): Promise<string> =>
  gdal.openAsync(path).then((dataset) => {
    dataset.close()
    return ''
  }, messageOf)

interface Refusal {
  readonly code: ErrorCode
  readonly what: string
  /** By GDAL or the store; may be empty. */
  readonly said: string
}

/** What GDAL's `HTTP response code on ...: 503` or `HTTP error code: 503 - ...` means; undefined where no status is told. Pure. */
function codeOfStatus(said: string): Refusal | undefined {
  const told = /HTTP (?:response|error) code.*?: (\d+)/.exec(said)?.[1]
  if (told === undefined) return undefined
  const status = Number(told)
  if (status === 404 || status === 410) return { code: 'ASSET_MISSING', what: 'is not there', said }
  if (status === 401 || status === 403) return { code: 'SOURCE_REFUSED', what: 'was refused', said }
  // As over HTTP without GDAL.
  const isBusy = status === 429 || status === 503
  return { code: isBusy ? 'SOURCE_BUSY' : 'SOURCE_UNREACHABLE', what: 'could not be asked for', said }
}

/** What GDAL says of a file that it could not open, by the errors of S3. Only an object or bucket that the store does not know is missing. Pure. */
function codeOfAnswer(text: string): Refusal {
  const said = text.replace(/\s+/g, ' ').trim().slice(0, 200)
  const byStatus = codeOfStatus(said)
  if (byStatus !== undefined) return byStatus
  if (/^(AccessDenied|SignatureDoesNotMatch|InvalidCredentials)/.test(said))
    return { code: 'SOURCE_REFUSED', what: 'was refused', said }
  // An answer that is no error of S3 and whose status was not told above: GDAL keeps silent about 400 and 404 alone.
  if (/^(ObjectNotFound|BucketNotFound|Invalid AWS response)/.test(said) || /does not exist/.test(said))
    return { code: 'ASSET_MISSING', what: 'is not there', said }
  return { code: 'SOURCE_UNREACHABLE', what: 'could not be asked for', said }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** One call may write less than it is given, on a disk that is nearly full; the next one then says so. */
async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;)
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
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
      `${href} could not be read from byte ${offset} on: ${messageOf(cause)}`,
      { cause },
    )
  }
}
