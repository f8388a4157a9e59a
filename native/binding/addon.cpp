// Node-API face of the kernels: checks arguments, makes spans, calls. No arithmetic on pixels here.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>

#include "arguments.hpp"
#include "cell_sums.hpp"
#include "composite.hpp"
#include "correct.hpp"
#include "encode.hpp"
#include "flags.hpp"
#include "halve.hpp"
#include "normalized_difference.hpp"
#include "simd.hpp"

namespace tilth::binding {
namespace {

constexpr int kMaxSide = 1 << 20;
constexpr int kTile = 512;

std::size_t area(int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); }

PixelWindow window_of(const Arguments& args) {
  return {args.integer("x", 0, kMaxSide), args.integer("y", 0, kMaxSide), args.integer("width", 1, kMaxSide),
          args.integer("height", 1, kMaxSide)};
}

NodeAxes axes_of(const Arguments& args) {
  const NodeAxes axes{args.number("x0"), args.number("dx"), args.number("y0"), args.number("dy")};
  if (axes.dx < 1e-6 || axes.dy < 1e-6) throw args.range_error("dx, dy", "expected 1e-6 or more");
  return axes;
}

/// Elements that a plane of height rows, `stride` apart, spans.
std::size_t plane_size(int stride, int width, int height) { return area(stride, height - 1) + width; }

template <typename T>
Plane<T> plane_of(const Arguments& args) {
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  const int stride = args.integer("stride", width, kMaxSide);
  const int start = args.has("start") ? args.integer("start", 0, 2147483647) : 0;
  const auto pixels = args.array<T>("pixels", start + plane_size(stride, width, height));
  return {pixels.subspan(start), stride, width, height};
}

Napi::Value SimdTargetName(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), std::string(simd_target().name));
}

void Correct(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const PixelWindow window = window_of(args);
  const std::size_t pixels = area(window.width, window.height);
  const Arguments t = args.nested("table");
  CorrectionTable table{};
  table.slots = t.integer("slots", 1, 255);
  table.rows = t.integer("rows", 2, kMaxSide);
  table.columns = t.integer("columns", 2, kMaxSide);
  table.node_hpa = t.array<const float>("nodeHpa", 1);
  if (table.node_hpa.size() > 32) throw t.range_error("nodeHpa", "expected 32 nodes or fewer");
  for (std::size_t i = 1; i < table.node_hpa.size(); ++i)
    if (!(table.node_hpa[i] > table.node_hpa[i - 1]))
      throw t.range_error("nodeHpa", "expected ascending pressures");
  table.slot_of_detector = t.array<const std::uint8_t>("slotOfDetector", 256);
  table.coefficients = t.array<const float>(
      "coefficients", area(table.slots, 3) * table.node_hpa.size() * area(table.rows, table.columns));
  table.axes = axes_of(t.nested("axes"));
  PressureGrid pressure{};
  if (args.has("pressure")) {
    const Arguments p = args.nested("pressure");
    pressure.rows = p.integer("rows", 2, kMaxSide);
    pressure.columns = p.integer("columns", 2, kMaxSide);
    pressure.hpa = p.array<const float>("hpa", area(pressure.rows, pressure.columns));
    pressure.axes = axes_of(p.nested("axes"));
  } else if (table.node_hpa.size() > 1) {
    throw args.type_error("pressure", "expected a grid, because the table has several pressures");
  }
  const double quantification = args.number("quantification");
  if (!(quantification > 0)) throw args.range_error("quantification", "expected a number above 0");
  const Radiometry radiometry{static_cast<float>(args.number("offset")), static_cast<float>(quantification)};
  l2a_correct(args.array<const std::uint16_t>("dn", pixels),
              args.array<const std::uint8_t>("detector", pixels), window, table, pressure, radiometry,
              args.array<std::int16_t>("out", pixels), args.array<std::uint8_t>("flags", pixels));
}

template <typename T>
void require_half(const Arguments& args, const Plane<const T>& in, const Plane<T>& out) {
  if (out.width != (in.width + 1) / 2 || out.height != (in.height + 1) / 2)
    throw args.range_error("out", "expected half the width and height of `in`, rounded up");
}

void HalveMean(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::int16_t>(args.nested("in"));
  const auto out = plane_of<std::int16_t>(args.nested("out"));
  require_half(args, in, out);
  halve_mean_i16(in, static_cast<std::int16_t>(args.integer("noData", -32768, 32767)), out);
}

void HalveNearest8(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::uint8_t>(args.nested("in"));
  const auto out = plane_of<std::uint8_t>(args.nested("out"));
  require_half(args, in, out);
  halve_nearest_u8(in, out);
}

void HalveNearest16(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::uint16_t>(args.nested("in"));
  const auto out = plane_of<std::uint16_t>(args.nested("out"));
  require_half(args, in, out);
  halve_nearest_u16(in, out);
}

void OrFlags(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const PixelWindow window = window_of(args);
  const Arguments p = args.nested("plane");
  const int rows = p.integer("rows", 1, kMaxSide), columns = p.integer("columns", 1, kMaxSide);
  or_flags(args.array<std::uint16_t>("mask", area(window.width, window.height)), window,
           p.array<const std::uint8_t>("bytes", area(rows, columns)), rows, columns,
           axes_of(p.nested("axes")), args.array<const std::uint16_t>("bitsOf", 256));
}

void NormalizedDifference(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto n = static_cast<std::size_t>(args.integer("n", 0, 2147483647));
  normalized_difference(args.array<const std::int16_t>("a", n), args.array<const std::int16_t>("b", n),
                        static_cast<std::int16_t>(args.integer("noData", -32768, -10001)),
                        args.integer("minSum", 1, 65534), args.array<std::int16_t>("out", n).first(n));
}

