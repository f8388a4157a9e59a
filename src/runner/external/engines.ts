import { mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import type { L1Scene } from '../../domain/l1-scene.js'
import type { ExternalEngine } from '../../processors/l2a/definition.js'
import { isMajaName } from '../../products/product-kinds.js'
import { runTool, type ToolEnd } from './run-tool.js'
import { toolOf, type ToolLimits } from './tools.js'

/** Where one run of a program of others takes place: folders that it may fill, all below one that is removed afterwards. */
export interface EngineFolders {
  readonly input: string
  readonly work: string
  readonly output: string
}

export interface EngineRun {
  /** Absolute folder of the L1C product, compact SAFE. */
  readonly safe: string
  readonly scene: L1Scene
  readonly folders: EngineFolders
  readonly threads: number
  /** `external.json` of this machine. */
  readonly toolsFile: string
  readonly signal: AbortSignal
  readonly onProgress: (fraction: number, note: string) => void
}

export interface EngineEnd extends ToolEnd {
  /** Folder of the product that it made. */
  readonly product: string
}

/** What is run, and how its product is told among what lies in its output. */
interface Command {
  readonly executable: string
  readonly args: readonly string[]
  readonly limits: ToolLimits
  readonly isProduct: (name: string) => boolean
  /** Share that is done, 0..1, where a line says it. */
  readonly progressOf: (line: string) => number | undefined
}

const PREPARE: Readonly<Record<ExternalEngine, (run: EngineRun) => Promise<Command>>> = {
  sen2cor: async ({ safe, scene, folders, toolsFile }) => {
    const tool = await toolOf(toolsFile, 'sen2cor')
    return {
      executable: tool.executable,
      // Without --resolution all of 10, 20 and 60 m are made.
      args: [
        ...['--output_dir', folders.output, '--work_dir', folders.work],
        ...(tool.gipp === undefined ? [] : ['--GIP_L2A', tool.gipp]),
        safe,
      ],
      limits: tool,
      isProduct: (name) => /^S2[A-Z]_MSIL2A_.*\.SAFE$/.test(name) && name.includes(`_T${scene.tile}_`),
      progressOf: (line) => {
        const percent = /^Progress\[%\]:\s*(\d+(?:\.\d+)?)/.exec(line)?.[1]
        return percent === undefined ? undefined : Number(percent) / 100
      },
    }
  },
  maja: async ({ safe, scene, folders, toolsFile }) => {
    const tool = await toolOf(toolsFile, 'maja')
    const link = async (path: string, name = basename(path)) => symlink(path, join(folders.input, name))
    await link(safe)
    for (const name of await readdir(tool.gipp)) await link(join(tool.gipp, name))
    const elevation = (await readdir(tool.dem)).filter(
      (name) => name.includes('_AUX_REFDE2_') && name.includes(`_T${scene.tile}_`),
    )
    if (elevation.length === 0)
      throw new ProcessingError(
        'EXTERNAL_UNAVAILABLE',
        `'${tool.dem}' has no elevation of MAJA for tile ${scene.tile}: expected *_AUX_REFDE2_T${scene.tile}_*. Make it with MAJA's own tools.`,
      )
    for (const name of elevation) await link(join(tool.dem, name))
    return {
      executable: tool.executable,
      args: [
        ...['-w', folders.work, '--input', folders.input, '--output', folders.output],
        ...['--mode', 'L2INIT', '-ucs', tool.user_config, '--TileId', scene.tile, '--loglevel', 'INFO'],
      ],
      limits: tool,
      isProduct: (name) => isMajaName(name) && name.includes(`_T${scene.tile}_`),
      progressOf: () => undefined,
    }
  },
}

/** What a program of others gets of our environment: nothing that holds a credential. */
const PASSED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'SEN2COR_HOME', 'SEN2COR_BIN']

/**
 * Runs Sen2Cor or MAJA on one L1C product. Rejects as `toolOf` and `runTool`, with EXTERNAL_REFUSED where the program says that the product cannot be made (for
 * ever), EXTERNAL_FAILED where it ends well without one.
 */
export async function runEngine(engine: ExternalEngine, run: EngineRun): Promise<EngineEnd> {
  const { folders, signal, onProgress } = run
  for (const folder of [folders.input, folders.work, folders.output]) await mkdir(folder)
  const command = await PREPARE[engine](run)
  const env: Record<string, string> = {}
  for (const key of PASSED) {
    const value = process.env[key]
    if (value !== undefined) env[key] = value
  }
  onProgress(0.01, `running ${engine}`)
  const end = await runTool({
    ...{ name: engine, signal, cwd: folders.work, limits: command.limits },
    ...{ executable: command.executable, args: command.args },
    env: { ...env, TMPDIR: folders.work, OMP_NUM_THREADS: String(run.threads) },
    logPath: join(folders.work, 'tilth-log.txt'),
    folders: [folders.work, folders.output],
    onLine: (line) => {
      const done = command.progressOf(line)
      if (done !== undefined) onProgress(done, `running ${engine}`)
    },
  })
  const names = (await readdir(folders.output)).sort()
  const [product, ...others] = names.filter(command.isProduct)
  const said = end.lastLines.slice(-5).join(' | ') || 'nothing'
  if (await saysInvalid(folders.output, names, product))
    throw new ProcessingError(
      'EXTERNAL_REFUSED',
      `${engine} marked its product of '${run.safe}' as not valid (L2NOTV): too many clouds, or no pixel to correct.`,
    )
  if (product === undefined || others.length > 0)
    throw new ProcessingError(
      'EXTERNAL_FAILED',
      `${engine} ended well, but left ${product === undefined ? 'no product' : `${others.length + 1} products`} of tile ${run.scene.tile} in its output ` +
        `(${names.join(', ') || 'empty'}); expected one. It said last: ${said}`,
    )
  return { ...end, product: join(folders.output, product) }
}

/** Whether MAJA's job report, beside or in its product, says that the product is not valid. */
async function saysInvalid(
  output: string,
  names: readonly string[],
  product: string | undefined,
): Promise<boolean> {
  const inside =
    product === undefined ? [] : (await readdir(join(output, product))).map((name) => join(product, name))
  for (const name of [...names, ...inside].filter((one) => one.endsWith('_JPI_ALL.xml')))
    if (/\bL2NOTV\b/.test(await readFile(join(output, name), 'utf8'))) return true
  return false
}
