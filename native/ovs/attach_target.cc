#include "ovs/attach_target.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "base/bytes.h"
#include "ovs/rights.h"

namespace cti::ovs {
namespace {

constexpr size_t kMaxHeaders = 64;
constexpr size_t kMaxNotes = 64 << 10;
constexpr uint64_t kMaxData = 64 << 20;

std::string proc_path(pid_t pid, const char* name) { return "/proc/" + std::to_string(pid) + "/" + name; }

// proc(5): starttime is the 22nd field; the name in parentheses may hold any character.
uint64_t start_ticks_of(pid_t pid) {
  std::ifstream file(proc_path(pid, "stat"));
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t end = text.rfind(')');
  uint64_t ticks = 0;
  if (end == text.npos || std::sscanf(text.c_str() + end + 1,
                                      " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64, &ticks) != 1)
    return 0;
  return ticks;
}

Error not_elf(const std::string& executable) {
  return errorf(ErrorCode::SWITCH_FOREIGN, "%s: expected an x86-64 ELF executable; its memory cannot be read as ovs-vswitchd's", executable.c_str());
}

struct Image {
  std::vector<Elf64_Phdr> headers;
  std::string build_id;
};

Result<Image> read_image(int fd, const std::string& executable) {
  Elf64_Ehdr head;
  if (pread(fd, &head, sizeof head, 0) != sizeof head || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
      head.e_machine != EM_X86_64 || head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum == 0 || head.e_phnum > kMaxHeaders)
    return not_elf(executable);
  Image image;
  image.headers.resize(head.e_phnum);
  const ssize_t size = static_cast<ssize_t>(head.e_phnum * sizeof(Elf64_Phdr));
  if (pread(fd, image.headers.data(), static_cast<size_t>(size), static_cast<off_t>(head.e_phoff)) != size) return not_elf(executable);
  for (const Elf64_Phdr& header : image.headers) {
    if (header.p_type != PT_NOTE || header.p_filesz > kMaxNotes || !image.build_id.empty()) continue;
    std::vector<uint8_t> notes(header.p_filesz);
    if (pread(fd, notes.data(), notes.size(), static_cast<off_t>(header.p_offset)) != static_cast<ssize_t>(notes.size())) continue;
    for (size_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
      const auto note = load<Elf64_Nhdr>(&notes[at]);
      const size_t name = at + sizeof note, value = name + ((size_t{note.n_namesz} + 3) & ~size_t{3});
      const size_t end = value + ((size_t{note.n_descsz} + 3) & ~size_t{3});
      if (value > notes.size() || end > notes.size()) break;
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(&notes[name], "GNU", 4) == 0 && note.n_descsz <= 64) {
        for (size_t i = 0; i < note.n_descsz; i++) {
          char two[3];
          std::snprintf(two, sizeof two, "%02x", notes[value + i]);
          image.build_id += two;
        }
        break;
      }
      at = end;
    }
  }
  return image;
}

// What the program was moved by (PIE): from the mapping of its first loaded segment.
bool load_bias(const Target& target, const Image& image, uint64_t& bias) {
  auto first = std::find_if(image.headers.begin(), image.headers.end(), [](const Elf64_Phdr& h) { return h.p_type == PT_LOAD; });
  if (first == image.headers.end()) return false;
  std::ifstream maps(proc_path(target.pid, "maps"));
  for (std::string line; std::getline(maps, line);) {
    uint64_t start, offset, inode;
    unsigned dev_major, dev_minor;
    if (std::sscanf(line.c_str(), "%" SCNx64 "-%*x %*s %" SCNx64 " %x:%x %" SCNu64, &start, &offset, &dev_major, &dev_minor, &inode) != 5) continue;
    // The inode only: overlay file systems show another device in maps than stat does.
    if (inode != target.exe_inode || offset != (first->p_offset & ~uint64_t{0xfff})) continue;
    bias = start - (first->p_vaddr & ~uint64_t{0xfff});
    return true;
  }
  return false;
}

}  // namespace

Result<Target> Target::open(pid_t pid) {
  Target target;
  target.pid = pid;
  target.pidfd = sys::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!target.pidfd) {
    if (errno == ESRCH || errno == EINVAL) return errorf(ErrorCode::NO_SWITCH, "no process %d is running", static_cast<int>(pid));
    return system_error(errno, "open a pidfd of process " + std::to_string(pid));
  }
  target.start_ticks = start_ticks_of(pid);
  char path[4096];
  const ssize_t size = readlink(proc_path(pid, "exe").c_str(), path, sizeof path);
  if (size < 0) return errno == ENOENT ? errorf(ErrorCode::NO_SWITCH, "process %d has gone", static_cast<int>(pid)) : no_rights_to_read(pid, errno);
  target.executable.assign(path, static_cast<size_t>(size));
  // Through /proc: the very file that runs, also if its path now names another, in another mount namespace or nothing.
  sys::UniqueFd exe(::open(proc_path(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (!exe || fstat(exe.get(), &status) != 0) return no_rights_to_read(pid, errno);
  target.exe_device = status.st_dev;
  target.exe_inode = status.st_ino;
  auto image = read_image(exe.get(), target.executable);
  if (!image) return image.error();
  target.build_id = image->build_id;
  uint64_t bias;
  if (!load_bias(target, *image, bias)) return not_elf(target.executable);
  for (const Elf64_Phdr& header : image->headers) {
    if (header.p_type != PT_LOAD || !(header.p_flags & PF_W) || header.p_memsz == 0) continue;
    if (header.p_memsz > kMaxData || !is_user_pointer(bias + header.p_vaddr)) return not_elf(target.executable);
    target.data.push_back({OvsAddr{bias + header.p_vaddr}, header.p_memsz});
  }
  if (target.data.empty()) return not_elf(target.executable);
  ProcessMemory memory(pid);
  uint8_t probe;
  if (!memory.read(target.data[0].start + (target.data[0].size - 1), probe)) {
    if (memory.last_errno() == ESRCH) return errorf(ErrorCode::NO_SWITCH, "process %d has gone", static_cast<int>(pid));
    return no_rights_to_read(pid, memory.last_errno());
  }
  if (!target.still_the_same()) return errorf(ErrorCode::SWITCH_CLOSED, "process %d ended while it was being attached to", static_cast<int>(pid));
  return target;
}

bool Target::still_the_same() const {
  pollfd poll_fd{pidfd.get(), POLLIN, 0};
  if (poll(&poll_fd, 1, 0) != 0) return false;  // readable: it has ended
  struct stat status;
  return stat(proc_path(pid, "exe").c_str(), &status) == 0 && status.st_dev == exe_device && status.st_ino == exe_inode &&
         start_ticks_of(pid) == start_ticks;
}

}  // namespace cti::ovs
