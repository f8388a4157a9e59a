#pragma once
#include <napi.h>

namespace tilth::binding {

/// Node-API face of the kernels that bring images onto each other (resample.hpp, phase_shift.hpp).
void ResampleCubic(const Napi::CallbackInfo& info);
void ShiftCubic(const Napi::CallbackInfo& info);
void PhaseShifts(const Napi::CallbackInfo& info);

}  // namespace tilth::binding
