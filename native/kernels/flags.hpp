#pragma once
#include <cstdint>
#include <span>

#include "correct.hpp"

namespace tilth {

/// Adds the bits of a coarser or finer byte plane to a mask: for each pixel of `window`,
/// mask |= bits_of[plane at the nearest pixel by ground position].
/// @param mask     [window.height][window.width], changed in place.
/// @param window   position of the block in the mask's image.
/// @param plane    [rows][columns] bytes: flags, classes, detector numbers.
/// @param axes     continuous plane position of the centre of the mask's pixel c is x0 + dx * c, in plane
/// pixels from the
///                 plane's left edge; its integer part is the plane's column. Positions outside are held at
///                 the edge.
/// @param bits_of  [256] what each byte adds.
/// Allocates nothing, never throws; the result does not depend on how the image is cut into blocks.
void or_flags(std::span<std::uint16_t> mask, const PixelWindow& window, std::span<const std::uint8_t> plane,
              int rows, int columns, const NodeAxes& axes, std::span<const std::uint16_t> bits_of) noexcept;

}  // namespace tilth
