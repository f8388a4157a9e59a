import { constants } from 'node:fs'
import { access, readFile, stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { ProcessingError } from '../../domain/errors.js'
import type { ExternalEngine } from '../../processors/l2a/definition.js'

const path = z
  .string()
  .refine((text) => isAbsolute(text) && !text.includes('\0'), 'expected an absolute path')

/** What a program may use before it is ended. */
const limits = {
  time_s: z.number().int().min(1).max(604_800).default(14_400),
  memory_mb: z.number().int().min(16).max(16_777_216).default(16_384),
  disk_mb: z.number().int().min(1).max(16_777_216).default(65_536),
  log_mb: z.number().int().min(1).max(4096).default(64),
}

/** `external.json` of a machine: which programs of others there are, and what they may use. Documented in docs/external.md. */
const toolsSchema = z.strictObject({
  sen2cor: z
    .strictObject({
      executable: path.describe('L2A_Process of the installed Sen2Cor.'),
      gipp: path.optional().describe('L2A_GIPP.xml; absent: the one in its own configuration.'),
      ...limits,
    })
    .optional(),
  maja: z
    .strictObject({
      executable: path.describe('The program maja itself, not Start_maja.'),
      gipp: path.describe('Folder of its parameter files (GIP_*).'),
      dem: path.describe('Folder of its elevation files (*_AUX_REFDE2_T<tile>_*), for all tiles.'),
      user_config: path.describe('Folder with MAJAUserConfigSystem.xml (-ucs).'),
      ...limits,
    })
    .optional(),
})
export type Tools = z.infer<typeof toolsSchema>
export type Sen2corTool = NonNullable<Tools['sen2cor']>
export type MajaTool = NonNullable<Tools['maja']>
export type ToolLimits = Pick<Sen2corTool, keyof typeof limits>

/**
 * What `external.json` says of one program. Rejects with EXTERNAL_UNAVAILABLE where the file is missing, wrong, or may be changed by others than its owner
 * (who writes it says what is run), where it does not name the program, or where a path of it is not there.
 */
export async function toolOf<E extends ExternalEngine>(
  file: string,
  engine: E,
): Promise<NonNullable<Tools[E]>> {
  const refuse = (why: string, cause?: unknown) =>
    new ProcessingError(
      'EXTERNAL_UNAVAILABLE',
      `'${engine}' cannot be run on this machine: ${why}. See docs/external.md.`,
      { cause },
    )
  let text: string
  try {
    const { mode } = await stat(file)
    if ((mode & 0o022) !== 0)
      throw refuse(
        `'${file}' may be written by its group or by anybody (mode ${(mode & 0o777).toString(8)}); expected 644 or less`,
      )
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw cause instanceof ProcessingError ? cause : refuse(`'${file}' cannot be read`, cause)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw refuse(`'${file}' is no JSON`, cause)
  }
  const parsed = toolsSchema.safeParse(json)
  if (!parsed.success) throw refuse(`'${file}': ${z.prettifyError(parsed.error)}`)
  const tool = parsed.data[engine]
  if (tool === undefined) throw refuse(`'${file}' has no '${engine}'`)
  for (const [key, value] of Object.entries(tool)) {
    if (typeof value !== 'string') continue
    const mode = key === 'executable' ? constants.X_OK : constants.R_OK
    await access(value, mode).catch((cause: unknown) => {
      throw refuse(
        `'${value}' (${key} in '${file}') is not there or may not be ${key === 'executable' ? 'run' : 'read'}`,
        cause,
      )
    })
  }
  return tool
}
