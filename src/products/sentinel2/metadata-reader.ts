import { ProcessingError } from '../../domain/errors.js'
import type { S2Platform } from '../../domain/sentinel2.js'
import type { XmlElement } from './parse-xml.js'

const PLATFORMS: Readonly<Record<string, S2Platform>> = {
  'Sentinel-2A': 'S2A',
  'Sentinel-2B': 'S2B',
  'Sentinel-2C': 'S2C',
}

/** The platform of a SPACECRAFT_NAME. Throws PRODUCT_UNSUPPORTED for another one. */
export function platformOf(spacecraft: string, file: string): S2Platform {
  const platform = PLATFORMS[spacecraft]
  if (platform !== undefined) return platform
  throw new ProcessingError(
    'PRODUCT_UNSUPPORTED',
    `'${file}' is from '${spacecraft}'; supported are ${Object.keys(PLATFORMS).join(', ')}.`,
  )
}

/** Checked access to elements of one metadata file; all errors are METADATA_INVALID with file and element. */
export class MetadataReader {
  constructor(
    readonly root: XmlElement,
    readonly file: string,
  ) {}
  fail(found: string): never {
    throw new ProcessingError('METADATA_INVALID', `'${this.file}': ${found}. Download the product again.`)
  }
  element(path: string): XmlElement {
    return this.root.find(path) ?? this.fail(`element ${path} is missing`)
  }
  text(path: string): string {
    const text = this.element(path).text
    return text === '' ? this.fail(`element ${path} is empty`) : text
  }
  number(path: string): number {
    const text = this.text(path)
    const value = Number(text)
    return Number.isFinite(value) ? value : this.fail(`element ${path} is '${text}', expected a number`)
  }
  time(path: string): string {
    const text = this.text(path)
    const ms = Date.parse(text)
    return Number.isNaN(ms)
      ? this.fail(`element ${path} is '${text}', expected a time in ISO 8601`)
      : new Date(ms).toISOString()
  }
  percent(path: string): number | null {
    const text = this.root.find(path)?.text ?? ''
    const value = Number(text)
    return text === '' || !Number.isFinite(value) ? null : value
  }
}
