import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { isCalendarDay } from '../domain/calendar-day.js'
import { ProcessingError } from '../domain/errors.js'
import { tileName } from '../domain/tile-name.js'
import type { SourceKindName } from '../db/sources/sources.js'

const day = z.string().refine(isCalendarDay, 'expected a day, YYYY-MM-DD')

const tile = z.string().transform((name, context) => {
  try {
    return tileName(name).tile
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'no tile' })
    return z.NEVER
  }
})

/** What of a source is wanted, beside the tiles and seasons of the sites. */
const filters = z.strictObject({
  cloud_max: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe('Percent; an acquisition that states more is left out.'),
  orbits: z
    .array(z.number().int().min(1).max(233))
    .min(1)
    .optional()
    .describe('Relative orbits, of Landsat paths.'),
  tiles: z.array(tile).min(1).optional().describe('Only these of the tiles of the sites.'),
  platforms: z
    .array(z.string().regex(/^[A-Z0-9]+$/))
    .min(1)
    .optional()
    .describe('Such as S2A or LC09.'),
  from: day.optional().describe('First day of sensing.'),
  to: day.optional().describe('Last day of sensing.'),
})
export type Filters = z.infer<typeof filters>

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(host)

const address = z.string().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    return refuse('expected an address that begins with https:// or http://')
  if (url.username !== '' || url.password !== '')
    return refuse('an address must hold no user and password: they are credentials')
  return text.replace(/\/+$/, '')
})
/** For what is sent there: secrets go over https only, or stay on this machine. */
const secureAddress = address.refine(
  (text) => text.startsWith('https:') || isLoopback(new URL(text).hostname),
  'credentials go over https only',
)

const host = z
  .string()
  .regex(
    /^(\*\.)?[a-z0-9.-]+(:\d+)?$|^\[[0-9a-f:]+\](:\d+)?$/,
    'expected a host such as data.example.org, or *.example.org',
  )

const auth = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('bearer') }),
  z.strictObject({ kind: z.literal('basic') }),
  z.strictObject({
    kind: z.literal('oauth2'),
    token_url: secureAddress,
    client_id: z.string().min(1),
    scope: z.string().optional(),
  }),
])
export type AuthConfig = z.infer<typeof auth>

const service = {
  hosts: z.array(host).default([]).describe('Other hosts that files may come from, without credentials.'),
  trusted_hosts: z.array(host).default([]).describe('Other hosts that get the credentials too.'),
  auth: auth.optional(),
  rate_per_s: z.number().positive().max(1000).default(5).describe('Requests a second at most.'),
  parallel: z.number().int().min(1).max(64).default(4).describe('Downloads at once.'),
  page_size: z.number().int().min(1).max(2000).default(100),
  area: z.enum(['intersects', 'bbox']).default('intersects'),
  filters: filters.default({}),
}

const folderConfig = z.strictObject({
  path: z.string().refine(isAbsolute, 'expected an absolute path'),
  copy: z.boolean().default(false).describe('Copy folders into the root l1 instead of linking them.'),
  watch: z.boolean().default(true).describe('Look as soon as something changes, not only at each rescan.'),
  filters: filters.default({}),
})

const s3 = z.strictObject({
  endpoint: z
    .string()
    .regex(/^[a-z0-9.:-]+$/)
    .optional(),
  https: z.boolean().default(true),
  virtual_hosting: z.boolean().default(true),
  region: z.string().optional(),
  requester_pays: z.boolean().default(false),
  unsigned: z.boolean().default(false),
})
export type S3Config = z.infer<typeof s3>

const stacConfig = z.strictObject({
  url: address.describe('Of the API: `/search` below it is asked.'),
  collections: z.array(z.string().min(1)).min(1),
  method: z.enum(['POST', 'GET']).default('POST'),
  assets: z
    .union([z.array(z.string()).min(1), z.record(z.string(), z.string())])
    .optional()
    .describe('Keys of the assets to fetch, or key -> path in the product; else an archive, else all files.'),
  query: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Passed on as it is (query extension, POST only).'),
  s3: s3.optional(),
  ...service,
})

