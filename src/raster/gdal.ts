// The order of these two lines counts: see hide-arguments.ts.
import { hiddenArguments } from './hide-arguments.js'
import gdal from 'gdal-async'

process.argv.push(...hiddenArguments)

export { gdal as default }
