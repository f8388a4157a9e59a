// Node-API face of the kernels: checks arguments, makes spans, calls. No arithmetic on pixels here.
#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "arguments.hpp"
#include "composite.hpp"
#include "correct.hpp"
#include "encode.hpp"
#include "flags.hpp"
#include "halve.hpp"
#include "normalized_difference.hpp"
#include "pack.hpp"
#include "registration.hpp"
#include "shapes.hpp"
#include "simd.hpp"
#include "sums.hpp"
#include "surroundings.hpp"
#include "terrain.hpp"

namespace tilth::binding {
namespace {

constexpr int kTile = 512;

/// Compressors keep state: one of each per JavaScript environment, that is per thread, freed with it.
struct Coders {
  TileEncoder encoder{kTile};
  BlockPacker packer;
};

NodeAxes axes_of(const Arguments& args) {
  const NodeAxes axes{args.number("x0"), args.number("dx"), args.number("y0"), args.number("dy")};
  if (axes.dx < 1e-6 || axes.dy < 1e-6) throw args.range_error("dx, dy", "expected 1e-6 or more");
  return axes;
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
  const std::size_t nodes = area(table.rows, table.columns);
  if (t.has("legs"))
    table.legs = t.array<const float>("legs", area(table.slots, 2) * table.node_hpa.size() * nodes);
  if (t.has("directions"))
    table.directions = t.array<const float>("directions", area(table.slots, 4) * nodes);
  Surroundings around{};
  if (args.has("around")) {
    const Arguments a = args.nested("around");
    around.rows = a.integer("rows", 2, kMaxSide);
    around.columns = a.integer("columns", 2, kMaxSide);
    around.reflectance = a.array<const float>("reflectance", area(around.rows, around.columns));
    around.axes = axes_of(a.nested("axes"));
  }
  Terrain terrain{};
  std::span<std::int16_t> flat{};
  if (args.has("terrain")) {
    const Arguments g = args.nested("terrain");
    terrain.rows = g.integer("rows", 2, kMaxSide);
    terrain.columns = g.integer("columns", 2, kMaxSide);
    const std::size_t size = area(terrain.rows, terrain.columns);
    terrain.east = g.array<const std::int16_t>("east", size);
    terrain.north = g.array<const std::int16_t>("north", size);
    terrain.hidden = g.array<const std::uint8_t>("hidden", size);
    terrain.axes = axes_of(g.nested("axes"));
    terrain.is_canopy = g.integer("canopy", 0, 1) == 1;
    flat = args.array<std::int16_t>("flat", pixels);
    if (table.directions.empty()) throw t.type_error("directions", "expected, because there is terrain");
  }
  if ((args.has("around") || args.has("terrain")) && table.legs.empty())
    throw t.type_error("legs", "expected, because there are surroundings or terrain");
  const double quantification = args.number("quantification");
  if (!(quantification > 0)) throw args.range_error("quantification", "expected a number above 0");
  const Radiometry radiometry{static_cast<float>(args.number("offset")), static_cast<float>(quantification)};
  l2a_correct(args.array<const std::uint16_t>("dn", pixels),
              args.array<const std::uint8_t>("detector", pixels), window, table, pressure, radiometry,
              args.array<std::int16_t>("out", pixels), args.array<std::uint8_t>("flags", pixels), around,
              terrain, flat);
}

Heights heights_of(const Arguments& args) {
  Heights heights{};
  heights.rows = args.integer("rows", 3, kMaxSide);
  heights.columns = args.integer("columns", 3, kMaxSide);
  heights.m = args.array<const float>("heights", area(heights.rows, heights.columns))
                  .first(area(heights.rows, heights.columns));
  heights.pixel_m = args.number("pixelM");
  if (!(heights.pixel_m > 0)) throw args.range_error("pixelM", "expected a number above 0");
  return heights;
}

/// Rows of a grid that one call works on.
std::pair<int, int> rows_of(const Arguments& args, int rows) {
  const int first = args.integer("firstRow", 0, rows);
  return {first, args.integer("lastRow", first, rows)};
}

void Slopes(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const Heights heights = heights_of(args);
  SlopeFit fit{};
  fit.reach = args.integer("reach", 1, std::min({32, (heights.rows - 1) / 2, (heights.columns - 1) / 2}));
  fit.error_m = static_cast<float>(args.number("errorM"));
  if (!(fit.error_m >= 0)) throw args.range_error("errorM", "expected a number of at least 0");
  const int rows = heights.rows - 2 * fit.reach;
  const std::size_t inner = area(rows, heights.columns - 2 * fit.reach);
  const auto [first, last] = rows_of(args, rows);
  slopes(heights, fit, first, last, args.array<std::int16_t>("east", inner),
         args.array<std::int16_t>("north", inner),
         args.has("smoothness") ? args.array<std::uint8_t>("smoothness", inner) : std::span<std::uint8_t>{});
}

void CastShadows(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const Heights heights = heights_of(args);
  const auto [first, last] = rows_of(args, heights.rows);
  const auto east = args.array<const float>("sunEast", 4), north = args.array<const float>("sunNorth", 4);
  SunOverGrid sun{};
  for (int i = 0; i < 4; ++i) {
    sun.east[i] = east[i];
    sun.north[i] = north[i];
  }
  cast_shadows(heights, sun, static_cast<float>(args.number("toleranceM")), first, last,
               args.array<std::uint8_t>("hidden", area(heights.rows, heights.columns)));
}

void MeansAround(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const int rows = args.integer("rows", 1, kMaxSide), columns = args.integer("columns", 1, kMaxSide);
  const int radius = args.integer("radius", 0, 1000);
  const auto [first, last] = rows_of(args, rows);
  means_around(args.array<const float>("values", area(rows, columns)), rows, columns,
               args.array<const float>("weights", area(2 * radius + 1, 2 * radius + 1)), radius, first, last,
               args.array<float>("out", area(rows, columns)));
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

Napi::Value PackBound(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const std::size_t pixels = area(args.integer("width", 1, kMaxSide), args.integer("height", 1, kMaxSide));
  return Napi::Number::New(info.Env(), static_cast<double>(BlockPacker::bound(pixels)));
}

Napi::Value PackBlock(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  const std::size_t pixels = area(width, height);
  const std::size_t size = info.Env().GetInstanceData<Coders>()->packer.pack(
      args.array<const std::uint16_t>("dn", pixels), args.array<const std::uint8_t>("detector", pixels),
      width, height, args.array<std::uint8_t>("out", 1));
  if (size == 0) throw args.range_error("out", "too small for the packed block; see packBound");
  return Napi::Number::New(info.Env(), static_cast<double>(size));
}

Napi::Value UnpackBlock(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  const int width = args.integer("width", 1, kMaxSide), height = args.integer("height", 1, kMaxSide);
  const std::size_t pixels = area(width, height);
  const bool is_whole = info.Env().GetInstanceData<Coders>()->packer.unpack(
      args.array<const std::uint8_t>("bytes", 1), width, height, args.array<std::uint16_t>("dn", pixels),
      args.array<std::uint8_t>("detector", pixels));
  return Napi::Boolean::New(info.Env(), is_whole);
}

Napi::Value EncodeTile(const Napi::CallbackInfo& info) {
  const Arguments args(info[0]);
  TileEncoder& encoder = info.Env().GetInstanceData<Coders>()->encoder;
  const Arguments in = args.nested("in");
  const int bytes_per_pixel = args.integer("bytesPerPixel", 1, 2);
  const int predictor = args.integer("predictor", 1, 2);
  const auto codec = static_cast<Codec>(args.integer("codec", 0, 2));
  const bool is_signed = args.integer("isSigned", 0, 1) == 1;
  const auto out = args.array<std::uint8_t>("out", 1);
  const int start = args.integer("outStart", 0, 2147483647);
  if (static_cast<std::size_t>(start) > out.size()) throw args.range_error("outStart", "lies beyond `out`");
  const auto encode = [&](const void* pixels, std::ptrdiff_t stride, int width, int height) {
    if (width > kTile || height > kTile) throw in.range_error("width, height", "expected 512 or fewer");
    return encoder.encode(pixels, bytes_per_pixel, is_signed, stride, width, height, predictor, codec,
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
                           static_cast<double>(info.Env().GetInstanceData<Coders>()->encoder.bound()));
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  if (simd_target().name == "unsupported")
    throw Napi::Error::New(
        env, "TILTH_SIMD: this CPU or build lacks the target named; expected baseline, avx2 or avx512");
  env.SetInstanceData(new Coders);
  exports.Set("simdTarget", Napi::Function::New(env, SimdTargetName));
  exports.Set("correct", Napi::Function::New(env, Correct));
  exports.Set("slopes", Napi::Function::New(env, Slopes));
  exports.Set("castShadows", Napi::Function::New(env, CastShadows));
  exports.Set("meansAround", Napi::Function::New(env, MeansAround));
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
  exports.Set("sensorCells", Napi::Function::New(env, SensorCellSums));
  exports.Set("summarize", Napi::Function::New(env, Summarize));
  exports.Set("resampleCubic", Napi::Function::New(env, ResampleCubic));
  exports.Set("shiftCubic", Napi::Function::New(env, ShiftCubic));
  exports.Set("phaseShifts", Napi::Function::New(env, PhaseShifts));
  exports.Set("packBound", Napi::Function::New(env, PackBound));
  exports.Set("packBlock", Napi::Function::New(env, PackBlock));
  exports.Set("unpackBlock", Napi::Function::New(env, UnpackBlock));
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
