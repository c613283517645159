// Images of runs for JavaScript, for native/bind/run.cc: control fields and facts as objects.
//
// Thread-safety: the JavaScript thread of the environment only.
#pragma once

#include "bind/bind.h"
#include "image/image.h"
#include "image/program_cache.h"

namespace cti::bind {

// { fields: { NAME: value }, monitors: [{ type, address, value, tag }] }, checked by lib/runner/image.ts.
image::ControlValues control_of(const Napi::Object& from);
std::vector<image::Monitor> monitors_of(const Napi::Object& from);

// An image and its program, checked wholly.
struct CheckedImage {
  image::Image image;
  std::shared_ptr<const image::LoadedProgram> program;
};
Result<CheckedImage> check_image(Bytes bytes);

}  // namespace cti::bind
