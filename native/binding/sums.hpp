#pragma once
#include <napi.h>

namespace tilth::binding {

/// Node-API face of the kernels that add up pixels (cell_sums.hpp, summary.hpp).
void CellSums(const Napi::CallbackInfo& info);
void SensorCellSums(const Napi::CallbackInfo& info);
/// [least, largest, sum, valid]
Napi::Value Summarize(const Napi::CallbackInfo& info);

}  // namespace tilth::binding