const odataConfig = z.strictObject({
  url: address.describe('Of the catalogue: `/Products` below it is asked.'),
  download_url: secureAddress.describe('`/Products(ID)/$value` below it is the archive.'),
  collection: z.string().regex(/^[A-Za-z0-9-]+$/),
  product_type: z.string().regex(/^[A-Za-z0-9_-]+$/),
  verify_checksum: z
    .boolean()
    .default(true)
    .describe('Off for a service whose checksums are not those of its archives.'),
  ...service,
})

export type FolderConfig = z.infer<typeof folderConfig>
export type StacConfig = z.infer<typeof stacConfig>
export type OdataConfig = z.infer<typeof odataConfig>
export type ServiceConfig = StacConfig | OdataConfig
export type SourceConfig =
  | { readonly kind: 'folder'; readonly config: FolderConfig }
  | { readonly kind: 'stac'; readonly config: StacConfig }
  | { readonly kind: 'odata'; readonly config: OdataConfig }

/** The configuration of a source from JSON. Throws SOURCE_INVALID with every mistake. */
export function parseConfig(name: string, kind: SourceKindName, json: unknown): SourceConfig {
  switch (kind) {
    case 'folder':
      return { kind, config: parsed(name, kind, folderConfig, json) }
    case 'stac':
      return { kind, config: secured(name, parsed(name, kind, stacConfig, json)) }
    case 'odata':
      return { kind, config: secured(name, parsed(name, kind, odataConfig, json)) }
  }
}

function parsed<T>(name: string, kind: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const mistakes = result.error.issues.map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`)
  throw new ProcessingError('SOURCE_INVALID', `Source '${name}' of kind ${kind}: ${mistakes.join('; ')}.`)
}

/** Credentials are sent to the service itself: its address must not give them away. */
function secured<T extends ServiceConfig>(name: string, config: T): T {
  if (config.auth === undefined || secureAddress.safeParse(config.url).success) return config
  throw new ProcessingError('SOURCE_INVALID', `Source '${name}': url: credentials go over https only.`)
}

/** Roles of the credentials that a configuration needs: all of one of the groups. */
export function neededRoles(source: SourceConfig): readonly (readonly string[])[] {
  if (source.kind === 'folder') return []
  const { auth: how } = source.config
  switch (how?.kind) {
    case undefined:
      return []
    case 'bearer':
      return [['token']]
    case 'basic':
      return [['user', 'password']]
    case 'oauth2':
      return [['refresh_token'], ['client_secret'], ['user', 'password']]
  }
}

const S3_ROLES = ['s3_key', 's3_secret', 's3_token']
const REFERENCE = /^(env:[A-Za-z_][A-Za-z0-9_]*|file:\/.+)$/

/** Checks where credentials are said to be, never their values. Throws SOURCE_INVALID. */
export function checkCredentials(
  name: string,
  source: SourceConfig,
  credentials: Readonly<Record<string, string>>,
): void {
  const groups = neededRoles(source)
  const known = new Set([...groups.flat(), ...(source.kind === 'stac' ? S3_ROLES : [])])
  for (const [role, where] of Object.entries(credentials)) {
    if (!REFERENCE.test(where))
      throw new ProcessingError(
        'SOURCE_INVALID',
        `Source '${name}': the credential '${role}' must say where its value is: expected env:NAME or file:/absolute/path.`,
      )
    if (!known.has(role))
      throw new ProcessingError(
        'SOURCE_INVALID',
        `Source '${name}' has no use for a credential '${role}'; expected ${[...known].join(', ') || 'none'}.`,
      )
  }
  if (groups.length > 0 && !groups.some((roles) => roles.every((role) => Object.hasOwn(credentials, role))))
    throw new ProcessingError(
      'SOURCE_INVALID',
      `Source '${name}' needs credentials: ${groups.map((roles) => roles.join(' and ')).join(', or ')}. Name each with --credential ROLE=env:NAME or ROLE=file:/path.`,
    )
}
