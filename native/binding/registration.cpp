#include "registration.hpp"

#include <cmath>
#include <cstdint>

#include "arguments.hpp"
#include "phase_shift.hpp"
#include "resample.hpp"
#include "shapes.hpp"

namespace tilth::binding {
namespace {

ImagePiece piece_of(const Arguments& args) {
  const PixelWindow window = window_of(args);
  const std::size_t pixels = area(window.width, window.height);
  return {args.array<const std::uint16_t>("pixels", pixels), window.x, window.y, window.width, window.height};
}

}  // namespace

void ResampleCubic(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const ImagePiece image = piece_of(args.nested("image"));
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  const Arguments p = args.nested("places");
  const int rows = p.integer("rows", (height - 1) / kNodeStep + 1, kMaxSide);
  const int columns = p.integer("columns", (width - 1) / kNodeStep + 1, kMaxSide);
  const std::size_t nodes = area(rows, columns);
  resample_cubic(image,
                 {p.array<const double>("column", nodes), p.array<const double>("row", nodes), rows, columns},
                 width, height, args.array<std::uint16_t>("out", area(width, height)));
}

void ShiftCubic(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const ImagePiece image = piece_of(args.nested("image"));
  const PixelWindow window = window_of(args);
  const double columns = args.number("columns"), rows = args.number("rows");
  if (std::abs(columns) > kMaxSide || std::abs(rows) > kMaxSide)
    throw args.range_error("columns, rows", "expected a shift of 2^20 pixels or less");
  shift_cubic(image, columns, rows, window.x, window.y, window.width, window.height,
              args.array<std::uint16_t>("out", area(window.width, window.height)));
}

void PhaseShifts(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const int side = args.integer("side", 32, 512);
  if ((side & (side - 1)) != 0) throw args.range_error("side", "expected a power of two");
  const int windows = args.integer("windows", 0, 1 << 16);
  const int first = args.integer("first", 0, windows), last = args.integer("last", first, windows);
  const double columns = args.number("columns"), rows = args.number("rows");
  if (!(std::abs(columns) <= kLargestShift && std::abs(rows) <= kLargestShift))
    throw args.range_error("columns, rows", "expected a guess of 8 pixels or less");
  const std::size_t pixels = area(side, side),
                    around = area(side + 2 * kShiftMargin, side + 2 * kShiftMargin);
  const auto images = args.array<const std::uint16_t>("images", windows * around);
  const auto references = args.array<const std::int16_t>("references", windows * pixels);
  const auto usable = args.array<const std::uint8_t>("usable", windows * pixels);
  const auto out = args.array<double>("out", area(windows, 4));
  for (int i = first; i < last; ++i) {
    const FoundShift found =
        phase_shift({images.subspan(i * around, around), references.subspan(i * pixels, pixels),
                     usable.subspan(i * pixels, pixels), side},
                    columns, rows);
    const auto to = out.subspan(area(i, 4), 4);
    to[0] = found.columns;
    to[1] = found.rows;
    to[2] = found.peak;
    to[3] = found.share;
  }
}

}  // namespace tilth::binding
