#include "kernel/task_program.h"

#include <linux/bpf.h>
#include <linux/btf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace cti::kernel {
namespace {

// The kernel lets only programs under a licence that goes with its own read its memory (bpf_probe_read_kernel); page_walk.bpf.c is.
constexpr char kLicense[] = "Dual MIT/GPL";
constexpr uint8_t kLddw = 0x18;

long call(bpf_cmd command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof attributes); }
// SAFETY: pointers that the kernel takes as numbers, and uses during the call only.
uint64_t number(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

Error refused(int errnum, const std::string& what) {
  // Where a kernel is locked down the verifier knows bpf_probe_read_kernel no more.
  const bool is_locked = errnum == EINVAL && what.find("#113") != std::string::npos;
  if (errnum == EPERM || errnum == EACCES || is_locked)
    return errorf(ErrorCode::NO_RIGHTS, "%s: %s; that takes CAP_BPF and CAP_PERFMON, a seccomp filter that lets bpf() through, and a kernel that is not "
                  "locked down to confidentiality", what.c_str(), std::strerror(errnum));
  return system_error(errnum, what);
}

// Type information, as small as the verifier takes it of a program whose loops have bodies: int main(), static int body().
struct FunctionTypes {
  static constexpr uint32_t kMain = 3, kBody = 4;
  static constexpr uint32_t kStatic = 0, kGlobal = 1;
  btf_header header = {BTF_MAGIC, BTF_VERSION, 0, sizeof(btf_header), 0, offsetof(FunctionTypes, names) - sizeof(btf_header),
                       offsetof(FunctionTypes, names) - sizeof(btf_header), sizeof names};
  btf_type integer = {1, BTF_KIND_INT << 24, {4}};
  uint32_t integer_bits = BTF_INT_SIGNED << 24 | 32;
  btf_type function = {0, BTF_KIND_FUNC_PROTO << 24, {1}};
  btf_type main = {5, BTF_KIND_FUNC << 24 | kGlobal, {2}};
  btf_type body = {10, BTF_KIND_FUNC << 24 | kStatic, {2}};
  char names[16] = "\0int\0main\0body";
};

// The last line of what the verifier said before its statistics, if it said something.
std::string said(const std::vector<char>& log) {
  std::string text(log.data(), strnlen(log.data(), log.size()));
  std::string last;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (!line.empty() && line.rfind("processed ", 0) != 0) last = line;
    begin = end + 1;
  }
  return last.empty() ? "" : " (" + last + ")";
}

}  // namespace

Result<MapValue> MapValue::make(const char* name, uint32_t size, uint32_t flags) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = size;
  attributes.max_entries = 1;
  attributes.map_flags = flags;
  std::snprintf(attributes.map_name, sizeof attributes.map_name, "%s", name);
  MapValue made;
  made.fd_ = sys::UniqueFd(static_cast<int>(call(BPF_MAP_CREATE, attributes)));
  if (!made.fd_) return refused(errno, "make a map for a program in the kernel");
  return made;
}

Result<MapValue> MapValue::shared(const char* name, uint32_t size) {
  auto made = make(name, size, BPF_F_MMAPABLE);
  if (!made) return made;
  auto memory = sys::Mapping::map(size, PROT_READ | PROT_WRITE, MAP_SHARED, made->fd_.get(), "map the memory of a program in the kernel");
  if (!memory) return std::move(memory.error());
  made->memory_ = *std::move(memory);
  return made;
}

