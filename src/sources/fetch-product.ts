import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { archiveLimits } from '../config/archive-limits.js'
import { resolveSetting, type SettingLayers } from '../config/resolve-settings.js'
import { ingestFetched } from '../catalog/ingest/ingest-fetched.js'
import type { IngestOutcome } from '../catalog/ingest/record.js'
import { endFetch, type FetchClaim } from '../db/sources/fetches.js'
import { ProcessingError } from '../domain/errors.js'
import { readCredentials } from './credentials.js'
import { checkDistinct, safeAssetPath } from './download/asset-path.js'
import { downloadAsset, verifyFile } from './download/download-asset.js'
import type { HttpClient } from './http/client.js'
import type { SourcesContext } from './open-source.js'
import { checkRoom } from './room.js'
import type { Asset, Content, Source } from './source.js'
import { bytesBelow, openStaging } from './staging.js'

const assetSchema = z.object({
  href: z.string(),
  path: z.string(),
  bytes: z.number().nullable(),
  checksum: z
    .object({ algorithm: z.enum(['md5', 'sha1', 'sha256', 'sha384', 'sha512']), hex: z.string() })
    .nullable(),
})
/** As `lookAtService` stored it. */
const contentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['archive', 'files']), assets: z.array(assetSchema), isOffline: z.boolean() }),
  z.object({ kind: z.literal('none'), code: z.enum(['ASSET_MISSING', 'ASSET_UNSAFE']), reason: z.string() }),
])

export interface FetchOne {
  readonly context: SourcesContext
  readonly source: Source
  readonly client: HttpClient
  readonly claim: FetchClaim
  /** Absolute folder of the root `l1`. */
  readonly root: string
  readonly layersOf: (siteId: number | null) => SettingLayers
  readonly signal: AbortSignal
  readonly onBytes?: (bytes: number) => void
}

/** Fetches one acquisition from one source and records it as present. Rejects with the codes of docs/sources.md; the claim is not ended then. */
export async function fetchProduct(one: FetchOne): Promise<readonly IngestOutcome[]> {
  const { context, source, claim, root, layersOf, signal } = one
  const content = contentOf(claim)
  if (content.isOffline)
    throw new ProcessingError(
      'ASSET_OFFLINE',
      `Source '${source.name}' has ${claim.product} in its long-term archive only; it cannot be downloaded now.`,
    )
  const { satellite } = source
  const isArchive = content.kind === 'archive'
  await checkRoom(context.db, root, layersOf, { satellite, tile: claim.tile, bytes: claim.bytes, isArchive })
  const layers = layersOf(null)
  const { folder, content: into } = await openStaging(root, {
    acquisitionId: claim.acquisitionId,
    attempt: claim.attempt,
    offer: `${claim.offerId}-${claim.digest}`,
  })
  let left = resolveSetting('sources.max_product_mb', layers).value * 2 ** 20
  for (const asset of content.assets)
    left -= await getAsset(one, asset, join(into, safeAssetPath(asset.path)), left)
  // What is unpacked beside it, should an earlier attempt have died there.
  await rm(join(into, 'unpacked'), { recursive: true, force: true })
  signal.throwIfAborted()
  const bytes = await bytesBelow(into)
  const outcomes = await ingestFetched(
    { db: context.db, root, settleSeconds: 0 },
    {
      folder: into,
      archive: isArchive ? (content.assets[0]?.path ?? '') : null,
      label: `source:${source.name}/${claim.remoteId}`,
      limits: archiveLimits(layers),
      awaited: { ...claim, id: claim.acquisitionId },
      onRecorded: (tx, acquisitionId) => endFetch(tx, { acquisitionId, offerId: claim.offerId, bytes }),
    },
  )
  await rm(folder, { recursive: true, force: true })
  return outcomes
}

function contentOf(claim: FetchClaim): Content {
  const content = contentSchema.parse(claim.details)
  if (content.kind === 'none') throw new ProcessingError(content.code, content.reason)
  checkDistinct(content.assets.map(({ path }) => path))
  return content
}

/** A file that an earlier attempt has got whole is there already. Returns its bytes. */
async function getAsset(one: FetchOne, asset: Asset, path: string, maxBytes: number): Promise<number> {
  const { client, signal, onBytes } = one
  const there = await verifyFile(asset, path, signal)
  if (there !== null) return there
  if (!asset.href.startsWith('s3:'))
    return downloadAsset(asset, path, {
      client,
      signal,
      maxBytes,
      ...(onBytes === undefined ? {} : { onBytes }),
    })
  return getFromS3(one, asset, path, maxBytes)
}

async function getFromS3(
  { context, source, client, signal, layersOf }: FetchOne,
  asset: Asset,
  path: string,
  maxBytes: number,
): Promise<number> {
  const options = source.parsed.kind === 'stac' ? source.parsed.config.s3 : undefined
  if (options === undefined)
    throw new ProcessingError(
      'ASSET_MISSING',
      `${asset.href} of source '${source.name}' lies in an object store; say how it is reached with \`tilth sources edit ${source.name} --set s3={...}\`.`,
    )
  const {
    s3_key: key,
    s3_secret: secret,
    s3_token: token,
  } = await readCredentials(source.name, source.row.credentials, context.env)
  // GDAL is loaded only where it is needed: a scheduler has no other use for it.
  const { copyS3File } = await import('../raster/copy-s3-file.js')
  const bytes = await copyS3File(asset.href, `${path}.part`, {
    maxBytes,
    signal,
    // As a file over HTTP an object counts as one request, though GDAL asks for its parts one by one.
    permit: () => client.turn(signal),
    tries: resolveSetting('sources.request_tries', layersOf(null)).value,
    backOffS: resolveSetting('sources.backoff_s', layersOf(null)).value,
    endpoint: options.endpoint ?? null,
    https: options.https,
    virtualHosting: options.virtual_hosting,
    region: options.region ?? null,
    requesterPays: options.requester_pays,
    login:
      options.unsigned || key === undefined || secret === undefined
        ? null
        : { key, secret, token: token ?? null },
  }).catch((error: unknown) => {
    if (error instanceof ProcessingError && error.code === 'SOURCE_BUSY') client.hold()
    throw error
  })
  await rename(`${path}.part`, path)
  if ((await verifyFile(asset, path, signal)) !== null) return bytes
  throw new ProcessingError(
    'CHECKSUM_MISMATCH',
    `${asset.href} has not the size or checksum that source '${source.name}' states.`,
  )
}
