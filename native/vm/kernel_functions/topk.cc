// topk_offer: the largest (key, value) pairs of a stream, in a bounded list.
//
//   struct cti_topk { u32 capacity; u32 n; struct { u64 key; u64 value; } entries[capacity]; }
//
// The entries are a heap whose root goes first: the smallest key and, among those, the largest value.
#include <bit>

#include "vm/kernel_function.h"

namespace cti::vm {
namespace {

struct Entry {
  uint64_t key;
  uint64_t value;
};

struct Header {
  uint32_t capacity;
  uint32_t n;
};

bool goes_before(const Entry& a, const Entry& b) { return a.key != b.key ? a.key < b.key : a.value > b.value; }

// SAFETY: whoever makes one has had 'capacity' entries at 'at' checked; indexes stay below it, whatever the entries hold.
struct Heap {
  uint8_t* at;

  Entry get(uint64_t i) const { return load<Entry>(at + i * sizeof(Entry)); }
  void set(uint64_t i, Entry entry) { store(at + i * sizeof(Entry), entry); }

  void sift_up(uint64_t i, Entry entry) {
    for (; i > 0; i = (i - 1) / 2) {
      Entry parent = get((i - 1) / 2);
      if (!goes_before(entry, parent)) break;
      set(i, parent);
    }
    set(i, entry);
  }

  void sift_down(Entry entry, uint64_t n) {
    uint64_t i = 0;
    for (uint64_t child; (child = 2 * i + 1) < n; i = child) {
      if (child + 1 < n && goes_before(get(child + 1), get(child))) child++;
      if (!goes_before(get(child), entry)) break;
      set(i, get(child));
    }
    set(i, entry);
  }
};

}  // namespace

KernelResult ctinspector_topk_offer(Environment& env, const KernelArgs& args) {
  uint64_t list = args[0];
  Entry offered{args[1], args[2]};
  uint8_t* at = env.window.range(list, sizeof(Header), window::Intent::write);
  if (!at) return refuse(EFAULT);
  Header header = load<Header>(at);
  if (list % 8 != 0 || header.capacity == 0 || header.n > header.capacity) return refuse(EINVAL);
  uint8_t* entries = env.window.range(list + sizeof(Header), uint64_t{header.capacity} * sizeof(Entry), window::Intent::write);
  if (!entries) return refuse(EFAULT);

  Heap heap{entries};
  if (header.n < header.capacity) {
    heap.sift_up(header.n, offered);
    header.n++;
    store(at, header);
  } else if (goes_before(heap.get(0), offered)) {
    heap.sift_down(offered, header.n);
  }
  uint64_t charge = static_cast<uint64_t>(std::bit_width(header.capacity));
  return answer(header.n == header.capacity ? heap.get(0).key : 0, charge);
}

}  // namespace cti::vm
