// An action list as it lies in ovs-vswitchd's memory (netlink attributes of its version, datapath port numbers) into the tree of a dp_flows
// snapshot (text/action_tree.h: numbers of 3.4, ports by id, cookies spelled out).
//
// Thread-safety: a translator is used by one thread at a time.
#pragma once

#include "base/bytes.h"
#include "ovs/layout.h"
#include "text/action_tree.h"

namespace cti::ovs {

// A list of more bytes is not an action list: netlink's attributes end at 64 KiB, and so do OVS's.
inline constexpr uint32_t kMaxActions = 0xffff;

// Whether 'bytes' is a chain of attributes that ends where they end. Says nothing of what is inside.
bool is_attribute_chain(Bytes bytes);

class ActionTranslator {
 public:
  // The id of a datapath's port by its number; UINT32_MAX when out of room.
  class PortIds {
   public:
    virtual uint32_t port_id(uint32_t odp_port) = 0;

   protected:
    ~PortIds() = default;
  };

  ActionTranslator(const Layout& layout, PortIds& ports) : l_(layout), ports_(ports) {}

  // Writes the tree of 'list' (cleared first). False if it is not well formed, at any depth.
  bool translate(Bytes list, text::TreeWriter& tree);

 private:
  bool list(Bytes list, int depth, text::TreeWriter& tree);
  bool action(uint16_t number, Bytes payload, int depth, text::TreeWriter& tree);
  bool nested_actions(uint16_t type, Bytes payload, int depth, text::TreeWriter& tree);
  bool userspace(Bytes nested, text::TreeWriter& tree);
  void cookie(Bytes cookie, text::TreeWriter& tree);
  bool ct(Bytes nested, text::TreeWriter& tree);
  bool push_nsh(Bytes payload, text::TreeWriter& tree);
  bool tunnel_push(Bytes payload, text::TreeWriter& tree);
  uint16_t number_of(uint16_t type) const;

  const Layout& l_;
  PortIds& ports_;
};

}  // namespace cti::ovs
