#include "base/error.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace cti {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
#define CTI_ERROR(name) \
  case ErrorCode::name: \
    return #name;
#include "base/generated/error_codes.inc"
#undef CTI_ERROR
  }
  return "INTERNAL";
}

Error errorf(ErrorCode code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int size = std::vsnprintf(nullptr, 0, format, args);
  va_end(args);
  std::string message(size > 0 ? static_cast<size_t>(size) : 0, '\0');
  if (size > 0) std::vsnprintf(message.data(), message.size() + 1, format, again);
  va_end(again);
  return Error{code, std::move(message)};
}

Error system_error(int errnum, std::string_view what) {
  ErrorCode code = ErrorCode::SYSTEM;
  if (errnum == EPERM || errnum == EACCES) code = ErrorCode::NO_RIGHTS;
  if (errnum == ENOMEM || errnum == EMFILE || errnum == ENFILE) code = ErrorCode::OUT_OF_MEMORY;
  char buffer[128];
  const char* reason = strerror_r(errnum, buffer, sizeof buffer);
  return errorf(code, "%.*s: %s", static_cast<int>(what.size()), what.data(), reason);
}

}  // namespace cti
