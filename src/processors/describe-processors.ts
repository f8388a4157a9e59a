import { describeParams, type OutputSpec, type ProcessorDefinition } from './define-processor.js'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(' | ')} |`,
  `|${head.map(() => '---').join('|')}|`,
  ...rows.map((row) => `| ${row.map(cell).join(' | ')} |`),
]

function valueOf(spec: OutputSpec): string {
  const scale = spec.scale ?? 1
  const offset = spec.offset ?? 0
  if (scale === 1 && offset === 0) return 'as stored'
  return offset === 0 ? `stored x ${scale}` : `stored x ${scale} + ${offset}`
}

/** One processor as Markdown, all of it from its definition. */
export function describeProcessor(definition: ProcessorDefinition): string {
  const range = (minimum: number | null, maximum: number | null): string =>
    minimum === null && maximum === null ? '' : `${minimum ?? '-inf'} to ${maximum ?? 'inf'}`
  const parameters = describeParams(definition).map((doc) => [
    `\`${doc.name}\``,
    doc.type === 'choice' ? doc.choices.join(', ') : range(doc.minimum, doc.maximum),
    doc.default === null ? 'none' : String(doc.default),
    doc.doc,
  ])
  return [
    `## \`${definition.name}\`, version ${definition.version}`,
    '',
    definition.summary,
    '',
    `Method: ${definition.source}`,
    '',
    ...(parameters.length === 0
      ? ['It has no parameters.']
      : table(['parameter', 'range', 'default', 'meaning [unit]'], parameters)),
    '',
    ...table(
      ['input', 'unit', 'meaning'],
      Object.entries(definition.inputs).map(([name, spec]) => [
        `\`${name}\`${spec.optional === true ? ' (optional)' : ''}`,
        spec.unit,
        spec.doc,
      ]),
    ),
    '',
    ...table(
      ['output', 'type', 'unit', 'value', 'no-data', 'meaning'],
      Object.entries(definition.outputs).map(([name, spec]) => [
        `\`${name}\``,
        spec.dtype,
        spec.unit,
        valueOf(spec),
        spec.nodata === null ? 'none' : String(spec.nodata),
        spec.doc,
      ]),
    ),
    '',
    `Fails with ${definition.fails.map((code) => `\`${code}\``).join(', ')} ([errors](errors.md)), besides what any step may meet.`,
    '',
  ].join('\n')
}
