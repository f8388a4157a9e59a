/** Names of Sen2Cor's scene classes, by their number in SCL.tif. Documented in docs/products.md. */
export const SCENE_CLASSES = [
  'no-data',
  'saturated or defective',
  'topographic shadow',
  'cloud shadow',
  'vegetation',
  'bare',
  'water',
  'unclassified',
  'cloud, medium probability',
  'cloud, high probability',
  'thin cirrus',
  'snow or ice',
] as const
