/**
 * gdal-async finds its binary by a library that reads the options of the command line as its own: `tilth demo --dir X` would make it look
 * for the binary below X. This module is evaluated before it and leaves it nothing to read; `gdal.ts` puts the arguments back.
 */
export const hiddenArguments = process.argv.splice(2)
