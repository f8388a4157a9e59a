#include "sums.hpp"

#include <cstdint>

#include "arguments.hpp"
#include "cell_sums.hpp"
#include "shapes.hpp"
#include "summary.hpp"

namespace tilth::binding {
namespace {

/// How a block lies in cells, and how many of them it touches.
struct Cells {
  int side, left, above, columns;
  std::size_t count;
};

Cells cells_of(const Arguments& args, int width, int height) {
  const int side = args.integer("side", 1, 255);
  const int left = args.integer("left", 0, side - 1), above = args.integer("above", 0, side - 1);
  const int columns = (left + width + side - 1) / side, rows = (above + height + side - 1) / side;
  return {side, left, above, columns, area(columns, rows)};
}

}  // namespace

void CellSums(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::int16_t>(args.nested("in"));
  const auto [side, left, above, columns, count] = cells_of(args, in.width, in.height);
  cell_sums(in, static_cast<std::int16_t>(args.integer("noData", -32768, 32767)), side, left, above, columns,
            args.array<std::int32_t>("sums", count).first(count),
            args.array<std::int32_t>("counts", count).first(count));
}

void SensorCellSums(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::uint16_t>(args.nested("in"));
  const auto [side, left, above, columns, count] = cells_of(args, in.width, in.height);
  sensor_cells(in, args.array<const std::uint8_t>("detector", area(in.width, in.height)), side, left, above,
               columns,
               {args.array<std::uint32_t>("sums", count).first(count),
                args.array<std::int32_t>("counts", count).first(count),
                args.array<std::int32_t>("saturated", count).first(count),
                args.array<std::uint32_t>("detectors", count).first(count)});
}

Napi::Value Summarize(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto [least, largest, sum, valid] =
      summarize(args.array<const std::int16_t>("pixels", 0),
                static_cast<std::int16_t>(args.integer("noData", -32768, 32767)));
  const auto found = Napi::Array::New(info.Env(), 4);
  found.Set(0u, static_cast<double>(least));
  found.Set(1u, static_cast<double>(largest));
  found.Set(2u, static_cast<double>(sum));
  found.Set(3u, static_cast<double>(valid));
  return found;
}

}  // namespace tilth::binding
