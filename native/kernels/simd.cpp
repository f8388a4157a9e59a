#include "simd.hpp"

#include <cstdlib>

namespace tilth {
namespace {

SimdTarget choose() noexcept {
  const char* forced = std::getenv("TILTH_SIMD");
  const std::string_view wanted = forced ? forced : "";
#ifdef TILTH_X86
  __builtin_cpu_init();
  if (wanted.empty() || wanted == "avx512") {
    if (__builtin_cpu_supports("x86-64-v4")) return {"avx512", &avx512::rows};
  }
  if (wanted.empty() || wanted == "avx2") {
    if (__builtin_cpu_supports("x86-64-v3")) return {"avx2", &avx2::rows};
  }
#endif
  if (wanted.empty() || wanted == "baseline") return {"baseline", &baseline::rows};
  return {"unsupported", &baseline::rows};
}

}  // namespace

const SimdTarget& simd_target() noexcept {
  static const SimdTarget target = choose();
  return target;
}

}  // namespace tilth
