import { readSixsRows, type SixsRow } from './reference-table.js'
import { acceptanceSection, closureSection } from './sixs-section.js'

const among = (rows: readonly SixsRow[], of: (row: SixsRow) => string | number): string => {
  const values = [...new Set(rows.map(of))]
  return values.sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : 0)).join(', ')
}

/**
 * The goals on another table of 6SV2.1 runs than the one that the gases were fitted to, as text; needs no reference data.
 * @throws ProcessingError BAD_ARGUMENT as `readSixsRows` does.
 */
export function tableReport(path: string): string {
  const rows = readSixsRows(path)
  const unlit = rows.filter((row) => row.tgTotal * row.tDown * row.tUp <= 0).length
  const dark = unlit === 0 ? '' : ` Left out of the first table, because gases let no light pass: ${unlit}.`
  return `# ${path}
${rows.length} states: ${among(rows, (row) => row.input.platform)}; aerosol ${among(rows, (row) => row.input.aerosol)}; sun zenith ${among(rows, (row) => row.sza)}, view zenith ${among(rows, (row) => row.input.viewZenithDeg)}
degrees; AOT ${among(rows, (row) => row.aot550)}; ${among(rows, (row) => row.input.wv)} g/cm2; ${among(rows, (row) => row.altKm)} km.${dark}

## Signal model: equation 2 with the table's own terms

${closureSection(rows)}

## Goals
Those of \`docs/accuracy.md\`, which the reference note sets for its developer grid; on another grid it lets the RMS of surface reflectance be 1.5 times as large.

${acceptanceSection(rows)}
`
}