Result<TaskProgram> TaskProgram::load(const char* name, const Code& of, std::span<const Known> known, uint32_t iterator, pid_t tid) {
  std::vector<bpf_insn> code(of.slots.size());
  std::memcpy(code.data(), of.slots.data(), of.slots.size_bytes());
  for (size_t i = 0; i + 1 < code.size(); i++) {
    if (code[i].code != kLddw) continue;
    const uint64_t value = static_cast<uint32_t>(code[i].imm) | uint64_t{static_cast<uint32_t>(code[i + 1].imm)} << 32;
    for (const Known& one : known) {
      if (value != one.placeholder) continue;
      code[i].src_reg = one.is_map ? BPF_PSEUDO_MAP_VALUE : 0;
      code[i].imm = static_cast<int32_t>(one.value);
      code[i + 1].imm = one.is_map ? 0 : static_cast<int32_t>(one.value >> 32);
    }
    i++;
  }

  const FunctionTypes types;
  std::vector<char> log(1 << 16);
  bpf_attr attributes{};
  attributes.btf = number(&types);
  attributes.btf_size = sizeof types;
  const sys::UniqueFd described(static_cast<int>(call(BPF_BTF_LOAD, attributes)));
  if (!described) return refused(errno, "describe a program to the kernel");
  std::vector<bpf_func_info> functions = {{0, FunctionTypes::kMain}};
  for (const uint32_t body : of.bodies) functions.push_back({body, FunctionTypes::kBody});

  attributes = {};
  attributes.prog_btf_fd = static_cast<uint32_t>(described.get());
  attributes.func_info = number(functions.data());
  attributes.func_info_cnt = static_cast<uint32_t>(functions.size());
  attributes.func_info_rec_size = sizeof functions[0];
  attributes.prog_type = BPF_PROG_TYPE_TRACING;
  attributes.expected_attach_type = BPF_TRACE_ITER;
  attributes.attach_btf_id = iterator;
  attributes.insns = number(code.data());
  attributes.insn_cnt = static_cast<uint32_t>(code.size());
  attributes.license = number(kLicense);
  std::snprintf(attributes.prog_name, sizeof attributes.prog_name, "%s", name);
  sys::UniqueFd program;
  // A signal that is pending is enough for EAGAIN.
  for (int attempt = 0; attempt < 5 && !program; attempt++) {
    program = sys::UniqueFd(static_cast<int>(call(BPF_PROG_LOAD, attributes)));
    if (!program && errno != EAGAIN) break;
  }
  if (!program) {
    const int errnum = errno;
    // Again, to have it say why: only now, for a verifier that writes is slow.
    attributes.log_level = 4 | 1;
    attributes.log_buf = number(log.data());
    attributes.log_size = static_cast<uint32_t>(log.size());
    if (errnum != EPERM) sys::UniqueFd(static_cast<int>(call(BPF_PROG_LOAD, attributes)));
    // One that does not fit says nothing at its end.
    if (errno == ENOSPC || log[log.size() - 2] != 0) log[0] = 0;
    return refused(errnum, "load a program into the kernel" + said(log));
  }

  bpf_iter_link_info info{};
  info.task.tid = static_cast<uint32_t>(tid);
  attributes = {};
  attributes.link_create.prog_fd = static_cast<uint32_t>(program.get());
  attributes.link_create.attach_type = BPF_TRACE_ITER;
  attributes.link_create.iter_info = number(&info);
  attributes.link_create.iter_info_len = sizeof info;
  TaskProgram made;
  made.link_ = sys::UniqueFd(static_cast<int>(call(BPF_LINK_CREATE, attributes)));
  if (!made.link_) {
    if (errno == EINVAL || errno == E2BIG)
      return errorf(ErrorCode::SYSTEM, "bind a program in the kernel to process %d: %s; that needs Linux 6.1 or later", static_cast<int>(tid), std::strerror(errno));
    return refused(errno, "bind a program in the kernel to process " + std::to_string(tid));
  }
  return made;
}

Result<void> TaskProgram::run() {
  bpf_attr attributes{};
  attributes.iter_create.link_fd = static_cast<uint32_t>(link_.get());
  const sys::UniqueFd iterator(static_cast<int>(call(BPF_ITER_CREATE, attributes)));
  if (!iterator) return system_error(errno, "run a program in the kernel");
  // The program writes nothing here: the end comes at once, when it has run.
  char nothing[8];
  ssize_t got;
  do got = ::read(iterator.get(), nothing, sizeof nothing);
  while (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (got < 0) return system_error(errno, "run a program in the kernel");
  return {};
}

}  // namespace cti::kernel
