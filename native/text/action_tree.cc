#include "text/action_tree.h"

#include <algorithm>

#include "text/keys.h"

namespace cti::text {
namespace {

void walk(Bytes list, ActionFacts& facts, int depth) {
  if (depth > kMaxNesting) return;
  TreeAttr attr, inner;
  bool text_before = false;
  while (next_attr(list, attr)) {
    if (attr.type == kActUnknown) {
      facts.n_unknown += text_before ? 0 : 1;
      text_before = attr.payload.size() >= 0x8000;  // a long text goes on in the next attribute
      continue;
    }
    text_before = false;
    if (attr.type < 64) facts.does |= 1ull << attr.type;
    switch (attr.type) {
      case kActOutput:
        facts.out_ports.push_back(attr.value<uint32_t>());
        break;
      case kActTunnelPush:
        facts.out_ports.push_back(attr.value<uint32_t>(4));
        break;
      case kActSet:
      case kActSetMasked: {
        Bytes rest = attr.payload;
        if (!next_attr(rest, inner)) break;
        if (inner.type < 64) facts.sets |= 1ull << inner.type;
        TreeAttr unknown;
        if (inner.type == kKeyTunnel && find_attr(inner.payload, kActUnknown, unknown)) facts.n_unknown++;
        break;
      }
      case kActClone:
        walk(attr.payload, facts, depth + 1);
        break;
      case kActSample:
      case kActCheckPktLen:
      case kActDecTtl: {
        Bytes rest = attr.payload;
        while (next_attr(rest, inner))
          if (inner.type != 1 || attr.type == kActDecTtl) walk(inner.payload, facts, depth + 1);
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace

void action_facts(Bytes tree, ActionFacts& facts) {
  facts.does = facts.sets = 0;
  facts.n_unknown = 0;
  facts.out_ports.clear();
  walk(tree, facts, 0);
  std::sort(facts.out_ports.begin(), facts.out_ports.end());
  facts.out_ports.erase(std::unique(facts.out_ports.begin(), facts.out_ports.end()), facts.out_ports.end());
}

}  // namespace cti::text
