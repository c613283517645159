#include "ovs/layout.h"

#include <string_view>

namespace cti::ovs {
namespace {

constexpr uint64_t kMaxStructure = 64u << 20;  // a PMD thread has its caches inside: 9 MB in 3.1

Error bad(const std::string& name, const char* expected, uint64_t received) {
  return errorf(ErrorCode::INVALID_ARGUMENT, "layout: %s: expected %s, received %llu; make the layout anew with `ctinspector layout make`",
                name.c_str(), expected, static_cast<unsigned long long>(received));
}

struct Want {
  std::string_view name;
  bool required;
  bool enumerator;
  Member* member;
  uint32_t* size;
};

// Sizes that the readers take for granted.
struct Fixed {
  std::string_view name;
  const Member* member;
  uint32_t size;
};

}  // namespace

Result<Layout> Layout::make(std::span<const LayoutEntry> entries) {
  constexpr bool REQUIRED = true;
  constexpr bool OPTIONAL = false;
  Layout l;
  const Want wants[] = {
#define CTI_STRUCT(structure) {#structure, true, false, nullptr, &l.sizeof_##structure},
#define CTI_MEMBER(structure, member, need) {#structure "." #member, need, false, &l.structure##_##member, nullptr},
#define CTI_NESTED(structure, member, inner) {#structure "." #member "." #inner, false, false, &l.structure##_##member##_##inner, nullptr},
#define CTI_ENUMERATOR(enumeration, name) {#enumeration "." #name, false, true, &l.enumeration##_##name, nullptr},
#include "ovs/layout_members.def"
  };
  for (const LayoutEntry& entry : entries) {
    if (entry.offset > kMaxStructure || entry.size > kMaxStructure) return bad(entry.name, "at most 64 MiB", entry.offset | entry.size);
    for (const Want& want : wants) {
      if (want.name != entry.name) continue;
      if (want.size)
        *want.size = static_cast<uint32_t>(entry.size);
      else
        *want.member = {static_cast<uint32_t>(entry.offset), static_cast<uint32_t>(entry.size), true};
      break;
    }
  }
  for (const Want& want : wants)
    if (want.required && (want.size ? *want.size == 0 : !want.member->present))
      return errorf(ErrorCode::INVALID_ARGUMENT, "layout: %s is missing; make the layout anew with `ctinspector layout make`",
                    std::string(want.name).c_str());

  const Fixed fixed[] = {
      {"cmap.impl", &l.cmap_impl, 8},
      {"cmap_node.next", &l.cmap_node_next, 8},
      {"cmap_impl.n", &l.cmap_impl_n, 4},
      {"cmap_impl.mask", &l.cmap_impl_mask, 4},
      {"cmap_bucket.counter", &l.cmap_bucket_counter, 4},
      {"hmap.buckets", &l.hmap_buckets, 8},
      {"hmap.one", &l.hmap_one, 8},
      {"hmap.mask", &l.hmap_mask, 8},
      {"hmap.n", &l.hmap_n, 8},
      {"hmap_node.next", &l.hmap_node_next, 8},
      {"shash_node.name", &l.shash_node_name, 8},
      {"shash_node.data", &l.shash_node_data, 8},
      {"dp_netdev.name", &l.dp_netdev_name, 8},
      {"dp_netdev.poll_threads", &l.dp_netdev_poll_threads, 8},
      {"dp_netdev_pmd_thread.flow_table", &l.dp_netdev_pmd_thread_flow_table, 8},
      {"dp_netdev_pmd_thread.core_id", &l.dp_netdev_pmd_thread_core_id, 4},
      {"dp_netdev_pmd_thread.numa_id", &l.dp_netdev_pmd_thread_numa_id, 4},
      {"dp_netdev_flow.ufid", &l.dp_netdev_flow_ufid, 16},
      {"dp_netdev_flow.pmd_id", &l.dp_netdev_flow_pmd_id, 4},
      {"dp_netdev_flow.ref_cnt", &l.dp_netdev_flow_ref_cnt, 4},
      {"dp_netdev_flow.dead", &l.dp_netdev_flow_dead, 1},
      {"dp_netdev_flow.actions", &l.dp_netdev_flow_actions, 8},
      {"dp_netdev_flow_stats.used", &l.dp_netdev_flow_stats_used, 8},
      {"dp_netdev_flow_stats.packet_count", &l.dp_netdev_flow_stats_packet_count, 8},
      {"dp_netdev_flow_stats.byte_count", &l.dp_netdev_flow_stats_byte_count, 8},
      {"dp_netdev_flow_stats.tcp_flags", &l.dp_netdev_flow_stats_tcp_flags, 2},
      {"dp_netdev_actions.size", &l.dp_netdev_actions_size, 4},
      {"dpcls_rule.mask", &l.dpcls_rule_mask, 8},
      {"netdev_flow_key.len", &l.netdev_flow_key_len, 4},
      {"miniflow", nullptr, 16},
      {"flow.in_port", &l.flow_in_port, 4},
      {"flow.dl_src", &l.flow_dl_src, 6},
      {"flow.dl_dst", &l.flow_dl_dst, 6},
      {"flow.nw_src", &l.flow_nw_src, 4},
      {"flow.ipv6_src", &l.flow_ipv6_src, 16},
      {"flow.ct_label", &l.flow_ct_label, 16},
      {"flow.packet_type", &l.flow_packet_type, 4},
      {"flow_tnl.tun_id", &l.flow_tnl_tun_id, 8},
      {"ovs_key_nsh.context", &l.ovs_key_nsh_context, 16},
  };
  for (const Fixed& row : fixed) {
    uint32_t size = row.member ? row.member->size : l.sizeof_miniflow;
    if (size != row.size) return bad(std::string(row.name), "the size this version reads (another shape is not supported)", size);
  }
  // Optional members, where they are there.
  const Fixed optional[] = {
      {"dp_netdev_flow.mark", &l.dp_netdev_flow_mark, 4},
      {"dp_netdev_flow.offloaded", &l.dp_netdev_flow_offloaded, 1},
      {"dp_netdev_flow.netdev_flow_get_result", &l.dp_netdev_flow_netdev_flow_get_result, 4},
      {"dp_netdev_flow_attrs.offloaded", &l.dp_netdev_flow_attrs_offloaded, 1},
      {"dp_netdev_flow_attrs.dp_layer", &l.dp_netdev_flow_attrs_dp_layer, 8},
      {"dp_netdev.pmd_cmask", &l.dp_netdev_pmd_cmask, 8},
      {"dp_netdev_pmd_thread.classifiers", &l.dp_netdev_pmd_thread_classifiers, 8},
      {"dp_netdev_pmd_thread.isolated", &l.dp_netdev_pmd_thread_isolated, 1},
      {"dp_netdev_pmd_thread.poll_list", &l.dp_netdev_pmd_thread_poll_list, l.sizeof_hmap},
      {"dpcls.subtables_map", &l.dpcls_subtables_map, 8},
      {"dp_netdev_port.n_rxq", &l.dp_netdev_port_n_rxq, 4},
      {"dp_netdev_port.emc_enabled", &l.dp_netdev_port_emc_enabled, 1},
      {"netdev.n_txq", &l.netdev_n_txq, 4},
  };
  for (const Fixed& row : optional)
    if (*row.member && row.member->size != row.size)
      return bad(std::string(row.name), "the size this version reads (another shape is not supported)", row.member->size);
  if (l.dp_netdev_flow_last_attrs && l.dp_netdev_flow_attrs_dp_layer.offset + 8 > l.dp_netdev_flow_last_attrs.size)
    return bad("dp_netdev_flow.last_attrs", "room for dp_netdev_flow_attrs.dp_layer", l.dp_netdev_flow_last_attrs.size);
  if (l.dp_netdev_flow_last_stats && l.dp_netdev_flow_last_stats.size != l.dp_netdev_flow_stats.size)
    return bad("dp_netdev_flow.last_stats", "the size of dp_netdev_flow.stats", l.dp_netdev_flow_last_stats.size);
  if (l.pmd_counters_n && (l.pmd_counters_n.size % 8 != 0 || l.pmd_counters_n.size > 8 * kMaxPmdCounters || l.pmd_counters_zero.size != l.pmd_counters_n.size ||
                           l.pmd_counters_zero.offset != l.pmd_counters_n.offset + l.pmd_counters_n.size))
    return bad("pmd_counters", "64-bit counters and as many values to subtract right behind them", l.pmd_counters_n.size);
  if (l.sizeof_flow % 8 != 0 || l.sizeof_flow > 8 * 128) return bad("flow", "a size of whole 64-bit words, at most 128", l.sizeof_flow);
  // Every member of struct flow that is read must lie inside it, and the flow inside the dp_netdev_flow.
  for (const LayoutEntry& entry : entries) {
    if (entry.name.starts_with("flow.") && entry.offset + entry.size > l.sizeof_flow) return bad(entry.name, "a member inside struct flow", entry.offset);
    if (entry.name.starts_with("flow_tnl.") && entry.offset + entry.size > l.flow_tunnel.size)
      return bad(entry.name, "a member inside flow.tunnel", entry.offset);
    if (entry.name.starts_with("dp_netdev_flow.") && entry.offset + entry.size > l.sizeof_dp_netdev_flow)
      return bad(entry.name, "a member inside struct dp_netdev_flow", entry.offset);
    if (entry.name.starts_with("dp_netdev_flow_stats.") && entry.offset + entry.size > l.dp_netdev_flow_stats.size)
      return bad(entry.name, "a member inside dp_netdev_flow.stats", entry.offset);
  }
  if (l.flow_vlans.size < 8 || l.flow_mpls_lse.size < 12) return bad("flow.vlans", "two VLAN headers and three MPLS labels", l.flow_vlans.size);
  if (l.flow_tnl_metadata.offset + l.tun_metadata_opts.offset + l.tun_metadata_opts.size > l.flow_tunnel.size ||
      l.flow_tnl_metadata.offset + l.tun_metadata_present.offset + 8 > l.flow_tunnel.size || l.tun_metadata_opts.size > 256)
    return bad("tun_metadata.opts", "at most 256 bytes inside flow.tunnel", l.tun_metadata_opts.size);
  if (l.flow_nsh.size < l.ovs_key_nsh_context.offset + 16) return bad("flow.nsh", "room for ovs_key_nsh", l.flow_nsh.size);
  if (l.sizeof_dp_netdev_flow > 8192) return bad("dp_netdev_flow", "at most 8192 bytes", l.sizeof_dp_netdev_flow);
  if (l.dp_netdev_flow_flow.size != l.sizeof_flow) return bad("dp_netdev_flow.flow", "the size of struct flow", l.dp_netdev_flow_flow.size);
  l.bucket_entries = l.cmap_bucket_hashes.size / 4;
  if (l.sizeof_cmap_bucket != 64 || l.bucket_entries == 0 || l.bucket_entries > 8 || l.cmap_bucket_nodes.size != 8 * l.bucket_entries ||
      l.cmap_bucket_hashes.offset + l.cmap_bucket_hashes.size > 64 || l.cmap_bucket_nodes.offset + l.cmap_bucket_nodes.size > 64)
    return bad("cmap_bucket", "64 bytes with as many hashes as nodes", l.sizeof_cmap_bucket);
  if (l.cmap_impl_buckets.offset > 4096) return bad("cmap_impl.buckets", "an offset below 4096", l.cmap_impl_buckets.offset);
  l.flow_words = l.sizeof_flow / 8;
  l.flow_key = l.dp_netdev_flow_cr.offset + l.dpcls_rule_flow.offset + l.netdev_flow_key_mf.offset;
  l.flow_head = l.flow_key + l.sizeof_miniflow;
  if (l.flow_head > l.sizeof_dp_netdev_flow || l.netdev_flow_key_buf.offset != l.netdev_flow_key_mf.offset + l.sizeof_miniflow)
    return bad("netdev_flow_key.buf", "the values right behind the miniflow's map", l.netdev_flow_key_buf.offset);
  return l;
}

}  // namespace cti::ovs
