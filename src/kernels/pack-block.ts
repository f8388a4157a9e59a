import { addon } from './addon.js'

interface BlockSize {
  readonly width: number
  readonly height: number
}

/** Bytes that hold any packed block of this size. */
export const packBound = (block: BlockSize): number => addon().packBound(block)

/**
 * Digital numbers and detectors of a block, row-major, as bytes for a scratch file (native/kernels/pack.hpp): about a byte a pixel, written to `out`, of which there are
 * `packBound`. Returns how many. Throws TypeError or RangeError on malformed arguments.
 */
export function packBlock(
  block: BlockSize & { readonly dn: Uint16Array; readonly detector: Uint8Array; readonly out: Uint8Array },
): number {
  return addon().packBlock(block)
}

/** Unpacks what `packBlock` made into `dn` and `detector`, which may lie on shared memory; false where it is not that or of another size. */
export function unpackBlock(
  bytes: Uint8Array,
  block: BlockSize & { readonly dn: Uint16Array; readonly detector: Uint8Array },
): boolean {
  return bytes.length > 0 && addon().unpackBlock({ ...block, bytes })
}
