import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ProcessingError } from '../../domain/errors.js'
import { PRODUCT_FILES } from '../layout.js'
import { reportSchema, type Report } from '../report.js'
import type { L2aProduct } from './open-l2a.js'
import { parseProductJson } from './parse-json.js'

/** `report.json` of an open product. Rejects with PRODUCT_INCOMPLETE where it is missing, METADATA_INVALID where it is torn or of another product. */
export async function readReport({ folder, name }: Pick<L2aProduct, 'folder' | 'name'>): Promise<Report> {
  const path = join(folder, PRODUCT_FILES.report)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new ProcessingError(
      'PRODUCT_INCOMPLETE',
      `'${path}' cannot be read: expected the report of ${name}. Make the product again.`,
      { cause },
    )
  }
  const report = parseProductJson(path, text, reportSchema, 'no report of this version')
  if (report.product !== name)
    throw new ProcessingError(
      'METADATA_INVALID',
      `'${path}': expected the report of ${name}, found that of ${report.product}. Make the product again.`,
    )
  return report
}
