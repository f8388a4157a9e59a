import type { ProductKind } from '../../products/product-kinds.js'
import { foreignL2a } from './foreign-l2a.js'
import type { InputFormat } from './input-format.js'
import { landsatL1tp } from './landsat-l1tp.js'
import { sentinel2L1c } from './sentinel2-l1c.js'

/** How acquisitions of each kind of product are read for the catalogue. */
export const INPUT_FORMATS: Readonly<Record<ProductKind, InputFormat>> = {
  s2_l2a_sen2cor: foreignL2a,
  s2_l2a_maja: foreignL2a,
  s2_l1c: sentinel2L1c,
  landsat_l1tp: landsatL1tp,
}
