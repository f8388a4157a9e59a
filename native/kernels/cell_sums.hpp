#pragma once
#include <cstdint>
#include <span>

#include "halve.hpp"

namespace tilth {

/// Adds up the pixels of a block by square cells of `side` pixels, leaving no-data out.
/// @param in           width x height pixels, each side >= 1.
/// @param side         1 to 255 pixels: then a sum of int16 fits into int32.
/// @param left, above  0 to side - 1: pixels of the first cell that lie left of and above the block.
/// @param columns      ceil((left + width) / side): cells in a row of `sums` and `counts`.
/// @param sums         [ceil((above + height) / side)][columns] gets the sum of each cell's pixels within the
/// block
/// @param counts       of the same size, gets their number
/// Sums of whole numbers are exact: parts of a cell from several blocks add up in any order. Allocates
/// nothing, never throws.
void cell_sums(const Plane<const std::int16_t>& in, std::int16_t no_data, int side, int left, int above,
               int columns, std::span<std::int32_t> sums, std::span<std::int32_t> counts) noexcept;

/// What a sensor measured in the cells of a block. Arrays as `sums` and `counts` of `cell_sums`.
struct SensorCells {
  std::span<std::uint32_t> sums;      ///< of digital numbers that are neither 0 nor 65535
  std::span<std::int32_t> counts;     ///< of these pixels
  std::span<std::int32_t> saturated;  ///< pixels of 65535
  std::span<std::uint32_t>
      detectors;  ///< bit d: detector d (0 to 31, more share bit 31) measured in the cell
};

/// The same for digital numbers as a sensor delivers them: 0 is no-data, 65535 saturated, `detector`
/// [height][width] (rows as in `in`, but contiguous) 0 where none saw the pixel, which then counts nowhere.
/// @param side  1 to 255 pixels: then a sum of uint16 fits into uint32.
void sensor_cells(const Plane<const std::uint16_t>& in, std::span<const std::uint8_t> detector, int side,
                  int left, int above, int columns, const SensorCells& out) noexcept;

}  // namespace tilth
