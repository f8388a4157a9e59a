#pragma once
#include <span>

namespace tilth {

/// Weighted means around the cells of a grid, cells without a value left out: out = sum w v / sum w over the
/// cells with a value within the window. Works on rows [first_row, last_row); each cell's answer depends on
/// the whole grid only, and is summed in one order (rows of the window from above, each from the left), in
/// float64.
/// @param values   [rows][columns]; NaN: no value.
/// @param weights  [2 radius + 1][2 radius + 1], >= 0; row 0 lies to the north.
/// @param out      [rows][columns] gets the means in the rows worked on; NaN where the window has no value.
/// Allocates nothing, never throws.
void means_around(std::span<const float> values, int rows, int columns, std::span<const float> weights,
                  int radius, int first_row, int last_row, std::span<float> out) noexcept;

}  // namespace tilth
