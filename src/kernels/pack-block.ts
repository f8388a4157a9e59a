import { addon } from './addon.js'

interface BlockSize {
  readonly width: number
  readonly height: number
}

/**
 * Digital numbers and detectors of a block, row-major, as bytes for a scratch file (native/kernels/pack.hpp): about a byte a pixel.
 * Throws TypeError or RangeError on malformed arguments.
 */
export function packBlock(
  block: BlockSize & { readonly dn: Uint16Array; readonly detector: Uint8Array },
): Uint8Array {
  const out = new Uint8Array(addon().packBound(block))
  const size = addon().packBlock({ ...block, out })
  return out.slice(0, size)
}

/** Unpacks what `packBlock` made into `dn` and `detector`, which may lie on shared memory; false where it is not that or of another size. */
export function unpackBlock(
  bytes: Uint8Array,
  block: BlockSize & { readonly dn: Uint16Array; readonly detector: Uint8Array },
): boolean {
  return bytes.length > 0 && addon().unpackBlock({ ...block, bytes })
}