void CompositeClasses(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto n = static_cast<std::size_t>(args.integer("n", 0, 2147483647));
  composite_classes(args.array<const std::uint16_t>("mask", n),
                    args.array<const std::uint8_t>("classOf", 65536),
                    args.array<std::uint8_t>("out", n).first(n));
}

void LeastOfFour(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  least_of_four(args.array<const std::uint8_t>("in", area(width, height)), width, height,
                args.array<std::uint8_t>("out", area((width + 1) / 2, (height + 1) / 2)));
}

void CompositeAdd(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const Arguments s = args.nested("state");
  const auto n = static_cast<std::size_t>(s.integer("n", 0, 1 << 28));
  const auto bands = static_cast<std::size_t>(s.integer("bands", 1, 64));
  const CompositeState state{s.array<std::uint8_t>("rank", n).first(n),
                             s.array<std::uint16_t>("count", n).first(n),
                             s.array<double>("weight", n).first(n), s.array<double>("day", n).first(n),
                             s.array<double>("sums", n * bands).first(n * bands)};
  composite_add({args.array<const std::int16_t>("pixels", n * bands), args.array<std::uint8_t>("classes", n),
                 static_cast<std::int16_t>(args.integer("noData", -32768, 32767)),
                 static_cast<double>(args.integer("weight", 1, 1 << 20)),
                 static_cast<double>(args.integer("day", -(1 << 18), 1 << 18))},
                state);
}

void CompositeDivide(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto n = static_cast<std::size_t>(args.integer("n", 0, 2147483647));
  composite_divide(args.array<const double>("sum", n), args.array<const double>("weight", n),
                   args.integer("divisor", 1, 1 << 20),
                   static_cast<std::int16_t>(args.integer("noData", -32768, 32767)),
                   args.array<std::int16_t>("out", n).first(n));
}

void CellSums(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const auto in = plane_of<const std::int16_t>(args.nested("in"));
  const int side = args.integer("side", 1, 255);
  const int left = args.integer("left", 0, side - 1), above = args.integer("above", 0, side - 1);
  const int columns = (left + in.width + side - 1) / side, rows = (above + in.height + side - 1) / side;
  const std::size_t cells = area(columns, rows);
  cell_sums(in, static_cast<std::int16_t>(args.integer("noData", -32768, 32767)), side, left, above, columns,
            args.array<std::int32_t>("sums", cells).first(cells),
            args.array<std::int32_t>("counts", cells).first(cells));
}

Napi::Value EncodeTile(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  TileEncoder& encoder = *info.Env().GetInstanceData<TileEncoder>();
  const Arguments in = args.nested("in");
  const int bytes_per_pixel = args.integer("bytesPerPixel", 1, 2);
  const int predictor = args.integer("predictor", 1, 2);
  const Codec codec = args.integer("codec", 0, 1) == 0 ? Codec::kDeflate : Codec::kZstd;
  const auto out = args.array<std::uint8_t>("out", 1);
  const int start = args.integer("outStart", 0, 2147483647);
  if (static_cast<std::size_t>(start) > out.size()) throw args.range_error("outStart", "lies beyond `out`");
  const auto encode = [&](const void* pixels, std::ptrdiff_t stride, int width, int height) {
    if (width > kTile || height > kTile) throw in.range_error("width, height", "expected 512 or fewer");
    return encoder.encode(pixels, bytes_per_pixel, stride, width, height, predictor, codec,
                          out.subspan(start));
  };
  std::size_t size = 0;
  if (bytes_per_pixel == 2) {
    const auto plane = plane_of<const std::uint16_t>(in);
    size = encode(plane.pixels.data(), plane.stride, plane.width, plane.height);
  } else {
    const auto plane = plane_of<const std::uint8_t>(in);
    size = encode(plane.pixels.data(), plane.stride, plane.width, plane.height);
  }
  if (size == 0) throw args.range_error("out", "too small for the compressed tile; see encodeBound");
  return Napi::Number::New(info.Env(), static_cast<double>(size));
}

Napi::Value EncodeBound(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(info.Env().GetInstanceData<TileEncoder>()->bound()));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  if (simd_target().name == "unsupported")
    throw Napi::Error::New(
        env, "TILTH_SIMD: this CPU or build lacks the target named; expected baseline, avx2 or avx512");
  // Compressors keep state: one per JavaScript environment, that is per thread, freed with it.
  env.SetInstanceData(new TileEncoder(kTile));
  exports.Set("simdTarget", Napi::Function::New(env, SimdTargetName));
  exports.Set("correct", Napi::Function::New(env, Correct));
  exports.Set("halveMean", Napi::Function::New(env, HalveMean));
  exports.Set("halveNearest8", Napi::Function::New(env, HalveNearest8));
  exports.Set("halveNearest16", Napi::Function::New(env, HalveNearest16));
  exports.Set("orFlags", Napi::Function::New(env, OrFlags));
  exports.Set("normalizedDifference", Napi::Function::New(env, NormalizedDifference));
  exports.Set("compositeClasses", Napi::Function::New(env, CompositeClasses));
  exports.Set("leastOfFour", Napi::Function::New(env, LeastOfFour));
  exports.Set("compositeAdd", Napi::Function::New(env, CompositeAdd));
  exports.Set("compositeDivide", Napi::Function::New(env, CompositeDivide));
  exports.Set("cellSums", Napi::Function::New(env, CellSums));
  exports.Set("encodeTile", Napi::Function::New(env, EncodeTile));
  exports.Set("encodeBound", Napi::Function::New(env, EncodeBound));
  return exports;
}

}  // namespace
}  // namespace tilth::binding

static Napi::Object InitAddon(Napi::Env env, Napi::Object exports) {
  return tilth::binding::Init(env, exports);
}
NODE_API_MODULE(kernels, InitAddon)
